"""Running the embedder, a shard or a small errand of it, in its own environment, with its progress in our log.

`EmbedderRunner` is all that the DAG knows: a container or a pod takes over by another class with the same `run`, since
the embedder talks to nobody but the lake and says how it went by its exit status.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings

log = logging.getLogger(__name__)

_LAST_LINES = 15
"""Lines of the embedder's output that an error repeats."""
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a child gets when its parent dies."""


class EmbedderRunner(Protocol):
    """Runs the embedder for one shard to its end, `like` another model's run of it if one is named. Raises
    NightjarError if it fails."""

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None: ...


class SubprocessRunner:
    """The embedder as a child process: it ends when the task ends, however the task ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None:
        command = ["--day", day, "--shard", str(shard), "--shards", str(shards)]
        command += ["--like", like] if like else []
        run_embedder(
            self._settings,
            command,
            f"on shard {shard} of {shards} of {day}",
            "Songs that were separated are kept; the task's retry goes on from there",
        )


def run_embedder(settings: Settings, arguments: Sequence[str], what: str, remedy: str) -> None:
    """Run `python -m embedder` with `arguments` to its end, as a child that ends when we end, and log what it says.

    Raises NightjarError if there is no environment for it, or if it fails: `what` it failed at, and the `remedy`.
    """
    python = Path(settings.embedder_python)
    if not python.exists():
        raise NightjarError(
            f"there is no embedder environment at {python}", "Run make install, or set NIGHTJAR_EMBEDDER_PYTHON"
        )
    process = subprocess.Popen(
        [str(python), "-u", "-m", "embedder", *arguments],
        cwd=REPOSITORY,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_own_session_that_dies_with_us,  # the task process has one thread that starts children: safe
    )
    last = deque(maxlen=_LAST_LINES)
    try:
        for line in process.stdout:
            log.info("%s", line.rstrip())
            last.append(line.rstrip())
        status = process.wait()
    finally:
        _end_group(process)
    if status != 0:
        how = f"exit status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"
        raise NightjarError(f"the embedder failed {what} with {how}; its last lines: " + " | ".join(last), remedy)


def _environment(settings: Settings) -> dict[str, str]:
    """Ours without what belongs to Airflow's own environment, with the settings and the number of threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    kept.update(settings.environment())
    threads = str(settings.embedder_threads)
    kept.update(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    kept["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    return kept


def _own_session_that_dies_with_us() -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_group(process: subprocess.Popen) -> None:
    """End the embedder and what it started (ffmpeg); nothing happens if it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
