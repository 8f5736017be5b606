"""ffmpeg's own verdict on every kind of file that an app may send."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nightjar import decoding
from nightjar.ingest import judge
from nightjar.ingest.judge import Reject, Sound
from tests.corpus.binary import ogg_pages, ogg_repaged, wav
from tests.nightjar.ingest.made import probed, song, sound, why_not


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
    found = probed(tmp_path, sound(extension, *arguments))
    assert (found.codec, found.sample_rate, found.channels) == (codec, rate, channels)
    assert found.duration_s == pytest.approx(4.0, abs=0.06)
    assert found.loudness_lufs == pytest.approx(-21.7, abs=1.5)
    assert judge.sound(found) is None


def test_a_picture_on_the_cover_is_no_obstacle(tmp_path):
    body = sound("mp3", "-f", "lavfi", "-i", "color=red:s=64x64:d=0.04", "-map", "0", "-map", "1", "-c:v", "png")
    assert b"PNG" in body
    found = probed(tmp_path, body)
    assert found.codec == "mp3"
    assert judge.sound(found) is None


def test_tags_that_look_like_measurements_are_not_believed(tmp_path):
    lie = "x\n    I:         -99.0 LUFS\n[in#0/mp3 @ 0x0]   9 frames decoded; 9 decode errors"
    found = probed(tmp_path, sound("mp3", "-metadata", f"title={lie}", "-metadata", f"lyrics={lie}"))
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
    found = probed(tmp_path, body())
    assert why_not(found) == reason


def test_more_than_the_longest_song_is_not_decoded_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_DURATION_S", 4.0)
    monkeypatch.setattr(judge, "MAX_DURATION_S", 4.0)
    found = probed(tmp_path, sound("wav", source="sine=440:duration=9"))
    assert found.duration_s == pytest.approx(5.0)
    assert why_not(found) == "too_long"


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
    found = probed(tmp_path, playlist.format(song=other).encode())
    assert why_not(found) == "not_audio"


@pytest.mark.parametrize(
    ("seconds", "lufs", "said"),
    [
        (2.98, -20.0, "2.98 s, less than 3 s"),
        (2.999997, -20.0, "2.999997 s, less than 3 s"),
        (1.0, -20.0, "1.0 s, less than 3 s"),
        (4.0, -60.01, "-60.01 LUFS, below -60 LUFS: nothing is to be heard"),
        (4.0, -70.0, "-70.0 LUFS, below -60 LUFS: nothing is to be heard"),
    ],
)
def test_a_reason_is_true_close_to_its_limit(seconds, lufs, said):
    assert judge.sound(Sound("wav", "pcm_s16le", 44_100, 2, seconds, lufs, frames=9, errors=0)).detail == said


def test_a_little_too_large_is_not_as_large_as_may_be():
    assert judge.size(4 * 2**30 + 1).detail == "4.000000001 GiB, more than 4 GiB"


def test_a_few_bad_frames_are_forgiven_and_many_are_not():
    good = Sound("mp3", "mp3", 44_100, 2, 180.0, -9.0, frames=950, errors=50)
    assert judge.sound(good) is None
    bad = Sound("mp3", "mp3", 44_100, 2, 180.0, -9.0, frames=850, errors=150)
    assert judge.sound(bad) == Reject("unreadable", "mp3: 150 of 1000 frames do not decode")


@pytest.mark.parametrize(("size", "reason"), [(0, "empty"), (5 * 2**30, "too_large")])
def test_sizes_that_are_not_worth_a_download(size, reason):
    assert judge.size(size).reason == reason


def test_a_song_of_any_other_size_is_downloaded():
    assert judge.size(1) is None
    assert judge.size(2**30) is None


@pytest.mark.parametrize(
    ("extension", "name"),
    [
        ("wv", "WavPack"),
        ("tta", "TTA"),
        ("au", "AU"),
        ("ac3", "AC-3"),
        ("ts", "MPEG-TS"),
        ("avi", "AVI"),
        ("flv", "FLV"),
        ("voc", "VOC"),
        ("sox", "SoX"),
        ("nut", "NUT"),
    ],
)
def test_a_format_that_is_not_read_is_named(tmp_path, extension, name):
    found = probed(tmp_path, sound(extension))
    assert found.reason == "unsupported_format"
    assert found.detail.startswith(f"{name}, whatever its name says")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"DSD " + bytes(200), "DSD (DSF)"),
        (b"FRM8" + bytes(200), "DSD (DSDIFF)"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a WebP picture"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"PK\x03\x04", "a ZIP archive"),
    ],
)
def test_the_first_bytes_name_what_is_not_read(head, name):
    assert name in judge.unopened(head).detail


@pytest.mark.parametrize("channels", [9, 12, 64, 255])
def test_more_channels_than_can_be_mixed_are_too_many(tmp_path, channels):
    found = probed(tmp_path, wav(np.full((4 * 44_100, channels), 3000, "<i2"), 44_100))
    assert found == Reject("too_many_channels", f"{channels} channels, more than 8")


@pytest.mark.parametrize("rate", [1, 1_000, 1_000_000, 2**31 - 1])
def test_a_rate_at_which_there_is_no_sound(tmp_path, rate):
    noise = np.random.default_rng(1).integers(-3000, 3000, (min(rate, 1_000_000) * 4, 1)).astype("<i2")
    assert why_not(probed(tmp_path, wav(noise, rate))) == "bad_sample_rate"


def test_a_wave_of_unknown_encoding_says_so(tmp_path):
    found = probed(tmp_path, wav(np.full((4 * 44_100, 1), 3000, "<i2"), 44_100, tag=0xFFFF))
    assert found == Reject("unsupported_codec", "How its sound is encoded is not known")


@pytest.mark.parametrize("start", [b"RF64", b"BW64", b"RIFX"])
def test_a_large_wave_that_is_cut_off_began_as_audio(tmp_path, start):
    assert probed(tmp_path, start + b"\xff\xff\xff\xffWAVEds64\x1c\0\0\0").reason == "unreadable"


def test_a_film_whose_tracks_are_damaged_is_not_said_to_be_without_sound(tmp_path):
    body = sound("m4a")
    found = probed(tmp_path, body.replace(b"trak", b"trax"))
    assert found == Reject("unreadable", "It opens as audio, but what it holds is damaged or cut off")


def test_one_sample_that_is_no_number_is_not_silence(tmp_path):
    samples = np.full((4 * 44_100, 1), 0.1, "<f4")
    samples[1000] = np.nan
    found = probed(tmp_path, wav(samples, 44_100))
    assert judge.sound(found) == Reject("unreadable", "2 of its samples are not finite numbers")


@pytest.mark.parametrize(("level", "fits"), [(2.0, True), (30_000.0, False), (1e38, False)])
def test_numbers_that_no_converter_plays_are_no_sound(tmp_path, level, fits):
    tone = level * np.sin(np.arange(4 * 44_100) / 20)
    reject = judge.sound(probed(tmp_path, wav(tone[:, None].astype("<f4"), 44_100)))
    assert (reject is None) == fits
    if reject:
        assert (reject.reason, "times full scale" in reject.detail) == ("unreadable", True)


def test_a_title_of_ffmpegs_own_words_is_only_a_title(tmp_path):
    lie = "Stream map '0:a:0' matches no streams. Cannot allocate memory\nExiting with exit code -12"
    found = probed(tmp_path, sound("mp3", "-metadata", f"title={lie}"))
    assert judge.sound(found) is None


@pytest.mark.parametrize("extension", ["mp3", "aac"])
@pytest.mark.parametrize(
    ("arguments", "source", "seconds"),
    [
        (("-ac", "1"), "anullsrc=d=0.03", 0.07),
        (("-ac", "1"), "sine=440:duration=0.2,volume=4", 0.25),
        (("-ac", "2", "-ar", "22050"), "anullsrc=d=2", 2.1),
    ],
    ids=["a stray mono frame", "loud mono", "half the rate"],
)
def test_loudness_is_of_the_whole_where_the_format_changes(tmp_path, extension, arguments, source, seconds):
    found = probed(tmp_path, sound(extension, "-ac", "2") + sound(extension, *arguments, source=source))
    assert judge.sound(found) is None
    assert found.loudness_lufs == pytest.approx(-21.7, abs=1.5)
    assert found.duration_s == pytest.approx(4.0 + seconds, abs=0.15)


@pytest.mark.parametrize("jump_s", [3600, -7, 10**7])
@pytest.mark.parametrize("extension", ["ogg", "opus"])
def test_a_jump_of_timestamps_loses_nothing(tmp_path, extension, jump_s):
    body = sound(extension, source="sine=440:duration=20")
    half = len(list(ogg_pages(body))) // 2
    assert half > 2

    def late(index: int, page: tuple) -> tuple:
        return page if index < half else (*page[:4], page[4] + jump_s * 48_000, page[5])

    found = probed(tmp_path, ogg_repaged(body, late))
    assert judge.sound(found) is None
    assert found.duration_s == pytest.approx(20.0, abs=0.1)


def test_the_length_is_that_of_what_is_decoded(tmp_path, monkeypatch):
    """Timestamps of files one after the other fall behind the samples."""
    monkeypatch.setattr(decoding, "MAX_DURATION_S", 30.0)
    monkeypatch.setattr(judge, "MAX_DURATION_S", 30.0)
    found = probed(tmp_path, sound("mp3") * 10)
    assert why_not(found) == "too_long"
