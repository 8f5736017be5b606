"""A command as a child process that ends when we end, with what it says in our log."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence

from nightjar.embed.job import LAST_LINES
from nightjar.parent import end_with_the_parent
from nightjar.settings import REPOSITORY

log = logging.getLogger(__name__)


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run the command to its end; its status as subprocess has it, and its last lines."""
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_own_session_that_dies_with_us,  # the task process has one thread that starts children: safe
    )
    last: deque[str] = deque(maxlen=LAST_LINES)
    try:
        for line in process.stdout:
            log.info("%s", line.rstrip())
            last.append(line.rstrip())
        return process.wait(), list(last)
    finally:
        _end_group(process)


def ended_how(status: int) -> str:
    """A status in words."""
    return f"exit status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"


def _own_session_that_dies_with_us() -> None:
    os.setsid()
    end_with_the_parent()


def _end_group(process: subprocess.Popen) -> None:
    """End the command and what it started (ffmpeg); nothing happens if it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
