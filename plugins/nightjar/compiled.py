"""The decorator of functions that numba compiles, kept from one process to the next.

numba looks only at the file of a function to know whether what it kept is still right, not at those of the functions
and constants that were compiled into it. So it is kept under a name that tells the source of the whole library.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numba
from numba.core import config

_LIBRARY = Path(__file__).parent


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_LIBRARY.rglob("*.py")):
        digest.update(str(path.relative_to(_LIBRARY)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


if not config.CACHE_DIR and os.access(_LIBRARY, os.W_OK):  # else numba keeps it in the user's own cache
    config.CACHE_DIR = str(_LIBRARY / "__pycache__" / f"compiled-{_digest()}")


def compiled(function=None, **options):
    """As numba.njit, kept on disk and without Python's lock. Other options are numba's."""
    return numba.njit(function, cache=True, nogil=True, **options)


def borrowing(function):
    """As `compiled`, for functions that make no arrays: they do not count who uses those that they are given.

    Counting takes an atomic addition for each array at each call, also for those in tuples: more than the work of a
    small function. numba leaves it out only where it sees through all of a function's branches.
    """
    return compiled(function, _nrt=False)
