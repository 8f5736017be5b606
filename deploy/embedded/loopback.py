"""`python loopback.py COMMAND...`: run a server that listens on every interface, on 127.0.0.1 alone.

For servers that cannot be told to, as Milvus. The kernel stops each bind(2) of the server and of what it starts until a
small process beside it has looked at the address, and put that of the loopback interface where it means all of them:
see seccomp_unotify(2). Without that process every bind fails. The server keeps this process's number.
"""

from __future__ import annotations

import ctypes
import os
import platform
import select
import socket
import struct
import sys

_MACHINES = {"x86_64": (317, 49), "aarch64": (277, 200)}
"""The numbers of seccomp(2) and bind(2)."""
_PR_SET_NO_NEW_PRIVS, _PR_SET_PTRACER = 38, 0x59616D61
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
"""id, pid, flags; number, architecture, instruction pointer and six arguments of the system call."""
_RESPONSE = struct.Struct("=QqiI")
_V4_AT, _V6_AT = 4, 8
"""Where a sockaddr_in and a sockaddr_in6 have their address."""
_V4_LOOPBACK = socket.inet_aton("127.0.0.1")
_MAPPED_LOOPBACK = bytes(10) + b"\xff\xff" + _V4_LOOPBACK
"""127.0.0.1 for a socket that speaks IPv6 too."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def main(command: list[str]) -> None:
    """Become `command`, watched by a child of this process. Raises OSError where the kernel has no such filters."""
    ours, theirs = socket.socketpair()
    watcher = os.fork()
    if not watcher:
        ours.close()
        _, [listener], _, _ = socket.recv_fds(theirs, 1, 1)
        _watch(listener)
        os._exit(0)
    _libc.prctl(_PR_SET_PTRACER, watcher, 0, 0, 0)  # else Yama keeps a child from its parent's memory
    socket.send_fds(ours, [b"-"], [_filter()])
    os.execv(command[0], command)


def _filter() -> int:
    """Have every bind(2) of this process, across exec, ask the file descriptor that is returned."""
    seccomp, bind = _MACHINES[platform.machine()]
    instructions = b"".join(
        struct.pack("=HBBI", *each)
        for each in (
            (0x20, 0, 0, 0),  # load the number of the system call
            (0x15, 0, 1, bind),  # not bind: skip one
            (0x06, 0, 0, _ASK),
            (0x06, 0, 0, _ALLOW),
        )
    )
    program = _Program(4, instructions)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = _libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel does not let bind(2) be watched: {os.strerror(number)}")
    return listener


def _watch(listener: int) -> None:
    """Answer until nobody is left who could ask."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        [(_, event)] = poll.poll()
        if not event & select.POLLIN:
            return
        asked = ctypes.create_string_buffer(_NOTIFICATION.size)
        if _libc.ioctl(listener, ctypes.c_ulong(_RECEIVE), asked):
            continue  # it was killed meanwhile
        number, pid, _, _, _, _, _, address, length, *_ = _NOTIFICATION.unpack(asked.raw)
        try:
            _keep_local(pid, address, length)
            answer = _RESPONSE.pack(number, 0, 0, _CONTINUE)
        except OSError as error:
            answer = _RESPONSE.pack(number, 0, -(error.errno or 1), 0)
        _libc.ioctl(listener, ctypes.c_ulong(_SEND), ctypes.create_string_buffer(answer, _RESPONSE.size))


def _keep_local(pid: int, address: int, length: int) -> None:
    """Replace "all interfaces" in the sockaddr at `address` of the process. Raises OSError if it may not be changed."""
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
        memory.seek(address)
        given = memory.read(length)
        for family, at, local in ((socket.AF_INET, _V4_AT, _V4_LOOPBACK), (socket.AF_INET6, _V6_AT, _MAPPED_LOOPBACK)):
            if int.from_bytes(given[:2], sys.byteorder) == family and not any(given[at : at + len(local)]):
                memory.seek(address + at)
                memory.write(local)


if __name__ == "__main__":
    main(sys.argv[1:])
