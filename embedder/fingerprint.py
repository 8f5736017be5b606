"""Chromaprint words of a whole song and of its stored stems (`chromaprint`): as it is, and with some speed undone.

A song that was made faster or higher shares no words with its original; so each song is also printed as it would sound
with some per cent of speed undone: its samples are said to have another rate. Sound is read piece by piece, so that
memory does not grow with the song.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from embedder import signal
from embedder.chromaprint import LOW_CUTOFF, LOW_ZEROS, RATE, Print, Resampler
from embedder.compiled import compiled
from embedder.decode import Pcm
from nightjar import ffmpeg
from nightjar.thresholds import PRINT_SPEEDS

_STEPS = 1 << 15
"""Steps of 16 bits in full scale."""


def of_mix(pcm: Pcm) -> np.ndarray:
    """Words of decoded audio, uint32. As `fpcalc` does, its channels are rounded to 16 bits before they are mixed."""
    return _of(_mono(pcm), signal.RATE)


def of_stem(stem: Path, rms: float) -> np.ndarray:
    """Words of a stored stem, uint32; none if its level `rms` says that it is silent."""
    if rms < signal.PART_SILENT_RMS:
        return np.zeros(0, np.uint32)
    return _of(_blocks(stem), signal.STEM_RATE)


def of_mix_at_speeds(pcm: Pcm) -> list[np.ndarray]:
    """Words of the song with each of PRINT_SPEEDS undone."""
    return _at_speeds(_mono(pcm), signal.RATE)


def of_stem_at_speeds(stem: Path, rms: float) -> list[np.ndarray]:
    """The same of a stored stem."""
    if rms < signal.PART_SILENT_RMS:
        return [np.zeros(0, np.uint32)] * len(PRINT_SPEEDS)
    return _at_speeds(_blocks(stem), signal.STEM_RATE)


def samples(pcm: Pcm) -> np.ndarray:
    """The song as Echoprint hears it: (n,) float32, mono, 11,025 Hz."""
    source = ("-protocol_whitelist", "fd", "-f", "f32le", "-ar", signal.RATE, "-ac", signal.CHANNELS, "-i", "fd:")
    made = bytearray()
    with pcm.path.open("rb", buffering=0) as file:
        arguments = ffmpeg.command(*source, "-ac", 1, "-ar", RATE, "-f", "f32le", "-fd", 1, "fd:")
        ffmpeg.done(ffmpeg.run(arguments, file, lambda data: made.extend(data) or True), "make a print")
    return np.frombuffer(bytes(made), "<f4")


def _of(blocks: Iterator[np.ndarray], rate: int) -> np.ndarray:
    print_ = Print(rate)
    for block in blocks:
        print_.add(block)
    return print_.words()


def _at_speeds(blocks: Iterator[np.ndarray], rate: int) -> list[np.ndarray]:
    """All speeds share one low rate, which makes the resampling of each cheap."""
    prints = [Print(round(RATE / (1 + percent / 100))) for percent in PRINT_SPEEDS]
    low = Resampler(rate, LOW_CUTOFF, LOW_ZEROS)
    for block in chain(blocks, [low.end]):
        resampled = low.resampled(block)
        for print_ in prints:
            print_.add(resampled)
    return [print_.words() for print_ in prints]


def _blocks(stem: Path) -> Iterator[np.ndarray]:
    """A stem in pieces of 30 s, (any,) int16."""
    import soundfile  # the library's environment has none, and its tests print mixes

    yield from soundfile.blocks(stem, blocksize=30 * signal.STEM_RATE, dtype="int16")


def _mono(pcm: Pcm) -> Iterator[np.ndarray]:
    """Decoded audio in the same pieces, (any,) int16."""
    for block in pcm.blocks():
        mono = np.empty(block.shape[1], np.int16)
        _mix(np.ascontiguousarray(block.T), mono)
        yield mono


@compiled("void(float32[:, ::1], int16[::1])")
def _mix(block, mono):
    lowest, highest = np.float32(-_STEPS), np.float32(_STEPS - 1)
    for at in range(len(mono)):
        left, right = np.rint(block[at, 0] * np.float32(_STEPS)), np.rint(block[at, 1] * np.float32(_STEPS))
        mono[at] = np.int16((min(max(left, lowest), highest) + min(max(right, lowest), highest)) / 2)  # towards zero
