"""Pairs and groups of all days: the same whatever the order of the sweeps, and a day knows nothing of later ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import pyarrow as pa
import pytest

from nightjar.duplicates.links import Song
from nightjar.duplicates.tables import Compared
from tests.nightjar.duplicates.test_compilations import ALBUM, DAY_US, Upload, link, seconds, whole

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
UPLOADS: dict[str, dict[str, Upload]] = {
    DAYS[0]: {"a": whole("a"), "d": whole("d")},
    DAYS[1]: {"album": ALBUM, "d again": whole("d")},
    DAYS[2]: {"c": whole("c"), "album again": ALBUM},
}
SONGS = {
    name: Song(day, number * DAY_US + at, name, seconds(upload))
    for number, (day, uploads) in enumerate(UPLOADS.items())
    for at, (name, upload) in enumerate(uploads.items())
}
Stored = dict[str, tuple[pa.Table, pa.Table]]


def row(a: str, b: str) -> dict | None:
    """What the sweep writes of a pair, the older first."""
    found = link(a, b, {name: upload for uploads in UPLOADS.values() for name, upload in uploads.items()})
    if found.verdict == "distinct":
        return None
    spans = [{"a_s": a_s, "b_s": b_s, "seconds": length, "similarity": 0.9} for a_s, b_s, length in found.spans]
    told = {"verdict": found.verdict, "score": found.score, "decided_by": "mix", "mix": 0.9, "evidence": "made up"}
    told |= {"accompaniment": None, "vocals": None, "offset_s": 0.0, "overlap_s": 40.0}
    told |= {"different": found.different, "a_sound_s": found.sound_s[0], "b_sound_s": found.sound_s[1]}
    return {"a": a, "b": b, **told, "share": found.share, "speed": 1.0, "pitch": 0.0, "spans": spans}


def sweep(stored: Stored, day: str, songs: dict[str, Song] = SONGS) -> None:
    """As the step does it: the day's songs against those of all days swept."""
    swept = {*stored, day}
    pairs = combinations(sorted((each for each in songs if songs[each].day in swept), key=songs.__getitem__), 2)
    found = [row(*pair) for pair in pairs if day in {songs[each].day for each in pair}]
    compared = Compared({each: tables[0] for each, tables in stored.items()}, songs)
    changed = compared.renew(day, [each for each in found if each])
    stored |= {each: (pairs, groups) for each, pairs, groups in compared.from_day(min([day, *changed]))}


def swept(order: Sequence[str]) -> Stored:
    stored: Stored = {}
    for day in order:
        sweep(stored, day)
    return stored


def verdicts(stored: Stored, day: str) -> dict[tuple[str, str], str]:
    return {(each["a"], each["b"]): each["verdict"] for each in stored[day][0].to_pylist()}


def groups(stored: Stored, day: str) -> dict[str, str]:
    return {each["track_id"]: each["canonical_id"] for each in stored[day][1].to_pylist()}


def test_a_day_tells_what_is_known_by_then():
    stored = swept(DAYS)
    assert verdicts(stored, DAYS[0]) == {}
    assert verdicts(stored, DAYS[1]) == {
        ("a", "album"): "contains",
        ("d", "album"): "contains",
        ("d", "d again"): "duplicate",
        ("album", "d again"): "contains",
    }
    assert verdicts(stored, DAYS[2]) == {
        ("a", "album again"): "contains",
        ("album", "album again"): "duplicate",
        ("album", "c"): "contains",
        ("c", "album again"): "contains",
        ("d", "album again"): "contains",
        ("d again", "album again"): "contains",
    }
    assert groups(stored, DAYS[2]) == {"d": "d", "d again": "d", "album": "album", "album again": "album"}


def test_the_pair_of_an_earlier_day_comes_again_on_the_day_that_tells_more():
    """An album, one of its songs, and another."""
    names = ("album", "a", "c")
    songs = {
        name: replace(SONGS[name], day=day, uploaded_us=at * DAY_US)
        for at, (day, name) in enumerate(zip(DAYS, names, strict=True))
    }
    stored: Stored = {}
    for day in DAYS:
        sweep(stored, day, songs)
    assert verdicts(stored, DAYS[1]) == {("album", "a"): "fragment"}
    assert groups(stored, DAYS[1]) == {"a": "album", "album": "album"}
    assert verdicts(stored, DAYS[2]) == {("album", "a"): "contains", ("album", "c"): "contains"}
    assert groups(stored, DAYS[2]) == {}

    without = {name: song for name, song in songs.items() if name != "c"}
    sweep(stored, DAYS[2], without)
    assert verdicts(stored, DAYS[2]) == {}
    assert groups(stored, DAYS[2]) == {"a": "album", "album": "album"}


@pytest.mark.parametrize("order", list(permutations(DAYS)), ids=lambda order: " ".join(day[-2:] for day in order))
def test_order_and_repetition_do_not_matter(order: Sequence[str]):
    expected = swept(DAYS)
    assert swept(order) == expected
    assert swept([*order, *order[:2]]) == expected
