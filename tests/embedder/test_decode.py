from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from embedder import signal
from embedder.decode import SongRejected, decode
from nightjar.errors import NightjarError
from nightjar.ffmpeg import command


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / signal.RATE)[spectrum.argmax()])


@pytest.mark.parametrize("ending", ["wav", "aiff", "flac", "mp3", "ogg", "opus", "m4a", "aac", "wma"])
def test_every_format(synth, tmp_path, ending):
    pcm = decode(synth(f"song.{ending}", 4.0, "-ac", 2), tmp_path / "raw")
    assert pcm.seconds == pytest.approx(4.0, abs=0.15)  # lossy encoders pad
    first_note = pcm.read(signal.RATE // 8, signal.RATE // 4)
    assert first_note.shape == (2, signal.RATE // 4)
    assert loudest_hz(first_note[0]) == pytest.approx(440, abs=4)


@pytest.mark.parametrize("channels", range(1, 9))
def test_one_to_eight_channels(synth, tmp_path, channels):
    pcm = decode(synth("song.wav", 3.5, "-ac", channels), tmp_path / "raw")
    assert pcm.seconds == pytest.approx(3.5, abs=0.01)
    assert np.abs(pcm.read(0, pcm.frames)).max() > 0.05


@pytest.mark.parametrize("rate", [8_000, 11_025, 48_000, 96_000, 192_000])
def test_sample_rates_keep_pitch_and_length(synth, tmp_path, rate):
    pcm = decode(synth("song.flac", 3.5, "-ar", rate), tmp_path / "raw")
    assert pcm.seconds == pytest.approx(3.5, abs=0.01)
    assert loudest_hz(pcm.read(signal.RATE // 8, signal.RATE // 4)[0]) == pytest.approx(440, abs=4)


def test_pieces_are_the_whole(synth, tmp_path):
    pcm = decode(synth("song.wav", 35.0, "-ac", 2), tmp_path / "raw")
    whole = pcm.read(0, pcm.frames)
    assert np.array_equal(np.concatenate(list(pcm.blocks()), axis=1), whole)
    assert np.array_equal(pcm.read(1000, 50), whole[:, 1000:1050])
    assert pcm.read(pcm.frames - 10, 50).shape == (2, 10)
    assert pcm.read(pcm.frames + 10, 50).shape == (2, 0)


def test_a_cover_picture_is_no_audio(synth, tmp_path):
    picture, target = tmp_path / "cover.png", tmp_path / "with_cover.mp3"
    subprocess.run(command("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", 1, picture), check=True, timeout=300)
    both = (
        "-i",
        picture,
        "-i",
        synth("song.mp3", 4.0),
        "-map",
        0,
        "-map",
        1,
        "-c",
        "copy",
        "-disposition:v",
        "attached_pic",
    )
    subprocess.run(command(*both, target), check=True, timeout=300)
    assert decode(target, tmp_path / "raw").seconds == pytest.approx(4.0, abs=0.15)


def write(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"This is not music, whatever its name says.\n" * 50, bytes(100_000)])
def test_what_is_no_audio(tmp_path, content):
    with pytest.raises(SongRejected) as raised:
        decode(write(tmp_path / "song.mp3", content), tmp_path / "raw")
    assert raised.value.reason == "not_audio"
    assert str(tmp_path) not in raised.value.detail


def test_what_can_be_read_of_a_damaged_file_counts(synth, tmp_path):
    whole = synth("song.mp3", 20.0).read_bytes()
    pcm = decode(write(tmp_path / "cut.mp3", whole[: len(whole) // 2]), tmp_path / "raw")
    assert pcm.seconds == pytest.approx(10.0, abs=0.3)


def test_too_short(synth, tmp_path):
    with pytest.raises(SongRejected, match=r"too_short: 2\.0 s"):
        decode(synth("song.wav", 2.0), tmp_path / "raw")


def test_silent(synth, tmp_path):
    with pytest.raises(SongRejected, match="silent"):
        decode(synth("song.flac", 5.0, sound="anullsrc"), tmp_path / "raw")


def test_samples_that_are_no_numbers(tmp_path):
    samples = np.full(5 * 44_100, 0.1, np.float32)
    samples[1000] = np.nan
    soundfile.write(tmp_path / "song.wav", samples, 44_100, subtype="FLOAT")
    with pytest.raises(SongRejected, match=r"unreadable: .* finite"):
        decode(tmp_path / "song.wav", tmp_path / "raw")


def test_numbers_that_no_converter_plays(tmp_path):
    """They would overflow in the resampler, which ended the whole shard."""
    tone = (1e38 * np.sin(np.arange(5 * 8000) / 5)).astype("<f4")
    soundfile.write(tmp_path / "huge.wav", tone, 8000, "FLOAT")
    with pytest.raises(SongRejected, match=r"unreadable: .* times full scale"):
        decode(tmp_path / "huge.wav", tmp_path / "mix.raw")


def test_what_ingest_found_decides_and_not_the_name(synth, tmp_path):
    song = synth("song.mp3", 4.0).read_bytes()
    for name in ("song.g722", "song.al", "song.jpg", "song.txt", "song.m3u8"):
        assert decode(write(tmp_path / name, song), tmp_path / "raw", "mp3").seconds == pytest.approx(4.0, abs=0.15)
        assert decode(write(tmp_path / name, song), tmp_path / "raw").seconds == pytest.approx(4.0, abs=0.15)


def test_a_full_disk_is_no_fault_of_the_song(synth):
    with pytest.raises(NightjarError, match="No space left") as raised:
        decode(synth("song.mp3", 4.0), Path("/dev/full"))
    assert not isinstance(raised.value, SongRejected)
