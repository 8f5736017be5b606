"""A command that takes minutes, and what it has done so far: a line that renews itself, or one every 15 seconds."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

EVERY_S = 15.0
"""Where nobody watches: often enough to tell that it lives, seldom enough for a log."""


class Failed(Exception):
    """A command that failed; the text is what it said."""


def run(command: list[str], environ: Mapping[str, str], doing: str, every_s: float = EVERY_S) -> None:
    """Run a command to its end, showing `doing`, the seconds, and how much it has written. Raises Failed."""
    begun = time.monotonic()
    watched = sys.stdout.isatty()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            while process.poll() is None:
                try:
                    process.wait(1.0 if watched else every_s)
                except subprocess.TimeoutExpired:
                    line = f"{doing}: {time.monotonic() - begun:.0f} s{_written(process.pid)}"
                    print(f"\r\033[K{line}" if watched else f"  {line}", end="" if watched else "\n", flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            if watched:
                print("\r\033[K", end="", flush=True)
        if process.returncode:
            said.seek(0)
            raise Failed(said.read().strip() or f"{command[0]} ended with {process.returncode}")


def _written(pid: int) -> str:
    """What a process has written to the disk, where the system tells."""
    try:
        found = re.search(r"^write_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)
    except OSError:
        return ""
    return f", {int(found[1]) / 1e9:.2f} GB written" if found and int(found[1]) > 5e6 else ""
