"""Vectors in 64 whole steps of their own: little memory, and inner products that do not depend on the machine.

Sums of fractions differ in their last digits with the order in which a machine adds; sums of whole numbers do not. A
row is one line of a processor's cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nightjar.errors import NightjarError

WIDTH = 64
_LEVELS = 127
_LINE = 64
"""Bytes in a line of a processor's cache."""


def room(size: int) -> np.ndarray:
    """(size, WIDTH) int8, zeros, each row a line of the cache: NumPy's own arrays may begin within one."""
    room = np.zeros((size + 1) * WIDTH, np.int8)
    return room[-room.ctypes.data % _LINE :][: size * WIDTH].reshape(size, WIDTH)


def quantize(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of (n, d) the steps (n, WIDTH) int8, filled up with zeros, and what a step counts (n,) float32.

    The largest number of a row is 127 steps; a step of a row of zeros counts 0. Raises NightjarError if d > WIDTH.
    """
    size, width = vectors.shape
    if width > WIDTH:
        raise NightjarError(f"vectors of {width} numbers do not fit in {WIDTH}", "Project them first: `principal_axes`")
    unit = np.abs(vectors).max(axis=1, initial=0).astype(np.float32) / np.float32(_LEVELS)
    steps = room(size)
    steps[:, :width] = np.rint(vectors / np.where(unit > 0, unit, 1)[:, None])
    return steps, unit


def principal_axes(vectors: np.ndarray) -> np.ndarray:
    """(d, min(d, WIDTH)) float32, orthonormal: the axes along which (n, d) vectors are longest, longest first.

    Of all projections to so few numbers that onto these keeps most of the inner products (Eckart and Young 1936).
    """
    exact = vectors.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)
    return axes[:, ::-1][:, :WIDTH].astype(np.float32)


@njit(inline="always")
def dot(one, a, other, b):
    """The inner product of row `a` of such a table and row `b` of another.

    Compiled into what calls it, and of a constant length, so that a processor multiplies 16 numbers at a time.
    """
    total = np.int32(0)
    for k in range(WIDTH):
        total = np.int32(total + np.int32(one[a, k]) * np.int32(other[b, k]))
    return total
