"""Reports of evaluations: JSON files that are there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from nightjar.errors import NightjarError


def check_writable(report: Path) -> None:
    """Raises NightjarError, before any work is done for it, if a report cannot be put there."""
    if report.is_dir() or not report.parent.is_dir():
        raise NightjarError(f"{report} cannot be written", "Name a file in a folder that exists")


def write_report(report: Path, found: dict) -> None:
    """Put the report in its place, whole."""
    half = report.with_name(f"{report.name}.half")
    try:
        half.write_text(json.dumps(found, indent=1))
        half.replace(report)
    finally:
        half.unlink(missing_ok=True)
