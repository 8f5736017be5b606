"""What is a piece of a song, a copy with silence, or another song that begins alike; who was there first decides."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from nightjar.duplicates.match import FIRST_WORD_S, WORD_S
from nightjar.duplicates.verdict import DUPLICATE, FRAGMENT, Prints, compare
from nightjar.thresholds import SILENT_WORD
from tests.nightjar.duplicates.made import NOBODY_DB, words, worse
from tests.nightjar.duplicates.test_compilations import SILENCE, SONGS, held_by, judged, together, whole


@pytest.mark.parametrize("days", [1, 2])
def test_silence_is_no_length(days: int):
    """Before, behind or in the middle, of a song and of its copies; a ringtone with a silent end is one."""
    silence = (SILENCE, 0.0, 60.0)
    copies = {
        "behind": [*whole("a"), silence],
        "before": [silence, *whole("a")],
        "between": [("a", 0.0, 20.0), silence, ("a", 20.0, 40.0)],
        "behind again": [*whole("a"), silence],
    }
    ringtone = {"ringtone": [("a", 5.0, 20.0), (SILENCE, 0.0, 40.0)]}
    uploads = {"a": whole("a")} | copies | ringtone
    found = judged([{"a": whole("a")}, copies, ringtone] if days > 1 else [uploads])
    assert together(found) == [{*uploads}]
    assert not found.contained


def test_a_long_upload_is_no_copy_of_an_older_song_in_it():
    """A song behind a speech, and podcasts that begin with one jingle. A jingle that comes later is a piece of one."""
    found = judged([{"a": whole("a")}, {"late": [("speech", 0.0, 30.0), ("a", 0.0, 40.0)]}])
    assert (found.canonical, held_by(found, "late")) == ({}, {"a"})
    jingle, one, other = ([("j", 0.0, 30.0), *rest] for rest in ([], whole("x"), whole("y", 50.0)))
    for days in ([{"j": jingle}, {"one": one}, {"other": other}], [{"j": jingle}, {"one": one, "other": other}]):
        found = judged(days)
        assert found.canonical == {}
        assert held_by(found, "j") == {"one", "other"}
    assert together(judged([{"one": one}, {"j": jingle}])) == [{"j", "one"}]
    found = judged([{"one": one}, {"j": jingle}, {"other": other}])
    assert together(found) == [{"j", "one"}]
    assert held_by(found, "other") == {"j"}


def test_uploads_that_begin_alike_and_go_on_differently_are_no_copies():
    bulletins = {name: [("jingle", 0.0, 26.0), (name, 0.0, 15.0)] for name in "xyz"}
    assert judged([bulletins]) == judged([{}])
    podcasts = {"x": [("jingle", 0.0, 30.0), ("x", 0.0, 18.0)], "y": [("jingle", 0.0, 30.0), ("y", 0.0, 600.0)]}
    assert judged([podcasts]) == judged([{}])
    trimmed = {"begin": [("a", 0.0, 160.0)], "end": [("a", 40.0, 200.0)]}
    assert together(judged([trimmed])) == [{"begin", "end"}]


def test_a_medley_of_a_long_and_a_short_song_is_neither():
    """It is nearly as long as the longer one, and by itself would be a copy of it."""
    songs, medley = {"a": whole("a", 100.0), "b": whole("b", 24.0)}, [("a", 0.0, 100.0), ("b", 0.0, 24.0)]
    found = judged([songs, {"medley": medley}, {"copy": medley, "a again": whole("a", 100.0)}])
    assert together(found) == [{"a", "a again"}, {"medley", "copy"}]
    assert held_by(found, "medley") == held_by(found, "copy") == {"a", "a again", "b"}
    found = judged([songs, {"medley": medley}, {"copy": medley, "a again": whole("a", 100.0)}][::-1])
    assert together(found) == [
        {"medley", "copy", "a", "a again", "b"}
    ]  # a trimmed copy and a ringtone, for all we know


def test_a_trimmed_copy_and_what_it_lacks_are_one_song():
    """The ringtone does not match the copy that was cut where it ends: that is no sign that it is another song."""
    full, cut, ringtone = {"full": whole("a", 100.0)}, {"cut": [("a", 18.0, 100.0)]}, {"ringtone": [("a", 0.0, 18.0)]}
    for days in ([full, cut, ringtone], [full, ringtone, cut], [full | cut | ringtone], [cut, full, ringtone]):
        assert together(judged(days)) == [{"full", "cut", "ringtone"}]


def test_many_pieces_from_both_ends_are_one_song():
    lengths = range(20, 200, 20)
    begins = {f"begin-{length}": [("a", 0.0, float(length))] for length in lengths}
    ends = {f"end-{length}": [("a", 200.0 - length, 200.0)] for length in lengths}
    uploads = {"a": whole("a", 200.0)} | begins | ends
    assert together(judged([uploads])) == [{*uploads}]
    assert together(judged([{"a": uploads["a"]}, begins, ends])) == [{*uploads}]


def test_clips_of_a_hit_make_it_no_compilation():
    """Two clips from different places may be two songs: they are kept apart from it. Its other pieces are not, and a
    third clip that bridges the two shows that all are one."""
    clips = {"begin": [("hit", 0.0, 60.0)], "end": [("hit", 130.0, 190.0)]}
    others = {"ringtone": [("hit", 80.0, 100.0)], "copy": whole("hit", 200.0), "trimmed": [("hit", 5.0, 200.0)]}
    found = judged([{"hit": whole("hit", 200.0)}, clips, others])
    assert together(found) == [{"hit", *others}]
    assert set.union(*map(set, found.contained)) == {"hit", "copy", "trimmed", *clips}
    longer = {"longer": [("speech", 0.0, 100.0), ("hit", 0.0, 200.0)]}
    assert held_by(judged([longer, {"hit": whole("hit", 200.0)}, clips]), "hit") == {*clips}
    assert together(judged([longer, {"hit": whole("hit", 200.0)}, clips])) == [{"longer", "hit"}]
    bridge = {"bridge": [("hit", 30.0, 160.0)]}
    assert together(judged([{"hit": whole("hit", 200.0)}, clips | bridge])) == [{"hit", "bridge", *clips}]


def test_what_bridges_two_older_songs_does_not_join_them():
    bridge = {"bridge": [("a", 16.0, 40.0), ("b", 0.0, 24.0)], "medley": [*whole("a"), *whole("b")]}
    found = judged([SONGS, bridge])
    assert len({found.canonical.get(name, name) for name in "ab"}) == 2
    assert held_by(found, "medley") >= {"a", "b"}


SILENT = np.full(480, SILENT_WORD, np.uint32)
"""A minute."""


def at_all_places(original: np.ndarray) -> dict[str, np.ndarray]:
    """A print with silence behind, before and in the middle."""
    half = len(original) // 2
    parts = {"behind": [original, SILENT], "before": [SILENT, original], "between": [original[:half], SILENT]}
    parts["between"].append(original[half:])
    return {name: np.concatenate(each) for name, each in parts.items()}


@pytest.mark.parametrize(("one", "other"), [*combinations(("none", "behind", "before", "between"), 2), ("behind",) * 2])
def test_copies_are_told_by_their_sound(one: str, other: str):
    prints = {"none": words(1), **at_all_places(words(1))}
    again = {"none": worse(words(1), 0.03), **at_all_places(worse(words(1), 0.03))}
    found = compare(prints_of(prints[one]), prints_of(again[other]))
    assert (found.verdict, round(found.share, 1), round(found.different, 1)) == (DUPLICATE, 1.0, 0.0)
    assert found.a_sound_s == pytest.approx(words_s(300), abs=6)
    assert found.b_sound_s == pytest.approx(words_s(300), abs=6)


def test_prints_that_begin_alike_and_go_on_differently_are_no_copies():
    bulletins = [np.concatenate([words(1, 210), words(seed, 120)]) for seed in (2, 3)]
    found = compare(*map(prints_of, bulletins))
    assert found.verdict == FRAGMENT
    assert found.different == pytest.approx(120 / 330, abs=0.05)
    trimmed = compare(prints_of(words(1)[60:]), prints_of(worse(words(1)[:240], 0.03)))
    assert (trimmed.verdict, round(trimmed.different, 1)) == (DUPLICATE, 0.0)
    noisy_middle = words(1).copy()
    noisy_middle[100:150] = words(9, 50)
    assert compare(prints_of(words(1)), prints_of(noisy_middle)).verdict == DUPLICATE


def prints_of(mix: np.ndarray) -> Prints:
    return Prints(mix, mix, np.zeros(0, np.uint32), NOBODY_DB)


def words_s(count: int) -> float:
    return FIRST_WORD_S + (count - 1) * WORD_S
