"""Headers that lie, numbers that are none, rates and channels of all sizes, streams in chains."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tests.corpus.bases import SECONDS, base, sound_of
from tests.corpus.binary import TRACK, aiff, edited, matroska, ogg_repaged, tone, wav
from tests.corpus.upload import ANYTHING, CUT, IS_SONG, Upload, only

_HUGE = 2**32 - 1
_TOO_MANY, _ODD_RATE = only("too_many_channels"), only("bad_sample_rate")
_NO_CHANNEL = only("unreadable", "not_audio")
RATES = (
    *(0, 1, 2, 10, 100, 1_000, 2_000, 3_999, 4_000, 4_001, 8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000),
    *(88_200, 96_000, 176_400, 192_000, 352_800, 384_000, 705_600, 768_000, 768_001, 1_000_000, 2**31 - 1, _HUGE),
)


def uploads() -> Iterator[Upload]:
    yield from _channels()
    yield from _rates()
    yield from _numbers()
    yield from _wav_headers()
    yield from _other_headers()
    yield from _chains()


def _channels() -> Iterator[Upload]:
    """0 to 255."""
    for channels in range(256):
        samples = tone(seconds=SECONDS if channels <= 8 else 0.05, channels=max(1, channels))
        truths = _NO_CHANNEL if channels == 0 else IS_SONG if channels <= 8 else _TOO_MANY
        says = f"{channels} channels" if channels > 8 else ""
        yield Upload(f"channels_{channels}.wav", wav(samples, channels=channels), truths, says=says)
    for channels in (0, 1, 2, 5, 8, 9, 64, 255, 256, 65_535):
        samples = tone(channels=min(max(1, channels), 8))
        truths = _NO_CHANNEL if channels == 0 else CUT if channels <= 8 else _TOO_MANY | {"unreadable"}
        yield Upload(f"channels_{channels}_aiff.aiff", aiff(samples, channels=channels), truths)
    for channels in (0, 1, 8, 9, 255):
        truths = _NO_CHANNEL if channels == 0 else IS_SONG if channels <= 8 else _TOO_MANY
        yield Upload(
            f"channels_{channels}_mka.mka", matroska(tone(channels=max(1, channels)), channels=channels), truths
        )


def _rates() -> Iterator[Upload]:
    for rate in RATES:
        samples = tone(min(max(rate, 1), 1_000_000), seconds=SECONDS, kind="u1")
        truths = IS_SONG if 4_000 <= rate <= 768_000 else _ODD_RATE if 0 < rate < 2**31 else _ODD_RATE | _NO_CHANNEL
        says = f"{rate} samples" if truths == _ODD_RATE else ""
        yield Upload(f"rate_{rate}.wav", wav(samples, rate), truths, says=says, at_most_s=SECONDS + 0.2)
    for rate in (0, 1, 3_000, 8_000, 48_000, 1_000_000):
        truths = IS_SONG if 4_000 <= rate <= 768_000 else _ODD_RATE | _NO_CHANNEL
        yield Upload(f"rate_{rate}_aiff.aiff", aiff(tone(max(rate, 1)), rate), truths)
    for rate in (-1.0, 0.0, 0.5, 3_000.0, float("nan"), float("inf"), 1e300):
        label = str(rate).replace(".", "_").replace("+", "")
        yield Upload(f"rate_{label}_mka.mka", matroska(tone(), rate=rate), ANYTHING)


def _numbers() -> Iterator[Upload]:
    """Samples that are no numbers, or none that a converter can play."""
    not_finite = {"nan": np.nan, "inf": np.inf, "minus_inf": -np.inf}
    for kind, name in (("<f4", "float"), ("<f8", "double")):
        for label, value in not_finite.items():
            for where, places in (("one", slice(1000, 1001)), ("late", slice(-1, None)), ("all", slice(None))):
                samples = tone(kind=kind).copy()
                samples[places] = value
                yield Upload(f"{label}_{where}_{name}.wav", wav(samples), only("unreadable"), says="not finite")
        for label, value in {"huge": 1e38, "large": 1e6, "loud": 40.0}.items():
            samples = tone(kind=kind, channels=2) * np.dtype(kind).type(value)
            truths = only("unreadable") if value > 1000 else IS_SONG
            says = "times full scale" if value > 1000 else ""
            yield Upload(f"{label}_{name}.wav", wav(samples), truths, says=says)
        yield Upload(f"denormal_{name}.wav", wav(tone(kind=kind) * np.dtype(kind).type(1e-40)), only("silent"))
    yield Upload("constant.wav", wav(np.full((32_000, 1), 12_000, "<i2")), IS_SONG | {"silent"})
    yield Upload("one_click.wav", wav(np.eye(32_000, 1, dtype="<i2") * np.int16(30_000)), IS_SONG | {"silent"})
    yield Upload("silence.wav", wav(np.zeros((32_000, 2), "<i2")), only("silent"))
    yield Upload("too_short.wav", wav(tone(seconds=2.9)), only("too_short"), says="2.9 s")
    opposite = np.hstack([tone(), -tone()])
    yield Upload("channels_inverted.wav", wav(opposite), IS_SONG)


def _wav_headers() -> Iterator[Upload]:
    good = tone()
    one_second = wav(tone(seconds=1), data_size=_HUGE, riff_size=_HUGE)
    sizes = {"0": 0, "odd": 33_333, "most": _HUGE, "half_of_most": 2**31 - 1, "more": len(good) * 2 + 5000}
    for label, size in sizes.items():
        yield Upload(f"data_of_{label}.wav", wav(good, data_size=size), CUT, at_most_s=SECONDS + 0.2)
        yield Upload(f"riff_of_{label}.wav", wav(good, riff_size=size), CUT, at_most_s=SECONDS + 0.2)
    yield Upload("one_second_that_says_hours.wav", one_second, only("too_short"), says="1.0 s")
    for field, values in {
        "bits": (0, 1, 3, 7, 8, 24, 32, 64, 255, 65_535),
        "block": (0, 1, 3, 4096, 65_535),
        "byte_rate": (0, 1, _HUGE),
    }.items():
        for value in values:
            yield Upload(f"{field}_{value}.wav", wav(good, **{field: value}), ANYTHING)
    for tag in (0, 2, 6, 7, 0x11, 0x31, 0x50, 0x55, 0xFF, 0x161, 0x2000, 0x674F, 0xF1AC, 0xFFFE, 0xFFFF):
        yield Upload(f"encoded_as_{tag:x}.wav", wav(good, tag=tag), ANYTHING)
    yield Upload("no_data_chunk.wav", wav(good).replace(b"data", b"date"), only("unreadable"))
    yield Upload("fmt_of_4_gib.wav", wav(good).replace(b"fmt \x10\0\0\0", b"fmt \xff\xff\xff\xff"), only("unreadable"))
    yield Upload("big_endian.wav", b"RIFX" + wav(good)[4:], ANYTHING)
    yield Upload("two_formats.wav", wav(good, between=wav(good)[12:36]), CUT)


def _other_headers() -> Iterator[Upload]:
    flac = base("flac")
    for label, at, new in (
        ("rate_0", 18, b"\0\0\0"),
        ("rate_655350", 18, b"\x9f\xff\x60"),
        ("most_samples", 21, b"\xff" * 5),
        ("no_samples", 21, b"\xf0" + bytes(4)),
        ("block_of_0", 8, bytes(4)),
        ("block_of_65535", 8, b"\xff" * 4),
        ("frames_of_16_mib", 12, b"\xff" * 6),
        ("8_channels", 20, b"\x4e"),
    ):
        yield Upload(f"flac_{label}.flac", flac[:at] + new + flac[at + len(new) :], ANYTHING)

    def granule(value: int):
        return lambda _, page: (*page[:4], value, page[5])

    def serial(index: int, page: tuple) -> tuple:
        return (*page[:2], page[2] + index, *page[3:])

    for kind in ("ogg", "opus", "oga"):
        for value in (0, 1, -1, 2**62, 2**63):
            yield Upload(f"{kind}_at_{value}.{kind}", ogg_repaged(base(kind), granule(value)), CUT)
        yield Upload(f"{kind}_each_page_another.{kind}", ogg_repaged(base(kind), serial), ANYTHING)
        yield Upload(f"{kind}_never_ends.{kind}", ogg_repaged(base(kind), lambda _, page: (*page[:5], 0)), CUT)
        yield Upload(f"{kind}_wrong_checksums.{kind}", base(kind).replace(b"OggS\0\0", b"OggS\0\x02"), ANYTHING)
    opus = base("opus")
    for skip in (0, 65_535):
        for gain in (-32_768, 32_767):
            head = opus[28:38] + struct.pack("<HIh", skip, 48_000, gain) + opus[46:47]
            body = ogg_repaged(opus, lambda index, page, head=head: ((head if index == 0 else page[0]), *page[1:]))
            yield Upload(f"opus_skip_{skip}_gain_{gain + 32_768}.opus", body, CUT | {"silent"})
    m4a = base("m4a")
    for label, path, change in (
        ("sizes_of_4_gib", (*TRACK, b"stbl", b"stsz"), lambda body: body[:12] + b"\xff" * (len(body) - 12)),
        ("most_samples", (*TRACK, b"stbl", b"stsz"), lambda _: bytes(4) + struct.pack(">II", 400, _HUGE)),
        ("most_chunks", (*TRACK, b"stbl", b"stco"), lambda body: body[:4] + b"\xff" * 4 + body[8:]),
        ("chunks_elsewhere", (*TRACK, b"stbl", b"stco"), lambda body: body[:8] + b"\x7f" * (len(body) - 8)),
        ("long_times", (*TRACK, b"stbl", b"stts"), lambda _: bytes(4) + struct.pack(">III", 1, _HUGE, _HUGE)),
        ("scale_0", (b"moov", b"trak", b"mdia", b"mdhd"), lambda body: body[:12] + bytes(4) + body[16:]),
        ("no_description", (*TRACK, b"stbl", b"stsd"), lambda body: body[:4] + bytes(4)),
    ):
        yield Upload(f"m4a_{label}.m4a", edited(m4a, path, change), ANYTHING)
    late = struct.pack(">IIIiIIII", 0, 2, 36_000_000, -1, 0x10000, 4000, 0, 0x10000)
    edits = edited(m4a, (b"moov", b"trak", b"edts", b"elst"), lambda _: late)
    yield Upload("m4a_begins_after_hours.m4a", edits, ANYTHING, at_most_s=SECONDS + 0.5)
    yield Upload(
        "mka_no_end.mka", base("mka").replace(b"\x18\x53\x80\x67", b"\x18\x53\x80\x67\x01" + b"\xff" * 7), ANYTHING
    )


def _chains() -> Iterator[Upload]:
    """Files one after the other, as `cat` makes them: what can be read is read whole, or it is said why not."""
    for kind in ("mp3", "aac", "ogg", "opus", "flac", "wav", "aiff", "m4a", "wma", "mka"):
        body = base(kind)
        truths = IS_SONG if kind in ("mp3", "aac", "ogg", "opus") else CUT
        yield Upload(f"{kind}_twice.{kind}", body + body, truths, at_most_s=2 * SECONDS + 0.3)
    for kind, encoder in (("ogg", "libvorbis"), ("opus", "libopus"), ("mp3", "libmp3lame"), ("aac", "aac")):
        other = sound_of(kind, "-c:a", encoder, "-ac", "1", "-ar", "24000")
        yield Upload(f"{kind}_of_two_kinds.{kind}", base(kind) + other, IS_SONG, at_most_s=2 * SECONDS + 0.3)
    mixed = {"mp3_then_ogg": ("mp3", "ogg"), "ogg_then_mp3": ("ogg", "mp3"), "wav_then_mp3": ("wav", "mp3")}
    mixed |= {"flac_then_wav": ("flac", "wav"), "opus_then_vorbis": ("opus", "ogg"), "mp3_then_m4a": ("mp3", "m4a")}
    for label, (first, second) in mixed.items():
        body = base(first) + base(second)
        yield Upload(f"{label}.{first}", body, CUT | {"unsupported_format"}, at_most_s=2 * SECONDS + 0.3)
    yield Upload("hundred_times.ogg", base("ogg") * 100, IS_SONG, at_most_s=100 * (SECONDS + 0.05))
