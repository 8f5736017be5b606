"""The thresholds on real music: copies and pieces are found, different songs are not, covers of real stems are."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from embedder import fingerprint
from embedder.decode import decode
from nightjar.duplicates.verdict import Prints, compare
from nightjar.evaluate.alterations import ALTERATIONS
from nightjar.evaluate.copies import alter
from tests.nightjar.duplicates.made import NOBODY_DB, SINGER_DB

NOTHING = np.zeros(0, np.uint32)
DAILY = ("mp3-32", "noise-5", "bass", "compressed", "intro", "fragment-5", "speed-6", "pitch-1", "three-at-once")
LESS_OFTEN = ("opus-24", "echo", "crop-start", "fragment-10", "speed+1", "pitch+0.5", "tempo-4")
"""Each of a kind that one of the others is of."""


@pytest.fixture(scope="module")
def excerpts(music: Path) -> dict[str, Prints]:
    """Every seventh of the library, as instrumentals."""
    return {path.name: mix(path) for path in sorted((music / "library").iterdir())[2::7]}


def words(path: Path, *options: str) -> np.ndarray:
    """The Chromaprint words of a file."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-i", str(path), *options]
    made = subprocess.run([*ffmpeg, "-f", "chromaprint", "-fp_format", "raw", "-"], capture_output=True, check=True)
    return np.frombuffer(made.stdout, "<u4")


def mix(path: Path) -> Prints:
    """A song that nobody sings and that has not been separated: its accompaniment is the mix."""
    print_ = words(path)
    return Prints(print_, print_, NOTHING, NOBODY_DB)


def at_speeds(path: Path, folder: Path) -> Prints:
    """A younger song: the same, with its prints at other speeds."""
    pcm = decode(path, folder / "raw")
    speeds = [Prints(each, each, NOTHING, NOBODY_DB) for each in fingerprint.of_mix_at_speeds(pcm)]
    return replace(mix(path), speeds=speeds)


@pytest.mark.parametrize("name", [*DAILY, *(pytest.param(name, marks=pytest.mark.services) for name in LESS_OFTEN)])
def test_altered_copies_are_found_and_nothing_else(name: str, music: Path, excerpts: dict[str, Prints], tmp_path: Path):
    for original in list(excerpts)[::5]:
        copy = alter(music / "library" / original, ALTERATIONS[name], tmp_path / original)
        altered = at_speeds(copy, tmp_path)
        found = {other: compare(song, altered).verdict for other, song in excerpts.items()}
        verdict = ALTERATIONS[name].verdict
        assert found == {other: verdict if other == original else "distinct" for other in excerpts}, original


@pytest.mark.parametrize("name", ["inverted", "inverted-part"])
def test_an_inverted_copy_is_a_duplicate_whichever_came_first(name: str, music: Path, tmp_path: Path):
    def printed(path: Path) -> Prints:
        pcm = decode(path, tmp_path / "raw")
        plain, *speeds = (
            Prints(each, each, NOTHING, NOBODY_DB)
            for each in (fingerprint.of_mix(pcm), *fingerprint.of_mix_at_speeds(pcm))
        )
        return replace(plain, speeds=speeds)

    song = music / "library" / "003.mp3"
    original, copy = printed(song), printed(alter(song, ALTERATIONS[name], tmp_path / "copy"))
    for older, younger in ((original, copy), (copy, original)):
        found = compare(replace(older, speeds=()), younger)
        assert found.verdict == "duplicate"
        assert found.share > 0.95


@pytest.mark.parametrize(
    ("name", "speed", "pitch"), [("speed+3", 1.03, 0.51), ("pitch-1", 1, -1), ("tempo+4", 1.04, 0)]
)
def test_what_was_changed_is_measured(name: str, speed: float, pitch: float, music: Path, tmp_path: Path):
    song = music / "library" / "003.mp3"
    found = compare(mix(song), at_speeds(alter(song, ALTERATIONS[name], tmp_path / "copy"), tmp_path))
    assert found.speed == pytest.approx(speed, abs=0.003)
    assert found.pitch == pytest.approx(pitch, abs=0.15)
    assert found.share > 0.95


def test_different_songs_are_distinct(excerpts: dict[str, Prints]):
    assert {compare(a, b).verdict for a, b in combinations(excerpts.values(), 2)} == {"distinct"}


def test_excerpts_are_fragments_of_the_whole_songs(music: Path):
    wesnoth, singularity = (
        mix(music / "songs" / f"full-{name}.mp3") for name in ("wesnoth-1.16-music", "singularity-music")
    )
    ten, thirty_seven = mix(music / "library" / "010.opus"), mix(music / "library" / "037.ogg")
    found = compare(wesnoth, ten)
    assert found.verdict == compare(singularity, thirty_seven).verdict == "fragment"
    assert found.offset_s == pytest.approx(87.0, abs=0.2)
    assert compare(wesnoth, thirty_seven).verdict == compare(singularity, ten).verdict == "distinct"


def test_one_recording_in_two_encodings_is_a_duplicate(music: Path):
    high, low = (mix(music / "pairs" / f"same-recording-{name}.ogg") for name in ("high", "low"))
    assert compare(high, low).verdict == "duplicate"


def test_a_song_and_its_backing_track_are_a_cover(music: Path, tmp_path: Path):
    """From true stems: the song, its backing alone, and the backing with the other song's singer."""
    names = ("cristina-vane-so-easy", "the-mountaineering-club-mallory")
    folders = [music / "stems" / name for name in names]
    for folder, other in (folders, folders[::-1]):
        backing, voice = words(folder / "accompaniment_true.mp3"), words(folder / "vocals_true.mp3")
        song = Prints(words(folder / "mix.mp3"), backing, voice, SINGER_DB)
        karaoke = Prints(backing, backing, NOTHING, -120.0)
        both = tmp_path / f"{folder.name}.wav"
        sources = [folder / "accompaniment_true.mp3", other / "vocals_true.mp3"]
        inputs = [part for source in sources for part in ("-i", str(source))]
        mixing = ["-filter_complex", "amix=inputs=2:normalize=0:duration=first", str(both)]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *mixing], check=True)
        cover = Prints(words(both), backing, words(other / "vocals_true.mp3"), SINGER_DB)
        for found in (compare(song, karaoke), compare(song, cover), compare(karaoke, cover)):
            assert found.verdict == "cover", found
