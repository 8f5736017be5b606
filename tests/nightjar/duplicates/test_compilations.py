"""Albums, medleys and mixes hold songs and join none of them; ringtones join theirs."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.duplicates.groups import Grouping, groups
from nightjar.duplicates.links import Link, Song
from nightjar.thresholds import FRAGMENT_MAX_RATIO, MAX_DIFFERENT, MIN_SHARE, WHOLE_SHARE

DAY_US = 86_400_000_000
Upload = list[tuple[str, float, float]]
"""What follows what: a recording, from which second of it to which."""
SILENCE = "silence"


def link(a: str, b: str, uploads: dict[str, Upload]) -> Link:
    """What comparing two uploads would tell."""
    spans = []
    for recording, start_a, end_a, at_a in _pieces(uploads[a]):
        for other, start_b, end_b, at_b in _pieces(uploads[b]):
            start, end = max(start_a, start_b), min(end_a, end_b)
            if recording == other != SILENCE and end - start >= 5:
                spans.append((at_a + start - start_a, at_b + start - start_b, end - start))
    shorter, longer = sorted((sound(uploads[a]), sound(uploads[b])))
    share = min(1.0, sum(length for _, _, length in spans) / shorter)
    if share < MIN_SHARE:
        return Link(a, b, "distinct", 0.0)
    different = end_a = end_b = 0.0
    for at_a, at_b, length in [*sorted(spans), (math.inf, math.inf, 0.0)]:
        different += min(sound(uploads[a], end_a, at_a), sound(uploads[b], end_b, at_b)) / shorter
        end_a, end_b = max(end_a, at_a + length), max(end_b, at_b + length)
    one = shorter >= FRAGMENT_MAX_RATIO * longer and share >= WHOLE_SHARE and different <= MAX_DIFFERENT
    by_gain = tuple(sorted(spans, key=lambda span: -span[2]))
    return Link(
        a,
        b,
        "duplicate" if one else "fragment",
        0.9,
        share,
        by_gain,
        1.0,
        different,
        (sound(uploads[a]), sound(uploads[b])),
    )


def _pieces(upload: Upload) -> list[tuple[str, float, float, float]]:
    at, pieces = 0.0, []
    for recording, start, end in upload:
        pieces.append((recording, start, end, at))
        at += end - start
    return pieces


def seconds(upload: Upload) -> float:
    return sum(end - start for _, start, end in upload)


def sound(upload: Upload, start: float = 0.0, end: float = math.inf) -> float:
    """Seconds between two that are not silence."""
    pieces = ((at, at + stop - begin) for recording, begin, stop, at in _pieces(upload) if recording != SILENCE)
    return sum(max(0.0, min(end, stop) - max(start, begin)) for begin, stop in pieces)


def judged(days: list[dict[str, Upload]]) -> Grouping:
    """The groups of uploads of some days."""
    uploads = {name: upload for day in days for name, upload in day.items()}
    songs = {
        name: Song(f"2026-11-{20 + number}", number * DAY_US + at, name, seconds(upload))
        for number, day in enumerate(days)
        for at, (name, upload) in enumerate(day.items())
    }
    return groups([link(a, b, uploads) for a, b in combinations(sorted(songs, key=songs.__getitem__), 2)], songs)


def together(found: Grouping) -> list[set[str]]:
    canonical = found.canonical
    return [{name for name in canonical if canonical[name] == one} for one in sorted(set(canonical.values()))]


def held_by(found: Grouping, name: str) -> set[str]:
    return {other for pair in found.contained if name in pair for other in pair - {name}}


def whole(recording: str, length: float = 40.0) -> Upload:
    return [(recording, 0.0, length)]


SONGS = {name: whole(name) for name in "abcd"}
ALBUM = [(name, 0.0, 40.0) for name in "abcd"]


@pytest.mark.parametrize("first", ["songs", "album", "one night"])
def test_an_album_joins_none_of_its_songs(first: str):
    album = {"album": ALBUM}
    days = {"songs": [SONGS, album], "album": [album, SONGS], "one night": [SONGS | album]}
    found = judged(days[first])
    assert found.canonical == {}
    assert held_by(found, "album") == set("abcd")


def test_a_mix_that_fades_its_songs_into_each_other():
    """Each song begins 10 s before the one before it ends, and lasts 200 s."""
    songs = {name: whole(name, 200.0) for name in "abcdef"}
    known = {name: Song("2026-11-20", at, name, 200.0) for at, name in enumerate(songs)}
    known["mix"] = Song("2026-11-21", DAY_US, "mix", 1150.0)
    links = [
        Link(name, "mix", "fragment", 0.8, 0.95, ((2.0, 190.0 * at / 1.02 + 2.0, 196.0),), 1.02)
        for at, name in enumerate(songs)
    ]
    found = groups(links, known)
    assert found.canonical == {}
    assert held_by(found, "mix") == set(songs)


@pytest.mark.parametrize("length", [10.0, 30.0])
def test_ringtones_from_different_places_join_their_song(length: float):
    song, ringtones = whole("a", 200.0), {"x": [("a", 20.0, 20.0 + length)], "y": [("a", 150.0, 150.0 + length)]}
    assert together(judged([{"a": song}, ringtones])) == [{"a", "x", "y"}]
    assert together(judged([{"a": song} | ringtones])) == [{"a", "x", "y"}]


def test_ringtones_of_a_song_in_a_longer_upload_of_it_are_no_two_songs():
    ringtones = {"x": [("a", 20.0, 45.0)], "y": [("a", 150.0, 175.0)]}
    longer = [("speech", 0.0, 90.0), ("a", 0.0, 200.0)]
    found = judged([{"longer": longer}, {"a": whole("a", 200.0)}, ringtones])
    assert together(found) == [{"a", "x", "y", "longer"}]
    assert found.contained == frozenset()
    found = judged([{"a": whole("a", 200.0)}, ringtones, {"longer": longer}])
    assert together(found) == [{"a", "x", "y"}]
    assert held_by(found, "longer") == {"a", "x", "y"}


def test_short_songs_are_songs_where_they_came_first_or_are_all_there_is():
    jingles = {name: whole(name, 12.0) for name in "abc"}
    some = [("a", 0.0, 12.0), ("noise", 0.0, 60.0), ("b", 0.0, 12.0)]
    found = judged([jingles, {"some": some}])
    assert found.canonical == {}
    assert held_by(found, "some") == {"a", "b"}
    found = judged([{"all": [(name, 0.0, 12.0) for name in "abc"]}, jingles])
    assert found.canonical == {}
    assert held_by(found, "all") == set("abc")


def test_a_piece_of_a_medley_joins_the_song_that_it_is_of():
    piece = [("b", 5.0, 20.0)]
    found = judged([SONGS, {"album": ALBUM}, {"piece": piece}])
    assert together(found) == [{"b", "piece"}]
    assert held_by(found, "album") == {*"abcd", "piece"}


def test_a_song_twice_in_one_upload_is_that_song():
    found = judged([{"a": whole("a"), "again": whole("a")}, {"twice": [("a", 0.0, 40.0), ("a", 0.0, 40.0)]}])
    assert together(found) == [{"a", "again", "twice"}]


def test_a_song_a_rival_and_the_song_again():
    found = judged([SONGS, {"sandwich": [("a", 0.0, 40.0), ("b", 0.0, 40.0), ("a", 0.0, 40.0)]}])
    assert found.canonical == {}
    assert held_by(found, "sandwich") == {"a", "b"}


def test_two_albums_that_share_songs():
    one, other = ([(name, 0.0, 40.0) for name in names] for names in ("abc", "bcd"))
    found = judged([SONGS, {"one": one, "other": other}])
    assert not set(found.canonical) & set("abcd")
    assert held_by(found, "one") == set("abc")
    assert held_by(found, "other") == set("bcd")


def test_copies_of_an_album_are_one_and_hold_its_songs_all():
    found = judged([SONGS, {"album": ALBUM}, {"copy": ALBUM}])
    assert together(found) == [{"album", "copy"}]
    assert held_by(found, "copy") == held_by(found, "album") == set("abcd")


def test_half_an_album_is_held_by_the_album():
    half = ALBUM[:2]
    found = judged([SONGS, {"half": half}, {"album": ALBUM}])
    assert found.canonical == {}
    assert held_by(found, "album") == {*"abcd", "half"}
    assert held_by(found, "half") >= {"a", "b"}


def test_what_holds_an_album_whose_songs_are_gone_from_it_holds_all():
    """The long upload and the album match; where each song lies in the long one was never compared."""
    known = {name: Song("2026-11-20", at, name, 40.0) for at, name in enumerate("ab")}
    known |= {"half": Song("2026-11-20", 8, "half", 80.0), "album": Song("2026-11-20", 9, "album", 160.0)}
    links = [
        Link("a", "half", "fragment", 0.9, 1.0, ((0.0, 0.0, 40.0),)),
        Link("b", "half", "fragment", 0.9, 1.0, ((0.0, 40.0, 40.0),)),
        Link("half", "album", "fragment", 0.9, 1.0, ((0.0, 0.0, 80.0),)),
        Link("a", "album", "fragment", 0.9, 1.0, ((0.0, 0.0, 40.0),)),
    ]
    found = groups(links, known)
    assert found.canonical == {}
    assert held_by(found, "album") == {"a", "half"}


def test_an_album_that_also_has_a_piece_of_one_of_its_songs():
    album = [*ALBUM, ("a", 10.0, 25.0)]
    found = judged([SONGS | {"piece": [("a", 10.0, 25.0)]}, {"album": album}])
    assert together(found) == [{"a", "piece"}]
    assert held_by(found, "album") == {*"abcd", "piece"}


def test_a_compilation_of_a_long_and_a_short_song():
    uploads = {"a": whole("a", 28.0), "b": whole("b", 12.0)}
    found = judged([{"both": [("a", 0.0, 28.0), ("b", 0.0, 12.0)]}, uploads])
    assert found.canonical == {}
    assert held_by(found, "both") == {"a", "b"}


def test_where_one_younger_part_is_known_it_is_a_piece_and_with_the_second_no_more():
    assert together(judged([{"album": ALBUM}, {"a": whole("a")}])) == [{"a", "album"}]
    found = judged([{"album": ALBUM}, {"a": whole("a")}, {"c": whole("c")}])
    assert found.canonical == {}
    assert held_by(found, "album") == {"a", "c"}


def test_nothing_that_lasts_an_hour_is_one_song():
    mix = [("noise", 0.0, 1000.0), ("a", 0.0, 200.0), ("more", 0.0, 2400.0)]
    found = judged([{"a": whole("a", 200.0)}, {"mix": mix}])
    assert found.canonical == {}
    assert held_by(found, "mix") == {"a"}


def test_a_song_of_which_little_is_played_is_contained_too_but_makes_no_compilation():
    songs = {"a": whole("a", 100.0), "b": whole("b", 100.0)}
    mix = [("a", 0.0, 100.0), ("b", 0.0, 45.0), ("speech", 0.0, 60.0)]
    assert held_by(judged([songs, {"mix": mix}]), "mix") == {"a"}
    found = judged([songs | {"c": whole("c", 100.0)}, {"mix": [*mix, ("c", 0.0, 100.0)]}])
    assert held_by(found, "mix") == set("abc")


def test_what_was_found_before_stays():
    """Lists were made by it, and what is known of a day does not change with those that follow."""
    found = judged([{"album": ALBUM}, {"a": whole("a")}, {"c": whole("c")}])
    songs = {"album": Song("2026-11-20", 0, "album", 160.0), "a": Song("2026-11-21", DAY_US, "a", 40.0)}
    links = [Link("album", "a", "fragment", 0.9, 1.0, ((0.0, 0.0, 40.0),))]
    assert groups(links, songs).canonical == {"a": "album", "album": "album"}
    assert groups(links, songs, found.contained).canonical == {}


SEGMENT = st.tuples(st.sampled_from("abcd"), st.sampled_from([0.0, 10.0]), st.sampled_from([20.0, 40.0, 60.0]))


@given(st.lists(st.lists(SEGMENT, min_size=1, max_size=4), min_size=2, max_size=7), st.randoms())
@settings(max_examples=200, deadline=None)
def test_order_does_not_matter_and_different_songs_stay_apart(given_uploads: list[Upload], shuffle: random.Random):
    uploads = {f"u{number}": upload for number, upload in enumerate(given_uploads)}
    known = {name: Song("2026-11-20", at, name, seconds(upload)) for at, (name, upload) in enumerate(uploads.items())}
    links = [link(a, b, uploads) for a, b in combinations(uploads, 2)]
    found = groups(links, known)
    shuffle.shuffle(links)
    assert groups(links, known) == found
    for pair in found.contained:
        assert not found.canonical.keys() >= pair or len({found.canonical[each] for each in pair}) == 2
