"""The decorator of functions that numba compiles, kept from one process to the next.

numba looks only at the file of a function to know whether what it kept is still right, not at those of the functions
and constants that were compiled into it. So it is kept under a name that tells the source of the function's module and
of all that this imports from the library: beside the library, or where only others may write there in the user's own
cache, into which is copied what an image has compiled.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

import numba
from llvmlite import binding
from numba.core import config
from numba.misc.appdirs import AppDirs

IMAGES_CPU = "x86-64-v3"
"""The images compile for every processor since 2013 (NUMBA_CPU_NAME), not for the one that builds them."""
_LIBRARY = Path(__file__).parent
_one_at_a_time = Lock()  # numba asks for its folder while it decorates


@cache
def _imported(source: Path) -> frozenset[Path]:
    """The library's files that a file imports when it is loaded."""
    names = set()
    for node in ast.parse(source.read_bytes()).body:  # compiled code sees a module's names, not those inside functions
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update([node.module, *(f"{node.module}.{each.name}" for each in node.names)])
    ours = [_LIBRARY.parent.joinpath(*name.split(".")) for name in names if name.startswith(f"{_LIBRARY.name}.")]
    files = [*(path.with_suffix(".py") for path in ours), *(path / "__init__.py" for path in ours)]
    return frozenset(file for file in files if file.is_file())


def sources(source: Path) -> frozenset[Path]:
    """A file of the library and all of its files that are loaded with it."""
    found, left = set(), [source]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left.extend(_imported(each))
    return frozenset(found)


@cache
def _kept(source: Path) -> str:
    """The folder of what is compiled for a file's functions."""
    digest = hashlib.sha256()
    for path in sorted(sources(source)):
        digest.update(str(path).encode() + path.read_bytes())
    name = f"compiled-{digest.hexdigest()[:16]}"
    beside = _LIBRARY / "__pycache__" / name
    if not config.CACHE_DIR and os.access(_LIBRARY, os.W_OK):
        return str(beside)
    own = Path(config.CACHE_DIR or AppDirs("numba", False).user_cache_dir) / name
    bring(beside, own)
    return str(own)


def bring(built: Path, own: Path) -> None:
    """Copy a folder of what was compiled to where this user may write: numba reads from no other. Nothing happens if
    that folder is there, or cannot be made."""
    if own.exists() or not built.is_dir():
        return
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=own.parent) as folder:
            copy = shutil.copytree(built, Path(folder, own.name), copy_function=shutil.copyfile)
            for each in (copy, *copy.rglob("*/")):
                each.chmod(0o700)  # it came with the rights of what it was copied from
            copy.rename(own)
    except OSError:  # another process was quicker, or numba says that there is no place
        return


def suit_this_machine() -> None:
    """Have a processor that is older than the images' compile for itself."""
    if config.CPU_NAME == IMAGES_CPU and not binding.get_host_cpu_features().get("avx2"):
        config.CPU_NAME = config.CPU_FEATURES = None


suit_this_machine()


def compiled(function, **options):
    """As numba.njit, kept on disk and without Python's lock. Other options are numba's."""
    with _one_at_a_time:
        given = config.CACHE_DIR
        config.CACHE_DIR = _kept(Path(inspect.getfile(function)))
        try:
            return numba.njit(function, cache=True, nogil=True, **options)
        finally:
            config.CACHE_DIR = given


def borrowing(function):
    """As `compiled`, for functions that make no arrays: they do not count who uses those that they are given.

    Counting takes an atomic addition for each array at each call, also for those in tuples: more than the work of a
    small function. numba leaves it out only where it sees through all of a function's branches.
    """
    return compiled(function, _nrt=False)
