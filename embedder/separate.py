"""Vocals and accompaniment of a whole song from a network that takes segments: overlap-add, piece by piece.

The method is that of `demucs.apply.apply_model` (shifts 0): the song is normalised by the mean and deviation of its
mono mix, segments overlap, and each sample is the mean of the segments that cover it, weighted by a triangle over the
segment. Unlike there, memory does not grow with the song, the last segment ends with the song instead of hanging over
it, no segment is computed that others cover or that is digital silence. The accompaniment is the mix minus the vocals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from embedder import signal
from embedder.decode import Pcm

VocalsOf = Callable[[np.ndarray], np.ndarray]
"""(n, 2, signal.SEGMENT) normalised float32 to the vocals in it, same shape and scale."""


def segment_starts(frames: int, overlap: float = signal.OVERLAP) -> list[int]:
    """Where the segments begin that cover `frames`, ascending, each needed; the last one ends with the song."""
    last = frames - signal.SEGMENT
    if last <= 0:
        return [0]
    stride = int((1 - overlap) * signal.SEGMENT)
    return [*range(0, last, stride), last]


def separate(
    pcm: Pcm, vocals_of: VocalsOf, overlap: float = signal.OVERLAP, batch: int = 1
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Consecutive pieces of the song as (accompaniment, vocals), each (2, frames) float32; together its whole
    length. The network gets `batch` segments at a time."""
    starts = segment_starts(pcm.frames, overlap)
    weight = _triangle(signal.SEGMENT)
    total = np.zeros((2, 0), np.float32)  # weighted vocals from `start` on, and their weights
    weights = np.zeros(0, np.float32)
    segments = _segments(pcm, starts, vocals_of, batch)
    for (start, mix, vocals), following in zip(segments, [*starts[1:], pcm.frames], strict=True):
        length = mix.shape[1]
        total = np.pad(total, ((0, 0), (0, length - total.shape[1])))
        weights = np.pad(weights, (0, length - len(weights)))
        total += weight[:length] * vocals
        weights += weight[:length]
        final = following - start  # no later segment reaches back before its own beginning
        finished = total[:, :final] / weights[:final]
        yield mix[:, :final] - finished, finished
        total, weights = total[:, final:], weights[final:]


def _segments(
    pcm: Pcm, starts: list[int], vocals_of: VocalsOf, batch: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each segment's start, mix and vocals, both (2, up to signal.SEGMENT); what is digital silence has no vocals."""
    mean, deviation = _scale(pcm)
    for first in range(0, len(starts), batch):
        held = [(start, pcm.read(start, signal.SEGMENT)) for start in starts[first : first + batch]]
        heard = [number for number, (_, mix) in enumerate(held) if np.abs(mix).max() >= signal.SEGMENT_SILENCE]
        found = [np.zeros_like(mix) for _, mix in held]
        if heard:
            answers = vocals_of(np.stack([_centred((held[number][1] - mean) / deviation) for number in heard]))
            for number, answer in zip(heard, answers, strict=True):
                left, length = _margins(held[number][1].shape[1])[0], held[number][1].shape[1]
                found[number] = answer[:, left : left + length] * deviation + mean
        for (start, mix), vocals in zip(held, found, strict=True):
            yield start, mix, vocals


def unseparated(pcm: Pcm) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The song in the same form where nothing is separated: the mix as its accompaniment, and silent vocals."""
    for mix in pcm.blocks():
        yield mix, np.zeros_like(mix)


def _scale(pcm: Pcm) -> tuple[np.float32, np.float32]:
    """Mean and deviation of the mono mix, added up block by block in double precision; not less than
    signal.LEAST_DEVIATION."""
    total = squares = 0.0
    for block in pcm.blocks():
        mono = block.mean(axis=0, dtype=np.float64)
        total += mono.sum()
        squares += (mono**2).sum()
    mean = total / pcm.frames
    deviation = np.sqrt(max(squares / pcm.frames - mean**2, 0.0))
    return np.float32(mean), np.float32(max(deviation, signal.LEAST_DEVIATION) + 1e-8)


def _triangle(length: int) -> np.ndarray:
    rising = np.arange(1, length // 2 + 1)
    falling = np.arange(length - length // 2, 0, -1)
    weight = np.concatenate([rising, falling]).astype(np.float32)
    return weight / weight.max()


def _centred(mix: np.ndarray) -> np.ndarray:
    """A piece that may be shorter than a segment, in the middle of a segment of silence."""
    return np.pad(mix, ((0, 0), _margins(mix.shape[1]))).astype(np.float32)


def _margins(length: int) -> tuple[int, int]:
    """Frames of silence before and after a piece."""
    missing = signal.SEGMENT - length
    return missing // 2, missing - missing // 2
