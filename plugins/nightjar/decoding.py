"""Any upload to stereo samples: the one decoding that ingest judges and the embedder works on.

What the file is, its content says and never its name: ffmpeg guesses once, among the formats that are let in, and what
it found is kept and told it the next time.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from nightjar import ffmpeg, leading, ogg
from nightjar.errors import NightjarError
from nightjar.ffmpeg import Ended, Unfit
from nightjar.ffmpeg_log import OWN
from nightjar.thresholds import (
    DECODE_CPU_S,
    DECODE_PACE,
    DECODE_START_CPU_S,
    MAX_CHANGES,
    MAX_CHANNELS,
    MAX_DURATION_S,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
)

RATE = 44_100
"""Hz at which uploads are decoded: what htdemucs was trained on."""
CHANNELS = 2
FRAME_BYTES = 4 * CHANNELS
"""Of interleaved little-endian float32."""

CONTAINERS = ("mp3", "ogg", "flac", "wav", "w64", "aiff", "caf", "aac", "asf", "mov", "matroska")
"""Demuxers that may be used; mov reads m4a and mp4, asf wma, matroska webm."""
_PCM = ("s8", "u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be", "f64le", "f64be")
CODECS = (
    *("mp3float", "mp3", "mp2float", "mp2", "mp1float", "mp1", "aac", "aac_latm", "alac", "flac", "opus", "vorbis"),
    *("wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "ac3", "eac3", "pcm_alaw", "pcm_mulaw"),
    *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "gsm_ms", "libopus", "libvorbis"),
    *(f"pcm_{kind}" for kind in _PCM),
)
"""Decoders that may be used: none of pictures and video, which a file may have besides."""

_CHUNK = 1 << 20
_NOT_OPENED = re.compile(rf"{OWN}Error opening input: ")
_CONTAINER = re.compile(rf"{OWN}\[in#0/(\w+)[\w,]* @ ")
_CODEC = re.compile(rf"{OWN}\[aist#0:\d+/(\w+) @ ")
_DECODER = re.compile(rf"{_CODEC.pattern}[^]]*\] {OWN}\[dec:(\w+) @ ")
_SHAPE = re.compile(rf"{OWN}tb:\d+/\d+ samplefmt:\w+ samplerate:(\d+) chlayout:(.+)$", re.MULTILINE)
"""Said of the first sound that is decoded."""
_DECODED = re.compile(rf"{OWN}(\d+) frames decoded; (\d+) decode errors")
_CHANGED = re.compile(rf"{OWN}Error during demuxing: Not yet implemented")
"""Said where rate or channels change in a chain of Ogg streams: no more is read. `nightjar.ogg` finds these places, but
for those of codecs that it does not know."""
_NO_MIX = re.compile(rf"{OWN}Rematrix is needed between ")
_ANY_STREAM = re.compile(r"^  Stream #0:", re.MULTILINE)
"""Of pictures and data too. A tag can write it; then a file with no sound is said to hold pictures or data."""
_AMBISONIC = re.compile(r"ambisonic (\d+)")
_NAMED = {"mono": 1, "stereo": 2, "downmix": 2, "binaural": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "cube": 8}
_NAMED |= {"hexadecagonal": 16}


@dataclass(frozen=True)
class Heard:
    """What a file is, and how its decoding went: `seconds` at RATE, frames of its codec, and those that failed."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    seconds: float
    frames: int
    errors: int


class NotOpened(Unfit):
    """ffmpeg finds none of CONTAINERS in the bytes."""


def decode(path: Path, take: Callable[[bytes], object], container: str | None = None) -> Heard:
    """Give `take` the samples of the first audio stream, whole frames of float32 stereo at RATE, and say what it is.

    `container` is what an earlier decoding found. No more than a second beyond MAX_DURATION_S is decoded, by the count
    of samples. Of a chain of Ogg streams all are decoded, and what is said is of the first. Raises NotOpened, Unfit if
    the bytes are at fault, NightjarError if the place is.
    """
    if container is not None and container not in CONTAINERS:
        raise NightjarError(f"there is no container {container!r}", f"Containers: {', '.join(CONTAINERS)}")
    enough = round((MAX_DURATION_S + 1) * RATE) * FRAME_BYTES
    given, rest = 0, b""

    def whole(data: bytes) -> bool:
        nonlocal given, rest
        data = rest + data
        cut = min(len(data) - len(data) % FRAME_BYTES, enough - given)
        if cut:
            take(data[:cut])
        given, rest = given + cut, data[cut:]
        return given < enough

    def piece(file: BinaryIO) -> Heard:
        before = given
        ended = _run(file, whole, container)
        seconds = (given - before) // FRAME_BYTES / RATE
        _in_limits(ended)  # however it ended: a rate of 2 GHz takes more memory than there is
        if ended.by_us == ffmpeg.CPU:
            raise Unfit("too_costly", _costly(ended.cpu_s, seconds))
        ffmpeg.check(ended, lambda: _run(file, lambda _: True, container))
        return _read(ended, seconds)

    with opened(path) as file:
        first, *more = ogg.pieces(file.fileno()) or [(0, 0)]
        if not more:
            return piece(file)
        if len(more) > MAX_CHANGES:
            raise Unfit("unsupported_format", f"Its codec, rate or channels change more than {MAX_CHANGES} times")
        with _part(file, *first) as part:
            heard = piece(part)
        for start, end in more:
            if given >= enough:
                break
            with _part(file, start, end) as part:
                try:
                    then = piece(part)
                except Unfit as unfit:
                    reason = "unreadable" if isinstance(unfit, NotOpened) else unfit.reason
                    raise Unfit(reason, f"After {heard.seconds:.1f} s: {unfit.detail}") from unfit
            frames, errors = heard.frames + then.frames, heard.errors + then.errors
            heard = replace(heard, seconds=heard.seconds + then.seconds, frames=frames, errors=errors)
        return heard


