"""Verdicts from three parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deploy.demo.composition import perform
from deploy.demo.sound import RATE
from nightjar.duplicates.verdict import Prints, compare, same_file
from tests.nightjar.duplicates.encodes import SONGS
from tests.nightjar.duplicates.heard import upload
from tests.nightjar.duplicates.made import copied, song, worse

SUNG, INSTRUMENTAL = song(1, voice=1), song(2)
NOTHING = np.zeros(0, np.uint32)


@pytest.mark.parametrize("original", [SUNG, INSTRUMENTAL], ids=["sung", "instrumental"])
def test_a_copy_is_a_duplicate(original: Prints):
    found = compare(original, copied(original, start=20))
    assert found.verdict == "duplicate"
    assert found.score > 0.9
    assert found.offset_s == pytest.approx(20 * 0.1238, abs=0.01)
    assert (found.vocals is None) == (original is INSTRUMENTAL)


@pytest.mark.parametrize("original", [SUNG, INSTRUMENTAL], ids=["sung", "instrumental"])
def test_a_piece_is_a_fragment_whichever_came_first(original: Prints):
    piece = copied(original, start=130, stop=190)
    assert compare(original, piece).verdict == compare(piece, original).verdict == "fragment"
    assert compare(original, piece).offset_s == pytest.approx(-compare(piece, original).offset_s)
    assert "shares with" in compare(original, piece).evidence


def test_a_trimmed_copy_is_no_fragment():
    assert compare(SUNG, copied(SUNG, start=20, stop=270)).verdict == "duplicate"


def test_another_singer_on_the_same_backing_is_a_cover():
    found = compare(SUNG, song(1, voice=2))
    assert found.verdict == "cover"
    assert found.accompaniment > 0.9
    assert max(found.mix, found.vocals) < 0.8
    assert "another voice" in found.evidence


def test_a_backing_that_is_only_alike_makes_no_cover():
    """Two songs on one progression, in the same style: composed alike, recorded apart."""
    other = song(1, voice=2)
    alike = replace(other, accompaniment=worse(other.accompaniment, 0.18))
    found = compare(SUNG, alike)
    assert 0.78 < found.accompaniment < 0.84
    assert found.verdict == "distinct"
    assert "different songs" in found.evidence


def test_karaoke_is_a_cover():
    karaoke = song(1)
    found = compare(karaoke, SUNG)
    assert found.verdict == compare(SUNG, karaoke).verdict == "cover"
    assert found.vocals is None
    assert "only one" in found.evidence
    silent = replace(karaoke, vocals=NOTHING, vocals_db=-120.0)
    assert compare(silent, SUNG).verdict == "cover"


def test_the_same_singer_on_another_backing_is_distinct():
    other = song(3, voice=1)
    assert compare(SUNG, Prints(other.mix, other.accompaniment, SUNG.vocals, -5.0)).verdict == "distinct"


def test_a_quiet_copy_whose_vocals_are_lost_is_a_duplicate():
    quiet = replace(copied(SUNG), vocals=NOTHING)
    assert compare(SUNG, quiet).verdict == "duplicate"


def test_without_accompaniment_mix_and_vocals_decide():
    alone = Prints(SUNG.vocals, NOTHING, SUNG.vocals, -0.1)
    found = compare(alone, copied(alone))
    assert found.verdict == "duplicate"
    assert found.accompaniment is None


def test_a_very_short_piece_needs_to_be_clearer():
    piece = copied(INSTRUMENTAL, share=0.24, start=100, stop=130)
    longer = copied(INSTRUMENTAL, share=0.24, start=100, stop=160)
    assert compare(INSTRUMENTAL, piece).verdict == "distinct"
    assert compare(INSTRUMENTAL, longer).verdict == "fragment"


def test_different_songs_are_distinct():
    library = [song(seed, 200, voice=seed if seed % 2 else None) for seed in range(20, 50)]
    found = [compare(a, b).verdict for i, a in enumerate(library) for b in library[:i]]
    assert set(found) == {"distinct"}


def test_silence_matches_nothing():
    silent = Prints(np.full(200, 627964279, np.uint32), NOTHING, NOTHING, -120.0)
    assert compare(silent, silent).verdict == "distinct"
    assert compare(silent, SUNG).verdict == "distinct"


def test_the_same_bytes_need_no_comparison():
    found = same_file(SUNG, 40.0)
    assert (found.verdict, found.score, found.overlap_s) == ("duplicate", 1.0, 40.0)
    assert same_file(INSTRUMENTAL, 40.0).vocals is None


@pytest.mark.parametrize(("seconds", "verdict"), [(3.9, "distinct"), (4.0, "distinct"), (4.1, "duplicate")])
def test_songs_of_four_seconds_are_too_short_to_be_compared(seconds: float, verdict: str):
    piece = perform(SONGS["winter-ball"]).astype(np.float32)[: round(seconds * RATE)]
    assert compare(upload(piece, RATE), upload(piece, RATE, "ogg")).verdict == verdict
