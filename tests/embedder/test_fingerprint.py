from __future__ import annotations

import numpy as np

from embedder import fingerprint, signal, stems
from embedder.decode import decode
from nightjar.thresholds import PRINT_SPEEDS

MELODY = "aevalsrc=0.4*sin(2*PI*t*220*(1+mod(floor(t*3)*5\\,7)/7)):s=44100"


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    length = min(len(one), len(other))
    return 1 - float(np.bitwise_count(one[:length] ^ other[:length]).sum()) / (32 * length)


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
    at_speeds = fingerprint.of_mix_at_speeds(changed, tmp_path)
    agree = [similarity(words, each) for each in (fingerprint.of_mix(changed), *at_speeds)]
    assert np.argmax(agree) == 1 + PRINT_SPEEDS.index(3)
    assert max(agree) > 0.95
    assert agree[0] < 0.8
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".raw") == []
