"""Groups: complete, never chained, whatever the order of the pairs."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.duplicates.groups import groups as grouping
from nightjar.duplicates.links import Link, Song


def songs(*names: str, seconds: dict[str, float] | None = None) -> dict[str, Song]:
    """Songs in the order of their upload, a second apart; 100 s long unless said otherwise."""
    lengths = seconds or {}
    return {name: Song("2026-11-20", at, name, lengths.get(name, 100.0)) for at, name in enumerate(names)}


def groups(links: list[Link], known: dict[str, Song]) -> dict[str, str]:
    """Where every pair was compared, and those without a link are distinct."""
    pairs = {each.pair for each in links}
    distinct = [Link(a, b, "distinct", 0.0) for a, b in combinations(known, 2) if frozenset((a, b)) not in pairs]
    found = grouping([*links, *distinct], known)
    assert not found.open
    return found.canonical


def link(pair: str, verdict: str = "duplicate", score: float = 0.9) -> Link:
    return Link(pair[0], pair[1], verdict, score)


def test_all_pairs_match_and_the_oldest_is_canonical():
    found = groups([link("ab"), link("ac"), link("bc")], songs("c", "a", "b"))
    assert found == {"a": "c", "b": "c", "c": "c"}


def test_who_came_first_is_canonical_whatever_the_prefix_says():
    """Anybody who may write below the prefix of an old day could otherwise take the place of the original."""
    known = {"a": Song("2026-11-21", 0, "a"), "b": Song("2026-11-20", 9, "b")}
    assert groups([link("ab")], known) == {"a": "a", "b": "a"}


def test_of_copies_of_one_moment_the_first_by_id_is_canonical():
    known = {"a": Song("2026-11-21", 5, "a"), "b": Song("2026-11-20", 5, "b")}
    assert groups([link("ab")], known) == {"a": "a", "b": "a"}


def test_a_chain_is_cut_at_its_weakest_pair():
    chain = [link("ab", score=0.9), link("bc", score=0.8), link("cd", score=0.95)]
    assert groups(chain, songs(*"abcd")) == {"a": "a", "b": "a", "c": "c", "d": "c"}


def test_covers_join_nothing():
    assert groups([link("ab", "cover")], songs(*"ab")) == {}
    assert groups([link("ab"), link("bc", "cover")], songs(*"abc")) == {"a": "a", "b": "a"}


def test_fragments_from_different_places_join_their_song():
    lengths = {"x": 10.0, "y": 12.0}
    parts = [link("ax", "fragment"), link("ay", "fragment")]
    assert groups(parts, songs(*"axy", seconds=lengths)) == dict.fromkeys("axy", "a")
    assert groups(parts, songs(*"xya", seconds=lengths)) == dict.fromkeys("axy", "x")


def test_a_fragment_that_is_in_two_songs_joins_the_better_and_does_not_join_them():
    found = groups([link("aj", "fragment", 0.8), link("bj", "fragment", 0.9)], songs(*"abj", seconds={"j": 5.0}))
    assert found == {"b": "b", "j": "b"}


def test_a_fragment_must_match_every_copy_of_its_song():
    lengths = {"x": 10.0}
    assert groups([link("ab"), link("ax", "fragment")], songs(*"abx", seconds=lengths)) == {"a": "a", "b": "a"}
    whole = [link("ab"), link("ax", "fragment"), link("bx", "fragment")]
    assert groups(whole, songs(*"abx", seconds=lengths)) == dict.fromkeys("abx", "a")


def test_a_fragment_of_a_fragment_joins_the_whole_song():
    lengths = {"x": 50.0, "y": 10.0}
    nested = [link("ax", "fragment"), link("ay", "fragment"), link("xy", "fragment", 0.99)]
    assert groups(nested, songs(*"axy", seconds=lengths)) == dict.fromkeys("axy", "a")


def test_without_its_pair_it_joins_nothing_rather_than_the_fragment():
    lengths = {"x": 50.0, "y": 10.0}
    found = groups([link("ax", "fragment"), link("xy", "fragment")], songs(*"axy", seconds=lengths))
    assert found == {"a": "a", "x": "a"}


NAMES = "abcdefgh"
LINKS = st.dictionaries(
    st.sampled_from(list(combinations(NAMES, 2))),
    st.tuples(st.sampled_from(["duplicate", "fragment", "cover"]), st.sampled_from([0.8, 0.9, 1.0])),
)


@given(LINKS, st.lists(st.sampled_from([10.0, 50.0, 100.0]), min_size=8, max_size=8), st.randoms())
@settings(max_examples=400, deadline=None)
def test_no_chain_and_no_order(pairs: dict, lengths: list[float], shuffle: random.Random):
    known = songs(*NAMES, seconds=dict(zip(NAMES, lengths, strict=True)))
    links = [Link(a, b, verdict, score) for (a, b), (verdict, score) in pairs.items()]
    found = groups(links, known)
    turned = [Link(each.b, each.a, each.verdict, each.score) for each in links]
    shuffle.shuffle(turned)
    assert groups(turned, known) == found

    joined = {frozenset((each.a, each.b)) for each in links if each.verdict != "cover"}
    for canonical in set(found.values()):
        group = [member for member in found if found[member] == canonical]
        assert len(group) > 1
        assert canonical == min(group, key=lambda each: known[each].age)
        assert all(any(frozenset((a, b)) in joined for b in group if b != a) for a in group)


SIZES = st.lists(st.integers(4, 12), min_size=2, max_size=3)


@given(SIZES, st.data())
@settings(max_examples=100, deadline=None)
def test_bad_pairs_chain_no_groups(sizes: list[int], data: st.DataObject):
    """Songs with some copies each, and between any two songs one pair that matches by mistake, better than all."""
    songs_of = [[f"{letter}{at:02d}" for at in range(size)] for letter, size in zip("abc", sizes, strict=False)]
    known = songs(*(each for of in songs_of for each in of))
    links = [Link(a, b, "duplicate", 0.9) for of in songs_of for a, b in combinations(of, 2)]
    for one, other in combinations(songs_of, 2):
        bad = data.draw(st.tuples(st.sampled_from(one), st.sampled_from(other)))
        links.append(Link(*bad, "duplicate", 1.0))
    assert groups(links, known) == {each: of[0] for of in songs_of for each in of}


@pytest.mark.parametrize("missed", range(5))
def test_a_few_pairs_that_are_missed_do_not_split_a_song(missed: int):
    """Sixty uploads of 6 to 8 s of one song: shorter ones are pieces of longer ones, and of 1,770 pairs three are not
    found."""
    names = [f"s{number:02d}" for number in range(60)]
    lengths = dict(zip(names, random.Random(missed).choices(range(600, 801), k=60), strict=True))
    known = songs(*names, seconds={name: length / 100 for name, length in lengths.items()})
    links = [
        Link(a, b, "fragment" if min(lengths[a], lengths[b]) < 0.8 * max(lengths[a], lengths[b]) else "altered", 0.9)
        for a, b in combinations(names, 2)
    ]
    lost = set(random.Random(missed).sample(range(len(links)), 3))
    assert groups([each for at, each in enumerate(links) if at not in lost], known) == dict.fromkeys(names, "s00")


def test_what_was_not_compared_is_asked_for_and_not_taken_for_different():
    chain = [link("ab"), link("bc")]
    found = grouping(chain, songs(*"abc"))
    assert found.open == {frozenset("ac")}
    assert found.canonical == dict.fromkeys("abc", "a")
    assert grouping([*chain, link("ac", "distinct")], songs(*"abc")).canonical == dict.fromkeys("ab", "a")


def test_five_hundred_copies_that_were_compared_with_a_few_are_one():
    """Each with four of the first five, and none with any other; a bad pair joins them to no other song."""
    names = [f"s{number:03d}" for number in range(500)]
    known = songs(*names, "x", "y")
    links = [Link(a, b, "altered", 0.9) for a, b in combinations(names[:5], 2)]
    links += [Link(names[(at + shift) % 5], names[at], "altered", 0.9) for at in range(5, 500) for shift in range(4)]
    links += [Link("x", "y", "duplicate", 0.9), Link("s100", "x", "duplicate", 1.0)]
    found = grouping(links, known)
    assert found.canonical == dict.fromkeys(names, "s000") | dict.fromkeys("xy", "x")
    assert len(found.open) < 20


@given(LINKS)
@settings(max_examples=200, deadline=None)
def test_a_fragment_with_one_song_is_never_listed_beside_it(pairs: dict):
    """Songs a to d are 100 s long and do not match each other; e to h are pieces."""
    known = songs(*NAMES, seconds=dict.fromkeys("efgh", 10.0))
    links = [Link(a, b, "fragment", score) for (a, b), (_, score) in pairs.items() if a in "abcd" and b in "efgh"]
    found = groups(links, known)
    for piece in "efgh":
        hosts = [each for each in links if each.b == piece]
        if hosts:
            best = max(each.score for each in hosts)
            assert found[piece] in {found.get(each.a) for each in hosts if each.score == best}
