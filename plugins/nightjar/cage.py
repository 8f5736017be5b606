"""The launcher of ffmpeg, a command of its own: it gives up what ffmpeg has no need of, and becomes it.

Limits are set here and not between fork and exec of a process with threads, where Python must not run. Called as
`python -SP -m nightjar.cage PARENT MEMORY CPU OUTPUT COMMAND...`: the parent's process id, bytes of address space,
seconds of CPU, bytes of the largest file that may be written.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

from nightjar.parent import end_with_the_parent

BEGUN = "nightjar.cage: becomes the command"
"""The last line of the launcher. A log without it is of a command that never ran."""
NOT_STARTED = 97
"""The exit status if there is no command to become; the line before says why."""
_USER_AND_NETWORK, _NETWORK = 0x10000000 | 0x40000000, 0x40000000
"""unshare(2): CLONE_NEWUSER and CLONE_NEWNET. The first lets an ordinary user have the second."""
_OPEN_FILES, _TASKS = 64, 64
"""ffmpeg has about ten threads and a handful of open files."""


def _leave_the_network() -> None:
    """An empty network namespace. Where none can be had, the protocols that ffmpeg is allowed keep it off the net.

    The number of processes is limited in a user namespace only, which counts its own: elsewhere all of a user's count.
    """
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(_USER_AND_NETWORK) == 0:
        _limit(resource.RLIMIT_NPROC, _TASKS)
    else:
        unshare(_NETWORK)


def _limit(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


def _at_least(what: int, value: int, said: str) -> None:
    """Ends the launcher if the machine allows less: ffmpeg would crash on any file, as if the file were at fault."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY and hard < value:
        sys.exit(_refused(f"{said}: it is {hard}, and {value} are needed"))


def main() -> None:
    parent, memory, cpu, output = map(int, sys.argv[1:5])
    command = sys.argv[5:]
    try:
        program = os.open(command[0], os.O_RDONLY | os.O_CLOEXEC)  # which the new user may not be allowed to reach
    except OSError as error:
        sys.exit(_refused(error))
    _leave_the_network()
    end_with_the_parent()  # after unshare, which takes it back
    if os.getppid() != parent:
        return
    _at_least(resource.RLIMIT_AS, memory, "raise the limit of memory of a process in bytes (ulimit -v)")
    _at_least(resource.RLIMIT_NOFILE, _OPEN_FILES, "raise the limit of open files of a process (ulimit -n)")
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _limit(what, value)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python; a program that is executed inherits that
        signal.signal(ignored, signal.SIG_DFL)
    print(BEGUN, file=sys.stderr, flush=True)
    try:
        # Each arena takes 64 MB of address space; by colours `nightjar.ffmpeg_log` knows ffmpeg's own words.
        os.execve(program, command, {"MALLOC_ARENA_MAX": "2", "AV_LOG_FORCE_COLOR": "1"})
    except OSError as error:
        sys.exit(_refused(error))


def _refused(error: object) -> int:
    print(f"nightjar.cage: {error}", file=sys.stderr)
    return NOT_STARTED


if __name__ == "__main__":
    main()
