"""The one way in which Nightjar runs ffmpeg: on an open descriptor, in a cage, watched.

ffmpeg may open nothing, neither file nor address: it reads descriptor 0 and writes descriptor 1. It has limits of
memory, of CPU time that grow with what it has done, of processes and files, no network where a namespace can be had, no
environment, and ends with its parent (`nightjar.cage`). What it says is kept in bounds.

Faults of the place (a kill, no memory on the machine, a full disk) raise NightjarError, so that a task fails and is run
again. What is true of the bytes alone, and will be again, raises Unfit.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import imageio_ffmpeg

from nightjar.cage import BEGUN, NOT_STARTED
from nightjar.errors import NightjarError
from nightjar.ffmpeg_log import OWN, Log
from nightjar.thresholds import DECODE_CPU_S, DECODE_MEMORY_BYTES, DECODE_WALL_S

_CHUNK = 1 << 20
_LOOK_S = 0.25
"""How often its CPU time is looked at."""
_EXIT = re.compile(rf"{OWN}Exiting with exit code (-?\d+)$", re.MULTILINE)
_NO_MEMORY = re.compile(
    rf"{OWN}(Error [a-z ]+: |(Terminating thread with return|Task finished with error) code:? -{errno.ENOMEM} \()"
    + re.escape(os.strerror(errno.ENOMEM))
)
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
_SPARE = 4
"""Of its memory limit ffmpeg has used at least this part, if that is why it could start no thread."""
_AGAIN = "Nothing is wrong with the file: run the task again"
MUXERS = {"m4a": "ipod", "aac": "adts", "wma": "asf", "mka": "matroska"}
"""Formats that ffmpeg calls by another name than the ending of a file."""
_LARGEST = 8 * 2**30
CPU, WALL, ENOUGH = "cpu", "wall", "enough"
"""Why we ended it."""


class Unfit(NightjarError):
    """Bytes from which no sound comes, however often it is tried. `reason` is a code of the table `rejects`."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True)
class Ended:
    """How a run ended: its status as subprocess has it, its log (with OWN where ffmpeg speaks), why we ended it, CPU
    seconds, bytes of memory."""

    status: int
    log: str
    by_us: str | None
    cpu_s: float
    resident: int

    @property
    def said(self) -> str:
        """The log as a person reads it; what it says may be the file's."""
        return self.log.replace(OWN, "").strip()

    @property
    def code(self) -> int:
        """What ffmpeg itself says of its end: 0, or an error number below zero."""
        said = _EXIT.findall(self.log)
        return int(said[-1]) if said else self.status

    def failed(self, *numbers: int) -> bool:
        """Whether one of these error numbers ended it."""
        return any(self.code == -number or self.status == 256 - number for number in numbers)


def program() -> str:
    """The bundled ffmpeg's path. Raises NightjarError if there is none."""
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise NightjarError(f"there is no ffmpeg: {error}", "Install imageio-ffmpeg: make install") from error


def command(*arguments: str | float) -> list[str]:
    """A command line of it with what holds everywhere; it says nothing but errors unless told otherwise."""
    plain = (program(), "-hide_banner", "-nostdin", "-nostats", "-v", "error", "-y", "-threads", "1")
    return [*plain, *map(str, arguments)]


