"""What one check finds, and stand-ins for commands."""

from __future__ import annotations

import re
from pathlib import Path

from nightjar.cli import doctor
from nightjar.doctor.examine import FAIL, OK, SKIP, WARN, Finding, examine
from nightjar.settings import Settings


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def only(check: str, settings: Settings) -> dict[str, list[Finding]]:
    """What one check finds, by state."""
    found = examine(settings, [each for each in doctor.CHECKS if each.name == check])
    return {state: [each for each in found if each.state == state] for state in (OK, WARN, FAIL, SKIP)}


def failure(check: str, settings: Settings, said: str, remedy: str) -> None:
    """One thing fails, and it is that, with that remedy."""
    found = only(check, settings)[FAIL]
    assert len(found) == 1, found
    assert re.search(said, found[0].found), found[0]
    assert re.search(remedy, found[0].remedy), found[0]
