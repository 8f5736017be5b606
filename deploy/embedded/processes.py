"""Processes of ours, told apart from others by more than their number: /proc on Linux, nothing to install."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "NIGHTJAR_SERVICE"
"""Environment variable of each started process, and so of its descendants: `<data directory>:<name>`."""

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process for good: its number, and the clock tick since boot at which it started, as numbers are used again."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return identify(self.pid) == self


def identify(pid: int) -> Process | None:
    """The process that has this number now; None if there is none, or only a zombie."""
    seen = _stat(pid)
    return Process(pid, seen[1]) if seen else None


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent and start of a living process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def _numbers() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def marked(prefix: str) -> list[Process]:
    """Every process but this one whose mark begins with `prefix`, wherever it stands in the tree of processes."""
    wanted = f"{MARK}={prefix}".encode()
    found = []
    for pid in _numbers():
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            entries = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
            if pid != os.getpid() and any(entry.startswith(wanted) for entry in entries):
                found.append(identify(pid))
    return [process for process in found if process]


def descendants(root: Process) -> list[Process]:
    """The living children of `root`, their children, and so on."""
    children: dict[int, list[Process]] = {}
    for pid in _numbers():
        if seen := _stat(pid):
            children.setdefault(seen[0], []).append(Process(pid, seen[1]))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop().pid, [])
        found += below
        queue += below
    return found


def end(processes: Iterable[Process], gently: signal.Signals, grace_s: float) -> None:
    """Signal the processes, and kill those that are still there after `grace_s` seconds; returns when all are gone."""
    left = [process for process in processes if process.alive]
    for kind, patience in ((gently, grace_s), (signal.SIGKILL, 60.0)):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, kind)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = [process for process in left if process.alive]
        if not left:
            return
    raise TimeoutError(f"processes {sorted(process.pid for process in left)} survive SIGKILL")