def run(
    arguments: Sequence[str],
    source: BinaryIO | int,
    target: BinaryIO | Callable[[bytes], bool],
    allowed: Callable[[int], float] = lambda _: DECODE_CPU_S,
    largest: int = 0,
) -> Ended:
    """Run `command` with the open `source` as descriptor 0, and see it end.

    `target` is an open file for descriptor 1, at most `largest` bytes long, or takes what comes out of it and says
    whether it wants more. `allowed` says how many seconds of CPU may be used once so many bytes have come out. Raises
    NightjarError if it does not start, or is not done after DECODE_WALL_S; what else went wrong is for `check`.
    """
    caged = [
        *(sys.executable, "-SP", "-m", "nightjar.cage", str(os.getpid())),
        *map(str, (DECODE_MEMORY_BYTES, round(DECODE_CPU_S * 1.2) + 1, largest)),
        *arguments,
    ]
    take = target if callable(target) else None
    try:
        process = subprocess.Popen(
            caged,
            cwd="/",
            env={"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            stdin=source,
            stdout=subprocess.PIPE if take else target,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise NightjarError(f"ffmpeg does not start: {error}", _AGAIN) from error
    log, by_us = Log(), WALL
    try:
        by_us = _watch(process, take, log, allowed)
    finally:
        if by_us is not None:  # or an exception came
            process.kill()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    log.end()
    before, begun, after = str(log).partition(BEGUN)
    said = (before + after).strip()
    ended = Ended(process.returncode, said, by_us, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
    if by_us == WALL:
        raise NightjarError(
            f"ffmpeg was not done after {DECODE_WALL_S:.0f} s, of which it had {ended.cpu_s:.0f} s of a processor",
            "The machine is too busy, or its disk hangs: run the task again when it is not",
        )
    if ended.status == NOT_STARTED or not (begun or by_us):
        raise NightjarError(
            f"ffmpeg does not start: {said[-200:] or f'status {ended.status}'}",
            "Install imageio-ffmpeg (make install), and look at the limits of the process",
        )
    return ended


def _watch(
    process: subprocess.Popen, take: Callable[[bytes], bool] | None, log: Log, allowed: Callable[[int], float]
) -> str | None:
    """Read what it says and gives until it closes both, and say why it must be ended, if it must."""
    begun, given, looked = time.monotonic(), 0, 0.0
    with selectors.DefaultSelector() as waiting:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            for ready, _ in waiting.select(_LOOK_S):
                data = os.read(ready.fd, _CHUNK)
                if not data:
                    waiting.unregister(ready.fileobj)
                elif ready.fileobj is process.stderr:
                    log.add(data)
                else:
                    given += len(data)
                    if not take(data):
                        return ENOUGH
            now = time.monotonic()
            if now - begun > DECODE_WALL_S:
                return WALL
            if now - looked > _LOOK_S:
                looked = now
                if _cpu_s(process.pid) > allowed(given):
                    return CPU
    return None


def _cpu_s(pid: int) -> float:
    """Seconds of CPU that a child, which is not yet waited for, has used: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def check(ended: Ended, again: Callable[[], Ended]) -> None:
    """Raises Unfit if the bytes are why it ended as it did, NightjarError if the place is.

    An exit with an error of its own is left to the caller. `again` runs the same once more: what crashes twice in the
    same way is due to the bytes.
    """
    if ended.by_us == CPU or ended.cpu_s > DECODE_CPU_S:
        raise Unfit(
            "too_costly", f"ffmpeg was ended after {ended.cpu_s:.0f} s of work, far more than its sound explains"
        )
    if ended.by_us is not None:
        return
    if -ended.status in _CRASHES:
        if again().status != ended.status:
            raise NightjarError(f"ffmpeg crashed once ({_named(ended.status)}), and not again", _AGAIN)
        raise Unfit("unreadable", f"ffmpeg crashes on it, and again when tried again ({_named(ended.status)})")
    if ended.status < 0:
        raise NightjarError(f"ffmpeg was ended from outside by {_named(ended.status)}", _AGAIN)
    if ended.code in (123, 255):  # its own handler of signals
        raise NightjarError("ffmpeg was ended from outside by a signal", _AGAIN)
    if ended.failed(errno.ENOMEM) or (ended.status and _NO_MEMORY.search(ended.log)):
        if not _to_be_had(DECODE_MEMORY_BYTES):
            raise NightjarError("the machine has no memory left for ffmpeg", "Free some, and run the task again")
        raise _too_large()
    if ended.failed(errno.EAGAIN):
        if ended.resident > DECODE_MEMORY_BYTES / _SPARE:
            raise _too_large()
        raise NightjarError("ffmpeg could start no thread", "Raise the limit of processes, and run the task again")
    if ended.failed(errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
        raise NightjarError(f"ffmpeg: {os.strerror(-ended.code)}", "Free some space, and run the task again")


def encode(samples: bytes, rate: int, path: Path, arguments: Sequence[str], kind: str = "f32le") -> None:
    """Write interleaved stereo `samples` of the `kind` that ffmpeg calls so to `path`, in the format of its ending.

    Raises NightjarError if that fails.
    """
    muxer = MUXERS.get(path.suffix.lstrip("."), path.suffix.lstrip("."))
    read = ("-protocol_whitelist", "fd", "-f", kind, "-ar", rate, "-ac", 2, "-fd", 0, "-i", "fd:")
    with tempfile.TemporaryFile() as given, path.open("wb") as target:
        given.write(samples)
        given.seek(0)
        ended = run(command(*read, *arguments, "-f", muxer, "-fd", 1, "fd:"), given, target, largest=_LARGEST)
    done(ended, f"write {path}")


def done(ended: Ended, to_do: str) -> None:
    """Raises NightjarError, saying what it was `to_do` with files of our own, unless it ended well."""
    if ended.status or ended.by_us:
        said = ended.said.splitlines() or [ended.by_us or f"status {ended.status}"]
        raise NightjarError(
            f"ffmpeg could not {to_do}: {said[-1]}", "Check the free space, and the lock's imageio-ffmpeg"
        )


def _named(status: int) -> str:
    return signal.Signals(-status).name


def _too_large() -> Unfit:
    return Unfit("too_costly", f"ffmpeg needs more than {DECODE_MEMORY_BYTES / 2**20:.0f} MiB of memory to read it")


def _to_be_had(size: int) -> bool:
    """Whether the machine would give so much memory; where it would, a limit of ours was why ffmpeg got none."""
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True
