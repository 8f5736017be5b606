"""Processes of ours, told apart from others by more than their number: /proc on Linux, nothing to install."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MARK = "NIGHTJAR_SERVICE"
"""Environment variable of each started process, and so of its descendants: `<data directory>:<name>`."""

_PROC = Path("/proc")

_EXITING = 0x4
"""PF_EXITING of Linux's sched.h, among the flags of a process: it has begun to end, and nothing stops that."""


@dataclass(frozen=True)
class Process:
    """A process for good: its number, and the clock tick since boot at which it started, as numbers are used again."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether any of its threads is left: until then it holds its ports and its locks on files."""
        return identify(self.pid) == self

    @property
    def ending(self) -> bool:
        """Whether it is killed and only being cleared away, which takes a moment."""
        seen = _stat(self.pid)
        return seen is not None and seen.started == self.started and (seen.ending or _is_killed(self.pid))


class _Stat(NamedTuple):
    """What /proc tells of a process of which a thread is left."""

    parent: int
    started: int
    ending: bool


def identify(pid: int) -> Process | None:
    """The process that has this number now; None if there is none, or only a zombie without a thread."""
    seen = _stat(pid)
    return Process(pid, seen.started) if seen else None


def _stat(pid: int) -> _Stat | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, flags, threads, started = (fields[at] for at in (0, 1, 6, 17, 19))
    gone = state in "ZX"  # its first thread at least: the others end in any order
    if gone and int(threads) <= 1:
        return None
    return _Stat(int(parent), int(started), gone or bool(int(flags) & _EXITING))


def _is_killed(pid: int) -> bool:
    """Whether SIGKILL waits for the process to notice it."""
    try:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return True
    pending = (int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd:", "ShdPnd:")))
    return any(signals >> (signal.SIGKILL - 1) & 1 for signals in pending)


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
            children.setdefault(seen.parent, []).append(Process(pid, seen.started))
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
