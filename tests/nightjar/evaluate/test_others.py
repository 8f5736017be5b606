"""The other ways of comparing: what each finds of made-up prints, and what it is known to miss."""

from __future__ import annotations

import numpy as np

from nightjar.evaluate import others
from nightjar.evaluate.others import Song, by_acoustids_rule, by_echoprint, by_pyacoustid, compare_with
from tests.nightjar.duplicates.made import words, worse

NO_CODES = (np.zeros(0, np.uint32), np.zeros(0, np.uint32))


def song(seed: int, count: int = 400) -> Song:
    """A song with a print and 300 codes of its own."""
    random = np.random.default_rng(seed)
    codes = random.integers(1 << 20, size=300).astype(np.uint32)
    return Song(words(seed, count), (codes, np.sort(random.integers(2000, size=300)).astype(np.uint32)))


def copied(original: Song) -> Song:
    return Song(worse(original.words, 0.03), original.codes)


def test_each_finds_a_copy_and_no_other_song():
    for same in (by_echoprint, by_pyacoustid, by_acoustids_rule):
        assert same(song(1), copied(song(1)))
        assert not same(song(1), song(2))


def test_nothing_to_compare_is_no_match():
    nothing = Song(np.zeros(0, np.uint32), NO_CODES)
    for same in (by_echoprint, by_pyacoustid, by_acoustids_rule):
        assert not same(nothing, nothing)
        assert not same(song(1), nothing)


def test_acoustids_rule_ends_at_its_limit():
    whole = song(3, 900)
    assert by_acoustids_rule(whole, Song(whole.words[70:500], NO_CODES))
    assert not by_acoustids_rule(whole, Song(whole.words[100:500], NO_CODES))


def test_what_is_counted():
    known = {
        "a": song(1),
        "b": copied(song(1)),
        "c": song(2),
        "d": Song(song(2).words[100:250], NO_CODES),
        "e": song(3),
    }
    cases = {("a", "b"): "copy", ("c", "d"): "piece"}
    found = compare_with(known, cases, [("c", "d")], set())
    rule = found["acoustid_rule"]
    assert rule["by_case"]["copy"]["count"] == 1
    assert rule["by_case"]["piece"]["count"] == 0
    assert (rule["only_it"], rule["only_ours"]) == (1, 1)
    assert rule["different"] == {**rule["different"], "count": 0, "of": 8}
    assert set(found) == set(others.METHODS)
