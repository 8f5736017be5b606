"""What stands before the sound in a file: skipped, and no reason to call the file what it is not."""

from __future__ import annotations

import io
import struct

import pytest

from nightjar import decoding, leading
from nightjar.ingest import judge
from nightjar.ingest.judge import Reject
from tests.corpus.binary import id3
from tests.nightjar.ingest.made import probed, sound

TAG = id3([(b"TIT2", b"\0x" * 500)])
ZEROS = bytes(3 * 2**19)
FORMATS = ("mp3", "wav", "aiff", "flac", "ogg", "m4a", "aac", "caf", "wma", "mka", "webm", "w64", "mov")


def _ape(size: int, body: int) -> bytes:
    """The header of an APEv2 tag that states `size`, and a body."""
    return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 0xA0000000) + bytes(8) + b"x" * body


BEFORE = {
    "few zeros": bytes(5),
    "one zero": bytes(1),
    "old iTunes, certain": b"ID3\x03\0\0" + struct.pack(">I", 3000) + b"x" * 3000,
    "old iTunes, either": b"ID3\x03\0\0" + struct.pack(">I", 0x0C10) + b"x" * 0x0C10,
    "APE": _ape(500, 500),
    "APE, header counted": _ape(532, 500),
    "APE, header alone": _ape(32, 0),
    "ID3v1": b"TAG" + b"x" * 125,
    "line ends": b"\r\n\r\n",
    "byte order mark": b"\xef\xbb\xbf",
    "all of it": b"\xef\xbb\xbf\r\n" + TAG + bytes(3) + b"TAG" + b"x" * 125 + _ape(500, 500) + bytes(100) + TAG,
}


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("before", [TAG, TAG + TAG, ZEROS, TAG + ZEROS, ZEROS + TAG], ids=len)
def test_what_stands_before_the_sound_is_skipped(tmp_path, extension, before):
    _skipped(tmp_path, extension, before)


@pytest.mark.parametrize("extension", ["wav", "flac", "m4a", "wma", "mp3"])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_every_tag_and_filler_is_skipped(tmp_path, extension, before):
    _skipped(tmp_path, extension, before)


@pytest.mark.parametrize("extension", [name for name in FORMATS if name not in ("mp3", "aac")])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_the_sound_begins_behind_every_tag_and_filler(extension, before):
    assert leading.sound_at(io.BytesIO(before + sound(extension))) == len(before)


def _skipped(tmp_path, extension: str, before: bytes) -> None:
    plain, found = (probed(tmp_path, lead + sound(extension)) for lead in (b"", before))
    assert judge.sound(found) is None
    assert (found.container, found.codec) == (plain.container, plain.codec)
    assert found.duration_s == pytest.approx(plain.duration_s, abs=0.05)
    assert found.loudness_lufs == pytest.approx(plain.loudness_lufs, abs=0.1)
    again = bytearray()
    decoding.decode(tmp_path / "upload", again.extend, found.container)
    assert len(again) == round(found.duration_s * decoding.RATE) * decoding.FRAME_BYTES


@pytest.mark.parametrize("extension", ["mp3", "aac"])
@pytest.mark.parametrize("before", ["", *(name for name in BEFORE if name != "all of it")])
def test_frames_that_ffmpeg_finds_by_itself_are_left_to_it(extension, before):
    """Only those behind many zeros it does not find."""
    assert leading.sound_at(io.BytesIO(BEFORE.get(before, b"") + sound(extension))) == 0


@pytest.mark.parametrize(
    "head",
    [
        struct.pack(">I", 32) + b"ftypM4A \0\0\0\0",
        struct.pack(">I", 8) + b"wide" + struct.pack(">I", 0x0000FFFB) + b"mdat",
        struct.pack(">I", 0) + b"mdat\xff\xfb\x90\x00",
        struct.pack(">IIQ", 1, 0x6D646174, 0xFFFB) + b"\xff\xfb\x90\x00",
        b"ID3\x04\0\0\0\0\0\x08" + bytes(8) + b"\xff\xfb\x90\x00",
    ],
)
def test_what_is_no_run_of_zeros_before_the_sound_is_left(head):
    assert leading.sound_at(io.BytesIO(head + bytes(100))) == 0


def test_the_box_behind_zeros_keeps_its_size():
    assert leading.sound_at(io.BytesIO(bytes(100) + struct.pack(">I", 0x0120) + b"ftypM4A " + bytes(100))) == 100


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        (bytes(2**21), "not_audio", "The content is nothing but zeros"),
        (bytes(3), "not_audio", "The content is nothing but zeros"),
        (ZEROS + b"milk\nbread\n" * 50, "not_audio", "The content is text"),
        (TAG + b"MAC " + bytes(5000), "unsupported_format", "Monkey's Audio"),
        (TAG + ZEROS + b"wvpk" + bytes(5000), "unsupported_format", "WavPack"),
        (TAG, "unreadable", "It begins like an audio file"),
        (TAG + b"\x01\x02\x03" * 500, "unreadable", "It begins like an audio file"),
        (b"#EXTM3U\n#EXTINF:5,\nsong.mp3\n", "not_audio", "The content is a playlist"),
        (b"\xef\xbb\xbf#EXTM3U\nsong.mp3\n", "not_audio", "The content is a playlist"),
        (b"\r\nmilk\nbread\n" * 50, "not_audio", "The content is text"),
        (b"TAGS: milk, bread\n" * 50, "not_audio", "The content is text"),
        (b"The free milk\n" * 50, "not_audio", "The content is text"),
        (b"TAG", "not_audio", "The content is text"),
        (b"\0\0\1\xba" + bytes(range(256)) * 9, "unsupported_format", "MPEG program stream"),
        (_ape(500, 500) + b"MPCK" + bytes(5000), "unsupported_format", "Musepack"),
        (BEFORE["old iTunes, certain"] + b"MAC " + bytes(5000), "unsupported_format", "Monkey's Audio"),
        (BEFORE["ID3v1"] + b"fLaC" + bytes(50), "unreadable", "It begins like an audio file"),
    ],
)
def test_what_stands_behind_a_tag_is_named(tmp_path, body, reason, said):
    found = probed(tmp_path, body)
    assert isinstance(found, Reject)
    assert found.reason == reason
    assert found.detail.startswith(said)
