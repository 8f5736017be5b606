"""Exported files are read in a process of their own with a limit of memory: a Parquet file may lie about its size.

What a file takes in memory is known only when it is decoded: the footer's sizes are what a writer claims. The process
is started once for all of a day's files, and again after a file that ended it. `python -P -m nightjar.ingest.caged
PARENT` reads one question a line, and answers each with a line.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.ingest import events
from nightjar.ingest.events import Taken
from nightjar.ingest.judge import Reject
from nightjar.parent import end_with_the_parent
from nightjar.thresholds import EXPORT_MEMORY_BYTES, EXPORT_MEMORY_PER_BYTE

_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
_MODULE = "nightjar.ingest.caged"
_SPARE = 4
"""Arrow doubles what it writes to, so that it may lack memory long before the limit."""
_AGAIN = "Nothing is wrong with the file: run the task again"


class Reader:
    """Reads exported files as `events.read` does. Its process begins with the first, and ends with the context."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._ended: signal.Signals | str = ""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def read(self, name: str, path: Path, day: str) -> Taken | Reject:
        """The rows of one file as table `name`, or why there are none. Raises NightjarError where the machine is at
        fault; what crashes twice is the file's own fault."""
        memory = allowed(path.stat().st_size)
        asked = {"name": name, "path": str(path), "day": day, "memory": memory, "rows": f"{path}.rows"}
        for _ in range(2):
            answer = self._ask(json.dumps(asked))
            if answer or self._ended not in _CRASHES:
                break
        if not answer and self._ended in _CRASHES:
            return Reject("unreadable", f"Reading it crashes, and again when tried again ({self._ended.name})")
        if not answer:
            raise NightjarError(f"reading exports was ended from outside ({self._ended})", _AGAIN)
        if answer["fault"]:
            raise NightjarError(f"an export cannot be read: {answer['fault']}", _AGAIN)
        if answer["no_memory"]:
            if not _to_be_had(memory):
                raise NightjarError(
                    "the machine has no memory left to read exports", "Free some, and run the task again"
                )
            return Reject("too_large", f"Reading it takes more than {memory} bytes of memory: export several files")
        if answer["reject"]:
            return Reject(*answer["reject"])
        with pa.memory_map(asked["rows"]) as file:
            return Taken(pa.ipc.open_file(file).read_all(), answer["count"], Counter(answer["dropped"]))

    def _ask(self, question: str) -> dict | None:
        """None if the process ended instead; `_ended` then says by what."""
        if self._process is None:
            self._process = _started()
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        said = json.loads(answer) if answer.endswith("\n") else None
        if said is None or said["last"]:
            self._process.communicate()
            status, self._process = self._process.returncode, None
            self._ended = signal.Signals(-status) if status < 0 else f"status {status}"
        return said


def allowed(size: int) -> int:
    """How many bytes of memory reading a file of `size` bytes may take."""
    return EXPORT_MEMORY_BYTES + EXPORT_MEMORY_PER_BYTE * size


def _started() -> subprocess.Popen:
    """With malloc, since Arrow's other allocators take address space by the gigabyte."""
    search = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE, str(os.getpid())],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(search), "ARROW_DEFAULT_MEMORY_POOL": "system"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _to_be_had(size: int) -> bool:
    """Whether the machine would give so much memory; where it would, the limit was why there was none."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY and hard < _taken() + size:
        return False
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True


# --- in the process ---------------------------------------------------------------------------------------------------
def main() -> None:
    end_with_the_parent()
    if os.getppid() != int(sys.argv[1]):
        return
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    before = _taken()
    for line in sys.stdin:
        asked = json.loads(line)
        _limit(before + asked["memory"])
        answer = _answer(asked, before)
        _limit(resource.RLIM_INFINITY)
        last = _has_used(asked["memory"], before)  # so that the next file is judged by what it takes itself
        os.write(answers, (json.dumps(answer | {"last": last}) + "\n").encode())
        if last:
            return


def _answer(asked: dict, before: int) -> dict:
    answer = {"reject": None, "no_memory": False, "fault": None}
    try:
        with Path(asked["path"]).open("rb") as file:
            found = events.read(asked["name"], file, os.fstat(file.fileno()).st_size, asked["day"])
        if isinstance(found, Reject):
            return answer | {"reject": [found.reason, found.detail]}
        with pa.OSFile(asked["rows"], "wb") as file, pa.ipc.new_file(file, found.rows.schema) as made:
            made.write_table(found.rows)
        return answer | {"count": found.count, "dropped": found.dropped}
    except Exception as error:
        if isinstance(error, MemoryError) or _has_used(asked["memory"], before):
            return answer | {"no_memory": True}
        if isinstance(error, OSError):
            return answer | {"fault": str(error)}
        raise


def _has_used(memory: int, before: int) -> bool:
    """Whether this process has had so much of what it may have that an error may be for lack of the rest: short of
    memory, Arrow raises TypeErrors and others too."""
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmPeak:"))
    return peak - before > memory / _SPARE


def _limit(size: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    within = size if hard == resource.RLIM_INFINITY else hard if size == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_AS, (within, hard))


def _taken() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


if __name__ == "__main__":
    main()
