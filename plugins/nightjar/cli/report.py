"""Reports of evaluations: JSON files that are there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from nightjar.errors import NightjarError


def check_writable(report: Path) -> None:
    """Raises NightjarError, before any work is done for it, if a report cannot be put there, or if there is something
    that is no report: a table or a song is easily named by mistake."""
    if report.is_dir() or not report.parent.is_dir():
        raise NightjarError(f"{report} cannot be written", "Name a file in a folder that exists")
    half = _half(report)
    try:
        half.touch()
        half.unlink()
        if report.exists() and report.stat().st_size:
            with report.open("rb") as file:
                if file.read(1) != b"{":
                    raise NightjarError(f"{report} is no report and would be lost", "Name another file for the report")
    except OSError as error:
        raise NightjarError(f"{report} cannot be written: {error.strerror}", "Name a file in another folder") from error


def _half(report: Path) -> Path:
    return report.with_name(f"{report.name}.half")


def write_report(report: Path, found: dict) -> None:
    """Put the report in its place, whole."""
    half = _half(report)
    try:
        half.write_text(json.dumps(found, indent=1))
        half.replace(report)
    finally:
        half.unlink(missing_ok=True)
