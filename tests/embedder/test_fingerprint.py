from __future__ import annotations

import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from embedder import chromaprint, fingerprint, signal, stems
from embedder.decode import Pcm, decode
from nightjar.ffmpeg import command
from nightjar.thresholds import PRINT_SPEEDS

MELODY = "aevalsrc=0.4*sin(2*PI*t*220*(1+mod(floor(t*3)*5\\,7)/7)):s=44100"


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    length = min(len(one), len(other))
    return 1 - float(np.bitwise_count(one[:length] ^ other[:length]).sum()) / (32 * length)


def muxed(*source: object) -> np.ndarray:
    """The words by ffmpeg and the library in it."""
    return np.frombuffer(told(*source, "-f", "chromaprint", "-fp_format", "raw", "-"), "<u4")


def muxed_at_speeds(folder: Path, *source: object) -> Iterator[np.ndarray]:
    told(*source, "-ac", 1, "-ar", 11_025, "-f", "s16le", folder / "low")
    for percent in PRINT_SPEEDS:
        yield muxed("-f", "s16le", "-ar", round(11_025 / (1 + percent / 100)), "-ac", 1, "-i", folder / "low")


def told(*arguments: object) -> bytes:
    return subprocess.run(command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout


def assert_same_words(ours: np.ndarray, theirs: np.ndarray, wrong_bits: float, more: int = 0) -> None:
    """Equally many, or up to `more` more at the end; no larger share of the bits is wrong."""
    assert ours.dtype == np.uint32
    assert 0 <= len(ours) - len(theirs) <= more
    assert np.bitwise_count(ours[: len(theirs)] ^ theirs).sum() <= wrong_bits * 32 * len(theirs)


def raw(pcm: Pcm) -> tuple[object, ...]:
    return ("-f", "f32le", "-ar", signal.RATE, "-ac", signal.CHANNELS, "-i", pcm.path)


def assert_all_as_muxed(song: Path, folder: Path) -> None:
    """The words of a song and of a stem, as they are and at the speeds.

    At the speeds ours are cut off at full scale before they are resampled, and rounded in other places. Where
    Chromaprint resamples to more samples than there were, it loses up to 0.05 s at the end; we do not.
    """
    pcm = decode(song, folder / "raw")
    stem = stems.write(((block, block / 4) for block in pcm.blocks()), folder).accompaniment
    for source, plain, at_speeds in (
        (raw(pcm), fingerprint.of_mix(pcm), fingerprint.of_mix_at_speeds(pcm)),
        (("-i", stem), fingerprint.of_stem(stem, 1.0), fingerprint.of_stem_at_speeds(stem, 1.0)),
    ):
        assert_same_words(plain, muxed(*source), 1e-3)
        for percent, ours, theirs in zip(PRINT_SPEEDS, at_speeds, muxed_at_speeds(folder, *source), strict=True):
            assert_same_words(ours, theirs, 1e-2, int(percent > 0))


@pytest.mark.parametrize(
    "sound",
    [
        MELODY,
        "aevalsrc=exprs=0.9*sin(2*PI*t*(220+9*t))+0.6*(random(0)-0.5)|0.8*sin(2*PI*t*330)+0.5*(random(1)-0.5):s=48000",
        "aevalsrc=0.5*sin(2*PI*t*(200+50*floor(t*4)))*lt(mod(t\\,10)\\,5):s=22050",  # silent half of the time
    ],
    ids=["melody", "loud-stereo", "pauses"],
)
def test_words_are_those_of_the_library(synth, tmp_path, sound):
    assert_all_as_muxed(synth("song.wav", 35.0, "-c:a", "pcm_f32le", sound=sound), tmp_path)


@pytest.mark.parametrize("seconds", [3.0, 3.05, 3.3])
def test_short_songs_have_as_many_words_as_by_the_library(synth, tmp_path, seconds):
    assert_all_as_muxed(synth("song.wav", seconds, sound=MELODY), tmp_path)


@pytest.mark.parametrize("name", ["003.mp3", "027.ogg", "059.m4a", "090.opus"])
def test_words_of_music_are_those_of_the_library(music, tmp_path, name):
    assert_all_as_muxed(music / "library" / name, tmp_path)


RATES = (48_000, signal.RATE, signal.STEM_RATE, 11_984, chromaprint.RATE, 10_208, 8_000)


def printed(rate: int, pieces: list[np.ndarray]) -> np.ndarray:
    made = chromaprint.Print(rate)
    for piece in pieces:
        made.add(piece)
    return made.words()


@pytest.mark.parametrize("rate", RATES)
def test_words_do_not_depend_on_the_pieces(rate):
    rng = np.random.default_rng(rate)
    sound = rng.normal(0, 3000, 20 * rate).astype(np.int16)
    whole = printed(rate, [sound])
    assert len(whole) > 100
    for most in (3000, 100_000):
        cuts = np.cumsum(rng.integers(most // 10, most, 20 * rate // most * 2))
        assert np.array_equal(printed(rate, np.split(sound, cuts[cuts < len(sound)])), whole)


@pytest.mark.parametrize("rate", RATES)
def test_words_at_any_rate_are_those_of_the_library(rate, tmp_path):
    rng = np.random.default_rng(rate)
    swell = np.sin(np.linspace(0, 40, 12 * rate)) ** 2
    sound = (rng.normal(0, 9000, 12 * rate) * swell).astype(np.int16)
    soundfile.write(tmp_path / "sound.wav", sound, rate)
    assert_same_words(printed(rate, [sound]), muxed("-i", tmp_path / "sound.wav"), 1e-3)


@pytest.mark.parametrize("count", [0, 1, 5, 1000, 29_000])
def test_too_little_has_no_words(count):
    for rate in (signal.STEM_RATE, chromaprint.RATE):
        assert len(printed(rate, [np.ones(count, np.int16)])) == 0


def test_more_may_be_added_after_the_words_were_asked_for():
    sound = np.random.default_rng(1).normal(0, 3000, 200_000).astype(np.int16)
    made = chromaprint.Print(signal.STEM_RATE)
    made.add(sound[:90_000])
    first = made.words()
    made.add(sound[90_000:])
    assert np.array_equal(made.words()[: len(first)], first)
    assert np.array_equal(made.words(), printed(signal.STEM_RATE, [sound]))


def test_memory_does_not_grow_with_the_song():
    def peak(minutes: int) -> int:
        made = chromaprint.Print(signal.STEM_RATE)
        piece = np.ones(10 * signal.STEM_RATE, np.int16)
        tracemalloc.start()
        for _ in range(6 * minutes):
            made.add(piece)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20) - peak(1) < 1_500_000  # a row of the picture is 96 bytes: 0.9 MB in 19 minutes


def test_the_whole_song_has_words(synth, tmp_path):
    pcm = decode(synth("song.flac", 200.0, sound=MELODY), tmp_path / "raw")
    words = fingerprint.of_mix(pcm)
    assert words.dtype == np.uint32
    assert 7.5 < len(words) / pcm.seconds < 8.5  # also after 120 s, where other tools stop


def test_another_encoding_has_nearly_the_same_words(synth, tmp_path):
    first = fingerprint.of_mix(decode(synth("song.flac", 20.0, sound=MELODY), tmp_path / "one"))
    second = fingerprint.of_mix(decode(synth("song.mp3", 20.0, "-b:a", "64k", sound=MELODY), tmp_path / "two"))
    other = fingerprint.of_mix(decode(synth("other.flac", 20.0), tmp_path / "three"))
    assert similarity(first, second) > 0.9
    assert similarity(first, other) < 0.75


def test_stems_have_words_unless_they_are_silent(pcm_of, noise, tmp_path):
    mix = noise(8.0)
    made = stems.write([(mix, np.zeros_like(mix))], tmp_path)
    rms = stems.levels(made)
    assert len(fingerprint.of_stem(made.accompaniment, rms.accompaniment)) > 30
    assert len(fingerprint.of_stem(made.vocals, rms.vocals)) == 0
    assert stems.relative_db(rms.vocals, rms.mix) == signal.LEVEL_FLOOR_DB


def test_the_shortest_song(synth, tmp_path):
    assert len(fingerprint.of_mix(decode(synth("song.wav", 3.0, sound=MELODY), tmp_path / "raw"))) > 0


def test_a_faster_song_has_its_originals_words_once_that_speed_is_undone(synth, tmp_path):
    song = synth("song.flac", 30.0, sound=MELODY)
    faster = synth("faster.flac", 30.0, "-af", "asetrate=45423,aresample=44100", sound=MELODY)  # 3 %
    words = fingerprint.of_mix(decode(song, tmp_path / "one"))
    changed = decode(faster, tmp_path / "two")
    at_speeds = fingerprint.of_mix_at_speeds(changed)
    agree = [similarity(words, each) for each in (fingerprint.of_mix(changed), *at_speeds)]
    assert np.argmax(agree) == 1 + PRINT_SPEEDS.index(3)
    assert max(agree) > 0.95
    assert agree[0] < 0.8
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".raw") == []
