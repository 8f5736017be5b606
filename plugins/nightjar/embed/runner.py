"""Running the embedder for one shard, in its own environment, with its progress in our log.

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
    """Runs the embedder for one shard to its end. Raises NightjarError if it fails."""

    def run(self, day: str, shard: int, shards: int) -> None: ...


class SubprocessRunner:
    """The embedder as a child process: it ends when the task ends, however the task ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, day: str, shard: int, shards: int) -> None:
        python = Path(self._settings.embedder_python)
        if not python.exists():
            raise NightjarError(
                f"there is no embedder environment at {python}", "Run make install, or set NIGHTJAR_EMBEDDER_PYTHON"
            )
        command = [str(python), "-u", "-m", "embedder"]
        command += ["--day", day, "--shard", str(shard), "--shards", str(shards)]
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=self._environment(),
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
            raise NightjarError(
                f"the embedder failed on shard {shard} of {shards} of {day} with {how}; its last lines: "
                + " | ".join(last),
                "Songs that were separated are kept; the task's retry goes on from there",
            )

    def _environment(self) -> dict[str, str]:
        """Ours without what belongs to Airflow's own environment, with the settings and the number of threads."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        kept.update(self._settings.environment())
        threads = str(self._settings.embedder_threads)
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
