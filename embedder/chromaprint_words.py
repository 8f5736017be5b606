"""From the power of the pitch classes to Chromaprint's words: which areas of the picture are brighter than others."""

from __future__ import annotations

import numpy as np

SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
"""Weights of consecutive frames."""
FAINT = 0.01
"""A frame whose power has a smaller norm counts as nothing at all."""
WIDTH = 16
"""Frames of the picture that one word looks at."""

CLASSIFIERS = (
    ("whole", 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    ("middle of height", 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    ("upper half", 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    ("quarters", 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    ("quarters", 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    ("middle of height", 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    ("upper half", 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    ("later half", 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    ("later half", 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    ("later half", 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    ("middle of time", 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    ("quarters", 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    ("later half", 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    ("quarters", 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    ("upper half", 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    ("quarters", 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)
"""What a word asks, from its first two bits on: which part of an area of the picture is compared with the rest of it,
the area's lowest pitch class, its height in classes and its length in frames, and the borders of the answer."""
GRAY = np.array([0, 1, 3, 2], np.uint32)
"""Two bits of an answer: neighbouring answers differ in one."""


def words(power: np.ndarray) -> np.ndarray:
    """(words,) uint32 of the power of the pitch classes in each frame, (frames, classes) float64."""
    count = len(power) - len(SMOOTHING) + 1 - WIDTH + 1
    if count <= 0:
        return np.zeros(0, np.uint32)
    picture = _Picture(_normalised(power), count)
    made = np.zeros(count, np.uint32)
    for part, lowest, height, length, borders in CLASSIFIERS:
        inside, outside = picture.compared(part, lowest, height, length)
        answer = np.searchsorted(borders, np.log1p(inside) - np.log1p(outside), side="right")
        made = made << 2 | GRAY[answer]
    return made


def _normalised(power: np.ndarray) -> np.ndarray:
    """Smoothed over time, each frame of norm 1: (frames - 4, classes)."""
    frames = len(power) - len(SMOOTHING) + 1
    smooth = sum(weight * power[at : at + frames] for at, weight in enumerate(SMOOTHING))
    norm = np.sqrt(np.square(smooth).sum(axis=1, keepdims=True))
    return np.where(norm < FAINT, 0.0, smooth / np.maximum(norm, FAINT))


class _Picture:
    """Sums over areas of the picture, for `count` words that begin at consecutive frames."""

    def __init__(self, picture: np.ndarray, count: int) -> None:
        self._count = count
        self._integral = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1))
        self._integral[1:, 1:] = picture.cumsum(axis=0).cumsum(axis=1)

    def compared(self, part: str, lowest: int, height: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums over that part of an area and over the rest of it, (count,) each."""
        low, high, end = lowest, lowest + height, length
        whole = self._area(0, end, low, high)
        match part:
            case "whole":
                return whole, np.zeros(self._count)
            case "upper half":
                inside = self._area(0, end, low + height // 2, high)
            case "later half":
                inside = self._area(length // 2, end, low, high)
            case "quarters":  # later and lower, earlier and upper
                early = self._area(0, length // 2, low + height // 2, high)
                inside = early + self._area(length // 2, end, low, low + height // 2)
            case "middle of height":
                inside = self._area(0, end, low + height // 3, low + 2 * (height // 3))
            case "middle of time":
                inside = self._area(length // 3, 2 * (length // 3), low, high)
        return inside, whole - inside

    def _area(self, start: int, end: int, low: int, high: int) -> np.ndarray:
        """Sum over frames from `start` to `end` of each word and over classes from `low` to `high`."""
        starts, ends = (self._integral[at : at + self._count] for at in (start, end))
        return ends[:, high] - ends[:, low] - starts[:, high] + starts[:, low]