def channels_of(layout: str) -> int:
    """How many channels a layout has by ffmpeg's name for it, as in `5.1(side)`; 0 if the name says nothing."""
    name = layout.partition("(")[0].strip()
    if found := _AMBISONIC.match(name):
        return (int(found[1]) + 1) ** 2
    if name in _NAMED:
        return _NAMED[name]
    if counted := re.match(r"(\d+) channels?", name):
        return int(counted[1])
    return sum(map(int, name.split("."))) if re.fullmatch(r"\d+(\.\d+)+", name) else 0


def source(container: str | None = None) -> tuple[str | int, ...]:
    """What ffmpeg is told of an upload on descriptor 0: nothing else may be opened, nor read as what it is not."""
    allowed = ("-protocol_whitelist", "fd", "-format_whitelist", ",".join(CONTAINERS))
    return (
        *allowed,
        "-codec_whitelist",
        ",".join(CODECS),
        *(("-f", container) if container else ()),
        "-fd",
        0,
        "-i",
        "fd:",
    )


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """An upload as ffmpeg is to be given it: from where its sound begins (`nightjar.leading`).

    What stands before WAV or MP4 is left out of a copy, since an MP4 names its parts by their places.
    """
    with path.open("rb", buffering=0) as file, tempfile.TemporaryFile() as rest:
        if at := leading.sound_at(file):
            file.seek(at)
            shutil.copyfileobj(file, rest)
        given = rest if at else file
        given.seek(0)
        yield given


@contextmanager
def _part(file: BinaryIO, start: int, end: int) -> Iterator[BinaryIO]:
    """A file of the bytes from `start` to `end`, excluded, of another."""
    with tempfile.TemporaryFile() as part:
        for at in range(start, end, _CHUNK):
            part.write(os.pread(file.fileno(), min(_CHUNK, end - at), at))
        part.flush()
        yield part


def _run(file: BinaryIO, take: Callable[[bytes], bool], container: str | None) -> Ended:
    kept = ("-map", "0:a:0", "-map_metadata", -1, "-map_chapters", -1)
    shape = ("-ac", CHANNELS, "-ar", RATE, "-c:a", "pcm_f32le", "-f", "f32le", "-fd", 1, "fd:")
    command = ffmpeg.command("-v", "verbose", *source(container), *kept, *shape)
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # an earlier ffmpeg, to which the same descriptor was given, has moved it
    return ffmpeg.run(command, file, take, _allowed)


def _costly(cpu_s: float, seconds: float) -> str:
    """What took the work: what stands before the sound, or the sound itself."""
    if not seconds:
        return f"ffmpeg worked for {cpu_s:.1f} s, and no sound had come yet: its tags, covers or index take that"
    return f"ffmpeg worked for {cpu_s:.1f} s on the first {seconds:.1f} s of its sound: encode it anew"


def _allowed(given: int) -> float:
    seconds = given / FRAME_BYTES / RATE
    return min(DECODE_START_CPU_S + seconds / DECODE_PACE, DECODE_CPU_S)


def _read(ended: Ended, seconds: float) -> Heard:
    """What ffmpeg itself says of the file (`nightjar.ffmpeg_log`)."""
    opened, codec = _CONTAINER.search(ended.log), _CODEC.search(ended.log)
    if _NOT_OPENED.search(ended.log):
        raise NotOpened("not_audio", "ffmpeg finds no format in it that Nightjar reads")
    if not codec and _ANY_STREAM.search(ended.log):
        raise Unfit("not_audio", "The file holds no sound, only pictures or data")
    if not codec:
        raise Unfit("unreadable", "It opens as audio, but what it holds is damaged or cut off")
    rate, layout = _shape(ended)
    if not seconds or not opened:
        raise Unfit(*_soundless(ended, codec[1], layout))
    if _CHANGED.search(ended.log):
        raise Unfit("unsupported_format", f"After {seconds:.1f} s its rate or channels change, which is not read")
    counted = _DECODED.findall(ended.log)
    frames, errors = (int(number) for number in counted[-1]) if counted else (0, 0)
    return Heard(opened[1], codec[1], rate, channels_of(layout), seconds, frames, errors)


def _shape(ended: Ended) -> tuple[int, str]:
    """The rate and the layout of the first sound; 0 and "" if there is none."""
    shape = _SHAPE.search(ended.log)
    return (int(shape[1]), shape[2]) if shape else (0, "")


def _in_limits(ended: Ended) -> None:
    """Raises Unfit if the sound has too many channels, or a rate that no sound has."""
    rate, layout = _shape(ended)
    if (channels := channels_of(layout)) > MAX_CHANNELS:
        raise Unfit("too_many_channels", f"{channels} channels, more than {MAX_CHANNELS}")
    if rate and not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        limits = f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
        raise Unfit("bad_sample_rate", f"{rate} samples a second; sound has {limits}")


def _soundless(ended: Ended, codec: str, layout: str) -> tuple[str, str]:
    """Why a stream of sound gives not one sample: reason and detail."""
    if ended.failed(errno.EINVAL, errno.ENOSYS) and _NO_MIX.search(ended.log):
        return "unreadable", f"How its channels ({layout}) sound as stereo is not known"
    if codec == "none":
        return "unsupported_codec", "How its sound is encoded is not known"
    if (decoder := _DECODER.search(ended.log)) and decoder[2] not in CODECS:
        return "unsupported_codec", f"Its sound is encoded as {codec}, which Nightjar does not read"
    return "unreadable", "It opens as audio, but not one frame of it decodes"
