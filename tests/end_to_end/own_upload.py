"""The commands of docs/demonstration.md, typed as they stand on a stack that runs."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from deploy.embedded.service import REPOSITORY
from deploy.embedded.stack import Stack
from nightjar.converge import plan
from nightjar.models import live

DAY, TRACK = "2026-11-23", "my-song-1"
"""Those of the page."""
_WITHIN_S = 1800.0


def follow(stack: Stack, song: Path) -> dict[str, str]:
    """Upload `song` and run its night as the page tells: what each `nightjar` command that it ends with said.

    Only the two places differ: of the stack's data and of the song."""
    where, upload, night, after = _blocks(stack, song)
    _typed(f"{where}\n{upload}\n{night}")
    deadline = time.monotonic() + _WITHIN_S
    while left := [each for each in plan.look(live.resolved(stack.settings)) if each.day == DAY]:
        assert not any(each.failed for each in left), left
        assert time.monotonic() < deadline, left
        time.sleep(2)
    commands = [*after.splitlines(), night.splitlines()[-1]]
    return {command.split()[1]: _typed(f"{where}\n{command}") for command in commands}


def _blocks(stack: Stack, song: Path) -> list[str]:
    page = (REPOSITORY / "docs" / "demonstration.md").read_text(encoding="utf-8")
    for place, here in ((".nightjar/current", stack.data), ("~/Music/song.mp3", song)):
        assert f"{place}\n" in page or f"{place}/" in page
        page = page.replace(place, str(here))
    found = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == 4
    return found


def _typed(commands: str) -> str:
    """What a shell prints, which knows nothing of the parts. Fails where a command does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTJAR_", "AWS_"))}
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
