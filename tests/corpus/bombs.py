"""Small files that would take a night's time or memory, and covers of all kinds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from tests.corpus.bases import base, silence
from tests.corpus.binary import (
    atom,
    chunk,
    comments,
    edited,
    element,
    flac_with,
    id3,
    matroska,
    ogg_with_comments,
    opus_silence,
    syncsafe,
    tone,
    wav,
)
from tests.corpus.upload import ANYTHING, CUT, IS_SONG, Upload, only

_COSTLY = IS_SONG | {"too_costly"}
"""The song is read in bounds of time and memory, or said to need more."""


def uploads() -> Iterator[Upload]:
    yield from _tags()
    yield from _structures()
    yield from _lengths()
    yield from _covers()


def _keys(count: int) -> list[bytes]:
    return [b"K%d=v" % number for number in range(count)]


def _tags() -> Iterator[Upload]:
    flac, mp3, opus = base("flac"), base("mp3"), base("opus")
    for count in (500, 5_000, 80_000):
        truths = IS_SONG if count == 500 else _COSTLY
        yield Upload(f"flac_comments_{count}.flac", flac_with(flac, [(4, comments(_keys(count)))]), truths)
        yield Upload(f"opus_comments_{count}.opus", ogg_with_comments(opus, _keys(count)), truths)
        tags = b"".join(
            element(b"\x67\xc8", element(b"\x45\xa3", b"K%d" % n) + element(b"\x44\x87", b"v")) for n in range(count)
        )
        tagged = element(b"\x12\x54\xc3\x67", element(b"\x73\x73", element(b"\x63\xc0", b"") + tags))
        yield Upload(f"mka_tags_{count}.mka", matroska(tone(), more=tagged), truths)
        frames = [(b"TXXX", b"\0K%d\0v" % number) for number in range(count)]
        yield Upload(f"id3_frames_{count}.mp3", id3(frames) + mp3, truths)
        listed = chunk(b"LIST", b"INFO" + b"".join(chunk(b"I%03d" % (n % 1000), b"v\0") for n in range(count)))
        yield Upload(f"wav_info_{count}.wav", wav(tone(), between=listed), truths)
        items = b"".join(
            atom(b"----", atom(b"mean", bytes(4) + b"x") + atom(b"name", bytes(4) + b"K%d" % n)) for n in range(count)
        )
        meta = atom(
            b"udta", atom(b"meta", bytes(4) + atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + atom(b"ilst", items))
        )
        yield Upload(
            f"m4a_items_{count}.m4a", edited(base("m4a"), (b"moov",), lambda body, meta=meta: body + meta), truths
        )
    yield Upload("flac_comments_that_lie.flac", flac_with(flac, [(4, comments([b"a=b"], 2**32 - 1))]), CUT)
    yield Upload("flac_comment_of_8_mib.flac", flac_with(flac, [(4, comments([b"t=" + b"v" * 2**23]))]), _COSTLY)
    yield Upload("id3_of_24_mib.mp3", id3([(b"TIT2", b"\0" + b"v" * 24_000_000)]) + mp3, _COSTLY)
    yield Upload("id3_says_256_mib.mp3", id3([(b"TIT2", b"\0title")], size=2**28 - 1) + mp3, ANYTHING)
    yield Upload("id3_hundred_times.mp3", id3([(b"TIT2", b"\0title")]) * 100 + mp3, CUT)
    frame = b"TIT2" + syncsafe(2**28 - 1) + b"\0\0"
    yield Upload("id3_frame_says_256_mib.mp3", b"ID3\4\0\0" + syncsafe(len(frame)) + frame + mp3, IS_SONG)
    for version in (0, 1, 2, 3, 5, 255):
        yield Upload(f"id3_version_{version}.mp3", id3([(b"TIT2", b"\0title")], version=version) + mp3, CUT)
    ape = struct.pack("<8sIIII8s", b"APETAGEX", 2000, 2**31, 2**32 - 1, 0x80000000, bytes(8))
    yield Upload("ape_tag_that_lies.mp3", mp3 + ape, IS_SONG)
    chapters = [(b"CHAP", b"c%d\0" % n + bytes(16)) for n in range(20_000)]
    yield Upload("id3_chapters_20000.mp3", id3(chapters) + mp3, _COSTLY)


def _structures() -> Iterator[Upload]:
    flac, m4a = base("flac"), base("m4a")
    yield Upload("flac_paddings_100000.flac", flac_with(flac, [(1, b"")] * 100_000), _COSTLY)
    yield Upload("flac_seek_points_900000.flac", flac_with(flac, [(3, bytes(18 * 900_000))]), _COSTLY)
    yield Upload("flac_cue_of_255.flac", flac_with(flac, [(5, bytes(395) + b"\xff" + bytes(36 * 255))]), CUT)
    yield Upload("wav_chunks_100000.wav", wav(tone(), between=chunk(b"JUNK", b"") * 100_000), _COSTLY)
    yield Upload("wav_cue_of_most.wav", wav(tone(), between=chunk(b"cue ", b"\xff" * 4)), CUT)
    nested = b""
    for _ in range(3000):
        nested = atom(b"moov", nested)
    yield Upload("m4a_nested_3000.m4a", atom(b"ftyp", b"M4A \0\0\2\0") + nested, only("unreadable", "too_costly"))
    deep = b""
    for _ in range(3000):
        deep = atom(b"udta", deep)
    yield Upload("m4a_nested_within.m4a", edited(m4a, (b"moov",), lambda body: body + deep), ANYTHING)
    yield Upload("m4a_atoms_100000.m4a", atom(b"free", b"") * 100_000 + m4a, ANYTHING)
    tracks = b"".join(content for kind, content in _moov(m4a) if kind == b"trak")
    many = atom(b"trak", tracks) * 1000
    yield Upload("m4a_tracks_1000.m4a", edited(m4a, (b"moov",), lambda body: body + many), ANYTHING)
    yield Upload("m4a_size_0.m4a", m4a + atom(b"mdat", b"", 0), CUT)
    yield Upload("m4a_size_1.m4a", m4a + atom(b"free", struct.pack(">Q", 2**63 - 1), 1), CUT)
    inner = b""
    for _ in range(2000):
        inner = element(b"\xb6", inner)  # chapters within chapters
    chapters = element(b"\x10\x43\xa7\x70", element(b"\x45\xb9", inner))
    yield Upload("mka_nested_chapters.mka", matroska(tone(), more=chapters), ANYTHING)
    packed = zlib.compress(bytes(50_000_000), 9)
    compression = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x34", element(b"\x42\x54", b"\0"))))
    cluster = element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\0") + element(b"\xa3", b"\x81\0\0\x80" + packed) * 50)
    yield Upload("mka_packed_zeros.mka", matroska(tone(), track=compression, more=cluster), ANYTHING)
    attached = element(b"\x46\x6e", b"x") + element(b"\x46\x60", b"font/ttf") + element(b"\x46\x5c", bytes(4_000_000))
    attachment = element(b"\x19\x41\xa4\x69", element(b"\x61\xa7", attached))
    yield Upload("mka_attachment.mka", matroska(tone(), more=attachment), _COSTLY)
    yield Upload("mka_voids_100000.mka", matroska(tone(), more=element(b"\xec", b"") * 100_000), _COSTLY)
    audio = struct.pack("<16sQIBB", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), 2**62, 2**32 - 1, 1, 2)
    yield Upload("wma_objects_of_most.wma", audio + base("wma")[30:], ANYTHING)


def _moov(body: bytes) -> list[tuple[bytes, bytes]]:
    from tests.corpus.binary import atoms

    return list(atoms(next(content for kind, content in atoms(body) if kind == b"moov")))


def _lengths() -> Iterator[Upload]:
    """Much sound in few bytes."""
    packed = ("-frame_size", "65535")
    yield Upload("silence_20_minutes.flac", silence("flac", 1200, *packed), only("silent"))
    yield Upload("silence_20_minutes_opus.opus", opus_silence(1200), only("silent"))
    yield Upload("silence_20_minutes_mp3.mp3", silence("mp3", 4, "-b:a", "8k") * 300, only("silent"))
    yield Upload("silence_4_hours.flac", silence("flac", 4 * 3600, *packed), only("too_long"), says="3 hours")


def _picture(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">II", 3, len(kind))
        + kind
        + struct.pack(">5I", 0, 10_000, 10_000, 24, 0)
        + struct.pack(">I", len(body))
        + body
    )


def _png(width: int, height: int) -> bytes:
    """A picture of one colour in few bytes, whatever its size."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(min((width // 8 + 1) * height, 4_000_000)), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def _covers() -> Iterator[Upload]:
    mp3, flac, m4a = base("mp3"), base("flac"), base("m4a")
    pictures = {
        "png": _png(64, 64),
        "png_huge": _png(60_000, 60_000),
        "png_lies": _png(2**31 - 1, 2**31 - 1),
        "jpeg_cut": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>',
        "none": b"",
        "text": b"no picture at all" * 100,
        "of_6_mib": bytes(6 * 2**20),
    }
    for label, body in pictures.items():
        front = b"\0image/png\0\3\0" + body
        yield Upload(f"cover_{label}.mp3", id3([(b"APIC", front)]) + mp3, IS_SONG)
        yield Upload(f"cover_{label}_flac.flac", flac_with(flac, [(6, _picture(b"image/png", body))]), IS_SONG)
        data = atom(b"covr", atom(b"data", struct.pack(">II", 14, 0) + body))
        meta = atom(
            b"udta", atom(b"meta", bytes(4) + atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9)) + atom(b"ilst", data))
        )
        yield Upload(f"cover_{label}_m4a.m4a", edited(m4a, (b"moov",), lambda old, meta=meta: old + meta), IS_SONG)
    yield Upload("cover_by_link.mp3", id3([(b"APIC", b"\0-->\0\3\0http://127.0.0.1/cover.png")]) + mp3, IS_SONG)
    yield Upload("covers_200.mp3", id3([(b"APIC", b"\0image/png\0\3\0" + pictures["png"])] * 200) + mp3, _COSTLY)
    yield Upload(
        "cover_alone.mp3", id3([(b"APIC", b"\0image/png\0\3\0" + pictures["png"])]), only("unreadable", "not_audio")
    )
