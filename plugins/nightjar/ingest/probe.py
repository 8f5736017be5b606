"""One decoding pass of ffmpeg over a file: what it is, how long it plays, how loud it is, how much of it is broken.

The file is handed to ffmpeg as an open descriptor and no other protocol is allowed, so that a playlist that is named
like a song can open neither a file nor an address. Only the formats that the embedder reads are let in.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg

from nightjar.errors import NightjarError
from nightjar.ingest import judge
from nightjar.ingest.judge import Reject, Sound
from nightjar.thresholds import MAX_DURATION_S, PROBE_TIMEOUT_S

FORMATS = "mp3,ogg,flac,wav,w64,aiff,caf,aac,asf,mov,matroska"
"""Demuxers that may be used; mov reads m4a and mp4, asf wma, matroska webm."""

_HEAD_BYTES = 512
_BYTES_PER_SAMPLE = 2  # of pcm_s16le, which the log counts

_INPUT = re.compile(r"^  Stream #0:\d+.*?: Audio: (\w+)", re.MULTILINE)
_RATE = re.compile(r"^  Stream #0:\d+.*?: Audio: pcm_s16le[^,\n]*, (\d+) Hz", re.MULTILINE)
_ENCODED = re.compile(
    r"^\[out#0/null @ [^]]+\]   Output stream #0:0 \(audio\): .*?\((\d+) samples\); \d+ packets muxed \((\d+) bytes\)",
    re.MULTILINE,
)
_DECODED = re.compile(r"^\[in#0/.*? (\d+) frames decoded; (\d+) decode errors", re.MULTILINE)
_LOUDNESS = re.compile(r"^    I: +(\S+) LUFS", re.MULTILINE)


def ffmpeg() -> str:
    """The bundled ffmpeg's path. Raises NightjarError if there is none."""
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise NightjarError(f"there is no ffmpeg: {error}", "Install imageio-ffmpeg: make install") from error


def probe(path: Path) -> Sound | Reject:
    """What the first audio stream of the file is, decoded up to a second beyond MAX_DURATION_S.

    A file that is no audio or that ffmpeg cannot get through is a Reject. Raises NightjarError if ffmpeg itself is
    missing.
    """
    command = [
        *(ffmpeg(), "-hide_banner", "-nostdin", "-nostats", "-v", "verbose", "-threads", "1"),
        *("-protocol_whitelist", "fd", "-format_whitelist", FORMATS, "-fd", "0", "-i", "fd:"),
        *("-map", "0:a:0", "-t", f"{MAX_DURATION_S + 1:.0f}", "-af", "ebur128=framelog=quiet"),
        *("-c:a", "pcm_s16le", "-f", "null", "-"),
    ]
    with path.open("rb", buffering=0) as file:  # ffmpeg inherits the descriptor and where it stands
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        try:
            done = subprocess.run(
                command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PROBE_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return Reject("unreadable", f"Decoding was not done after {PROBE_TIMEOUT_S:.0f} s")
        except OSError as error:
            raise NightjarError(f"ffmpeg does not start: {error}", "Install imageio-ffmpeg: make install") from error
    log = done.stderr.decode(errors="replace")
    if done.returncode < 0:
        return Reject("unreadable", f"ffmpeg ended by signal {-done.returncode} while decoding")
    if "matches no streams" in log and "Input #0" in log:
        return Reject("not_audio", "The file holds no sound, only pictures or data")
    if "Input #0" not in log:
        return judge.unopened(head)
    return read_log(log)


def read_log(log: str) -> Sound | Reject:
    """The measurements in a log of ffmpeg at level verbose: the last of each kind, since tags come before them."""
    codec, encoded, decoded = _INPUT.search(log), _ENCODED.findall(log), _DECODED.findall(log)
    rate, loudness = _RATE.findall(log), _LOUDNESS.findall(log)
    if not (codec and encoded and decoded and rate and loudness) or int(encoded[-1][0]) == 0:
        return Reject("unreadable", "It opens as audio, but not one frame of it decodes")
    samples, written = (int(number) for number in encoded[-1])
    frames, errors = (int(number) for number in decoded[-1])
    return Sound(
        codec=codec[1],
        sample_rate=int(rate[-1]),
        channels=written // (samples * _BYTES_PER_SAMPLE),
        duration_s=samples / int(rate[-1]),
        loudness_lufs=max(-70.0, float(loudness[-1])),  # the scale's own floor; silence may read -inf
        frames=frames,
        errors=errors,
    )
