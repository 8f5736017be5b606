"""Inverted channels: where one channel is the negative of the other, their sum, which all else listens to, is silence.

Decoded audio is looked at in blocks. Where the sum loses the signal, the right channel's sign is turned, so that
the sum is what the side signal was; a song whose sum keeps its signal stays as it is, to the last bit. This is
the only place that decides it: prints, separation and stems all read what `restore` has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from embedder import signal

_PIECE = 300
"""Blocks that are rewritten at a time."""


def powers(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Power of a channel (the mean of both) and of the sum's half, block by block: (2, blocks) float64.

    `pieces` are (2, frames) in order, each a whole number of blocks but the last.
    """
    found = [np.zeros((2, 0))]
    for piece in pieces:
        missing = -piece.shape[1] % signal.POLARITY_BLOCK
        padded = np.pad(piece.astype(np.float64), ((0, 0), (0, missing)))
        left, right = padded.reshape(2, -1, signal.POLARITY_BLOCK)
        channel, middle = (left**2 + right**2) / 2, ((left + right) / 2) ** 2
        found.append(np.stack([channel.mean(axis=1), middle.mean(axis=1)]))
    return np.concatenate(found, axis=1)


def inverted(power: np.ndarray) -> np.ndarray:
    """Which blocks have a channel inverted, (blocks,) bool, from their `powers`.

    A stretch counts as inverted if the side signal is louder in it than the sum, block by block with some
    inertia, and if the sum of some window in it has lost the signal (signal.LOST_SUM). Silence goes with what is
    around it.
    """
    lost = np.zeros(power.shape[1], bool)
    for blocks, share in signal.LOST_SUM:
        channel, middle = (_smoothed(each, blocks) for each in power)
        lost |= (channel > signal.POLARITY_FLOOR) & (middle < share * channel)
    if not lost.any():
        return lost
    turned = _likely(power)
    edges = [0, *(np.flatnonzero(np.diff(turned)) + 1), len(turned)]
    for start, stop in pairwise(edges):
        turned[start:stop] &= lost[start:stop].any()
    return turned


def restore(path: Path, turned: np.ndarray) -> None:
    """Turn the right channel's sign in these blocks of a raw file of interleaved float32 stereo, in place.

    The sign changes over one block, on a straight line, so that nothing clicks.
    """
    frames = path.stat().st_size // (4 * signal.CHANNELS)
    samples = np.memmap(path, "<f4", "r+", shape=(frames, signal.CHANNELS))
    middles = (np.arange(len(turned)) + 0.5) * signal.POLARITY_BLOCK
    signs = np.where(turned, -1.0, 1.0)
    for first in range(0, len(turned), _PIECE):
        if turned[max(first - 1, 0) : first + _PIECE + 1].any():
            begin = first * signal.POLARITY_BLOCK
            piece = samples[begin : begin + _PIECE * signal.POLARITY_BLOCK]
            gain = np.interp(np.arange(begin, begin + len(piece)), middles, signs)
            piece[:, 1] *= gain.astype(np.float32)
    samples.flush()


def _smoothed(values: np.ndarray, blocks: int) -> np.ndarray:
    """Means over windows of so many blocks, each where its block is in the middle; at the ends the nearest whole
    window. A song that is shorter has no window, and means of zero."""
    if len(values) < blocks:
        return np.zeros(len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    start = np.clip(np.arange(len(values)) - blocks // 2, 0, len(values) - blocks)
    return (sums[start + blocks] - sums[start]) / blocks


def _likely(power: np.ndarray) -> np.ndarray:
    """The likeliest sequence of states, True where inverted (Viterbi): a block speaks for one by the logarithm of the
    side signal's power to the sum's, and a change of state costs."""
    channel, middle = power
    share = np.clip(
        middle / np.maximum(channel, signal.POLARITY_FLOOR), signal.POLARITY_LIMIT, 1 - signal.POLARITY_LIMIT
    )
    evidence = np.where(channel > signal.POLARITY_FLOOR, np.log((1 - share) / share), 0.0)
    upright = turned = 0.0
    came = np.zeros((len(evidence), 2), bool)  # whether the best way into each state comes from the other
    for block, says in enumerate(evidence):
        came[block] = turned - signal.POLARITY_CHANGE > upright, upright - signal.POLARITY_CHANGE > turned
        upright, turned = (
            max(upright, turned - signal.POLARITY_CHANGE),
            max(turned, upright - signal.POLARITY_CHANGE) + says,
        )
    state, states = int(turned > upright), np.zeros(len(evidence), bool)
    for block in range(len(evidence) - 1, -1, -1):
        states[block] = state
        state ^= int(came[block, state])
    return states
