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


@pytest.mark.parametrize("extension", ["mp3", "wav", "aiff", "flac", "ogg", "m4a", "aac", "caf"])
@pytest.mark.parametrize("before", [TAG, TAG + TAG, ZEROS, TAG + ZEROS, ZEROS + TAG], ids=len)
def test_what_stands_before_the_sound_is_skipped(tmp_path, extension, before):
    plain, found = (probed(tmp_path, lead + sound(extension)) for lead in (b"", before))
    assert judge.sound(found) is None
    assert (found.container, found.codec) == (plain.container, plain.codec)
    assert found.duration_s == pytest.approx(plain.duration_s, abs=0.03)
    assert found.loudness_lufs == pytest.approx(plain.loudness_lufs, abs=0.1)
    again = bytearray()
    decoding.decode(tmp_path / "upload", again.extend, found.container)
    assert len(again) == round(found.duration_s * decoding.RATE) * decoding.FRAME_BYTES


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
    ],
)
def test_what_stands_behind_a_tag_is_named(tmp_path, body, reason, said):
    found = probed(tmp_path, body)
    assert isinstance(found, Reject)
    assert found.reason == reason
    assert found.detail.startswith(said)
