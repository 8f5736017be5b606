"""Reports of evaluations: JSON files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from nightjar.errors import NightjarError

_MARK = "nightjar_report"
"""The first key of every report, by which it is known for one: its value is the version of the form."""
REPORT_VERSION = 1


def check_writable(report: Path) -> None:
    """Raises NightjarError, before any work is done for it, if a report cannot be put there, or if there is something
    that is no report: a table or a song is easily named by mistake."""
    if report.is_dir() or not report.parent.is_dir():
        raise NightjarError(f"{str(report)!r} cannot be written", "Name a file in a folder that exists")
    try:
        _half(report).unlink()
        if report.exists() and report.stat().st_size and not _is_report(report):
            raise NightjarError(f"{report} is no report and would be lost", "Name another file for the report")
    except OSError as error:
        raise NightjarError(f"{report} cannot be written: {error.strerror}", "Name a file in another folder") from error


def _is_report(file: Path) -> bool:
    with file.open("rb") as opened:
        return f'"{_MARK}"'.encode() in opened.read(len(_MARK) + 16)


def _half(report: Path) -> Path:
    """A new file beside the report, named like no other."""
    number, name = tempfile.mkstemp(prefix=f".{report.name}-", dir=report.parent)
    os.close(number)
    return Path(name)


def write_report(report: Path, found: dict) -> None:
    """Put the report in its place, whole."""
    half = _half(report)
    try:
        half.write_text(json.dumps({_MARK: REPORT_VERSION, **found}, indent=1))
        half.chmod(0o644)
        half.replace(report)
    finally:
        half.unlink(missing_ok=True)
