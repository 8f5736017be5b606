"""A composed catalogue is kept: composing it again takes a minute of CPU and gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from deploy.demo.truth import TRUTH_FILE, Truth

STAMP = "made.json"
"""The file in a catalogue's directory that says which code composed it, and the digest of each file."""

_PACKAGES = ("numpy", "scipy", "imageio-ffmpeg")
"""What the bytes depend on beside the code of this package."""


def kept_or_made(directory: Path, make: Callable[[Path], Truth]) -> tuple[Truth, bool]:
    """The catalogue in `directory`, made by `make` unless it is there as the same code made it; and whether it was
    there. A file that is missing or differs has everything made again."""
    stamp, code = directory / STAMP, _code()
    with suppress(OSError, ValueError, KeyError, AttributeError):
        noted = json.loads(stamp.read_text())
        if noted["code"] == code and all(_digest(directory / name) == seen for name, seen in noted["files"].items()):
            return Truth.read(directory), True
    stamp.unlink(missing_ok=True)
    truth = make(directory)
    files = [TRUTH_FILE, *(upload.key for upload in truth.uploads)]
    written = stamp.with_suffix(".new")
    written.write_text(json.dumps({"code": code, "files": {name: _digest(directory / name) for name in files}}))
    written.replace(stamp)
    return truth, False


def _code() -> str:
    """Digest of this package's source and of the packages that decide the bytes."""
    parts = [f"{name} {version(name)}".encode() for name in _PACKAGES]
    parts += [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
