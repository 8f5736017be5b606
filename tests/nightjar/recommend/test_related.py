"""What songs are to each other: covers, families of them, songs that hold others; and that lists must keep to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend import invariants
from nightjar.recommend.filters import User
from nightjar.recommend.invariants import InvariantBroken
from nightjar.recommend.ranking import Users
from nightjar.schemas import NEW_USERS
from nightjar.thresholds import MAX_PER_FAMILY, MAX_PER_FAMILY_IN_BEGINNING
from tests.nightjar.recommend import small
from tests.nightjar.recommend.test_ranking import lists

OLD = ("2026-01-01", None, None)


# --- the relation -----------------------------------------------------------------------------------------------------
def test_a_cover_of_a_copy_is_a_cover_of_its_canonical_song():
    library = small.library(
        dict.fromkeys(("alone", "cover", "copy", "first", "third"), OLD),
        copies={"first": "first", "copy": "first"},
        covers=[("copy", "cover"), ("first", "cover"), ("cover", "third"), ("gone", "third"), ("first", "copy")],
    )
    alone, copy, cover, first, third = range(5)
    assert {row: library.related.covers.of(row).tolist() for row in range(5)} == {
        **{alone: [], copy: [], cover: [first, third]},
        **{first: [cover], third: [cover]},  # two covers of one song need not be covers of each other
    }
    assert library.related.family.tolist() == [-1, -1, cover, cover, cover]


def test_a_library_without_covers_or_without_songs():
    assert small.plain(3).related.covers.of(2).tolist() == []
    nothing = small.library({}, covers=[("a", "b")], contains=[("a", "b")]).related
    assert (len(nothing.covers.starts), len(nothing.holds.starts), len(nothing.family)) == (1, 1, 0)


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_family_is_what_pairs_lead_to_in_whatever_order(seed):
    rng = np.random.default_rng(seed)
    ids = [f"s{number:02d}" for number in range(40)]
    pairs = [(ids[a], ids[b]) for a, b in rng.integers(40, size=(25, 2)) if a != b]
    expected = {each: {each} for each in ids}
    for a, b in pairs:
        joined = expected[a] | expected[b]
        expected |= dict.fromkeys(joined, joined)
    shuffled = [pairs[at][:: rng.choice([-1, 1])] for at in rng.permutation(len(pairs))]
    family = small.library(dict.fromkeys(ids, OLD), covers=shuffled).related.family
    assert family.tolist() == [ids.index(min(expected[each])) if len(expected[each]) > 1 else -1 for each in ids]


def test_a_medley_joins_no_two_families():
    """Its first half is over one backing, its second over another: with each song it shares less than half of itself,
    but as much as these are long."""
    songs = dict.fromkeys(("a1", "a2", "b1", "b2", "medley"), OLD)
    pairs = [("a1", "a2"), ("b1", "b2"), ("a1", "medley"), ("b2", "medley")]
    related = small.library(songs, covers=pairs, seconds={"medley": 201.0}).related
    assert related.family.tolist() == [0, 0, 2, 2, 4]
    assert related.covers.of(4).tolist() == [0, 3]  # beside them it never stands
    assert small.library(songs, covers=pairs, seconds={"medley": 200.0}).related.family.tolist() == [0] * 5
    assert small.library(songs, covers=pairs, overlap_s=49.0).related.family.tolist() == [0, 1, 2, 3, 4]


def test_of_a_pair_the_longer_holds_the_other():
    songs = dict.fromkeys(("album", "copy", "first", "other", "second"), OLD)
    pairs = [("album", "copy"), ("second", "album"), ("gone", "album"), ("album", "album")]
    library = small.library(songs, copies={"first": "first", "copy": "first"}, contains=pairs, seconds={"album": 400.0})
    album, _, first, _, second = range(5)
    assert [library.related.holds.of(row).tolist() for row in range(5)] == [[first, second], [], [], [], []]
    assert library.related.holds.of(album).tolist() == [first, second]


def test_of_two_that_hold_each_other_by_their_copies_one_does():
    copies = {"a": "a", "a2": "a", "b": "b", "b2": "b"}
    songs, seconds = dict.fromkeys(("a", "a2", "b", "b2"), OLD), {"a": 300.0, "b2": 300.0}
    both = small.library(songs, copies=copies, contains=[("a", "b"), ("a2", "b2")], seconds=seconds)
    assert [both.related.holds.of(row).tolist() for row in (0, 2)] == [[2], []]


def test_an_older_upload_does_not_give_way_to_what_was_cut_from_it():
    """Two clips of a hit may be two songs of an album, for all that the sweep can know."""
    songs = {"album": OLD, "hit": OLD, "clip": ("2026-01-02", None, None), "again": ("2026-01-02", None, None)}
    pairs = [("hit", "clip"), ("again", "clip"), ("album", "hit")]
    seconds = {"album": 400.0, "hit": 200.0, "again": 200.0}
    library = small.library(songs, copies={"hit": "hit", "again": "hit"}, contains=pairs, seconds=seconds)
    album, hit, clip, again = (library.ids.tolist().index(name) for name in songs)
    assert library.related.holds.of(album).tolist() == [hit]
    assert [library.related.holds.of(row).tolist() for row in (hit, clip, again)] == [[], [], []]


# --- invariants -------------------------------------------------------------------------------------------------------
def test_the_invariants_of_families():
    names = [f"a{number:02d}" for number in range(MAX_PER_FAMILY + 3)]
    others = [f"b{number:02d}" for number in range(40)]
    # A hub in the middle: of each two others neither is a cover of the other.
    covers = [(names[0], each) for each in names[1:]]
    library = small.library(dict.fromkeys([*names, *others], OLD), covers=covers)
    family, rest = list(range(1, len(names))), list(range(len(names), len(library)))
    users = Users.of([User.new()])

    def check(songs: list[int]) -> None:
        invariants.check(library, [NEW_USERS], users, lists(songs))

    check(rest[:5] + family[:MAX_PER_FAMILY_IN_BEGINNING] + rest[5:])
    late = rest[:18] + family[:2] + family[2:MAX_PER_FAMILY]
    check(late)
    with pytest.raises(InvariantBroken, match=f"track a0{family[2]}: its family of covers has too many .* beginning"):
        check(rest[:17] + family[:3])
    with pytest.raises(InvariantBroken, match=f"track a0{family[MAX_PER_FAMILY]}: its family of covers has too many"):
        check([*late, family[MAX_PER_FAMILY]])
    invariants.check(library, ["u", "v"], Users.of([User.new()] * 2), lists(family[:2], family[2:4]))


def test_the_invariant_of_songs_that_hold_others():
    library = small.library(dict.fromkeys("abcd", OLD), contains=[("d", "a"), ("d", "b")], seconds={"d": 300.0})
    nobody, both = Users.of([User.new()]), ["u", "v"]
    for songs in ([3, 2, 0], [1, 3]):
        with pytest.raises(InvariantBroken, match="at track d: it holds a song that is listed, or heard"):
            invariants.check(library, [NEW_USERS], nobody, lists(songs))
    heard = [User("u", np.array([1]), np.ones(1)), User("v", np.array([2]), np.ones(1))]
    with pytest.raises(InvariantBroken, match=r"the list of user 'u' .* track d: it holds a song"):
        invariants.check(library, both, Users.of(heard), lists([3], []))
    invariants.check(library, both, Users.of(heard), lists([0], [3]))  # of another user; and alone
    heard = [User("u", np.array([3]), np.ones(1))]
    invariants.check(library, ["u"], Users.of(heard), lists([0, 1]))  # who heard the whole did not hear each part
