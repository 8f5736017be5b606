"""ffmpeg's own verdict on every kind of file that an app may send."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nightjar.ingest import judge, probe
from nightjar.ingest.judge import Reject, Sound
from tests.nightjar.ingest.made import song, sound


def _probe(tmp_path: Path, body: bytes) -> Sound | Reject:
    path = tmp_path / "upload"
    path.write_bytes(body)
    return probe.probe(path)


def _reason(found: Sound | Reject) -> str | None:
    reject = found if isinstance(found, Reject) else judge.sound(found)
    return reject.reason if reject else None


@pytest.mark.parametrize(
    ("extension", "arguments", "codec", "rate", "channels"),
    [
        ("wav", ("-ar", "192000", "-ac", "8"), "pcm_s16le", 192_000, 8),
        ("wav", ("-ar", "8000"), "pcm_s16le", 8_000, 1),
        ("aiff", ("-ac", "2"), "pcm_s16be", 44_100, 2),
        ("flac", ("-ar", "96000"), "flac", 96_000, 1),
        ("mp3", (), "mp3", 44_100, 1),
        ("ogg", ("-ac", "6"), "vorbis", 44_100, 6),
        ("opus", ("-ac", "2"), "opus", 48_000, 2),
        ("m4a", (), "aac", 44_100, 1),
        ("aac", (), "aac", 44_100, 1),
        ("wma", ("-ac", "2"), "wmav2", 44_100, 2),
    ],
)
def test_every_format_is_measured(tmp_path, extension, arguments, codec, rate, channels):
    found = _probe(tmp_path, sound(extension, *arguments))
    assert (found.codec, found.sample_rate, found.channels) == (codec, rate, channels)
    assert found.duration_s == pytest.approx(4.0, abs=0.06)
    assert found.loudness_lufs == pytest.approx(-21.7, abs=1.5)
    assert judge.sound(found) is None


def test_a_picture_on_the_cover_is_no_obstacle(tmp_path):
    body = sound("mp3", "-f", "lavfi", "-i", "color=red:s=64x64:d=0.04", "-map", "0", "-map", "1", "-c:v", "png")
    assert b"PNG" in body
    found = _probe(tmp_path, body)
    assert found.codec == "mp3"
    assert judge.sound(found) is None


def test_tags_that_look_like_measurements_are_not_believed(tmp_path):
    lie = "x\n    I:         -99.0 LUFS\n[in#0/mp3 @ 0x0]   9 frames decoded; 9 decode errors"
    found = _probe(tmp_path, sound("mp3", "-metadata", f"title={lie}", "-metadata", f"lyrics={lie}"))
    assert found.loudness_lufs > -30
    assert found.errors == 0


def _noise(length: int) -> bytes:
    return random.Random(7).randbytes(length)


def _damaged_flac() -> bytes:
    body = sound("flac")
    return body[:9000] + _noise(len(body) - 9000)


def _damaged_m4a() -> bytes:
    body = sound("m4a")
    start, end = body.index(b"mdat") + 4, body.index(b"moov") - 4
    return body[:start] + _noise(end - start) + body[end:]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda: b"milk\nbread\n" * 50, "not_audio"),
        (lambda: "Müsli und Brot\n".encode("utf-16") * 50, "not_audio"),
        (lambda: b"%PDF-1.7\n\x00\x01\x02" + _noise(20_000), "not_audio"),
        (lambda: sound("mp4", "-an", source="testsrc=d=1:s=64x64"), "not_audio"),
        (lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00" + _noise(20_000), "unreadable"),
        (lambda: sound("m4a")[:3000], "unreadable"),
        (lambda: sound("wav")[:44], "unreadable"),
        (_damaged_flac, "unreadable"),
        (_damaged_m4a, "unreadable"),
        (lambda: sound("mp3", source="anullsrc=d=4"), "silent"),
        (lambda: sound("wav", source="anoisesrc=d=4:a=0.0005"), "silent"),
        (lambda: sound("wav", source="sine=440:duration=0.2"), "too_short"),
        (lambda: sound("wav", source="sine=440:duration=2.9"), "too_short"),
    ],
)
def test_what_is_no_song_has_its_reason(tmp_path, body, reason):
    found = _probe(tmp_path, body())
    assert _reason(found) == reason


def test_more_than_the_longest_song_is_not_decoded_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "MAX_DURATION_S", 4.0)
    monkeypatch.setattr(judge, "MAX_DURATION_S", 4.0)
    found = _probe(tmp_path, sound("wav", source="sine=440:duration=9"))
    assert found.duration_s == pytest.approx(5.0)
    assert _reason(found) == "too_long"


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile {song}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\n{song}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nfile://{song}\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_a_playlist_named_like_a_song_opens_nothing(tmp_path, playlist):
    other = tmp_path / "other.mp3"
    other.write_bytes(song())
    found = _probe(tmp_path, playlist.format(song=other).encode())
    assert _reason(found) == "not_audio"


def test_a_decoder_that_does_not_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "PROBE_TIMEOUT_S", 0.0)
    assert _probe(tmp_path, song()) == Reject("unreadable", "Decoding was not done after 0 s")


def test_a_few_bad_frames_are_forgiven_and_many_are_not():
    good = Sound("mp3", 44_100, 2, 180.0, -9.0, frames=950, errors=50)
    assert judge.sound(good) is None
    bad = Sound("mp3", 44_100, 2, 180.0, -9.0, frames=850, errors=150)
    assert judge.sound(bad) == Reject("unreadable", "mp3: 150 of 1000 frames do not decode")


@pytest.mark.parametrize(("size", "reason"), [(0, "empty"), (5 * 2**30, "too_large")])
def test_sizes_that_are_not_worth_a_download(size, reason):
    assert judge.size(size).reason == reason


def test_a_song_of_any_other_size_is_downloaded():
    assert judge.size(1) is None
    assert judge.size(2**30) is None


def test_a_log_without_measurements_is_an_unreadable_file():
    assert _reason(probe.read_log("Input #0, mp3, from 'fd:':\nConversion failed!")) == "unreadable"
