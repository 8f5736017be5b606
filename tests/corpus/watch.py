"""What must not be touched: a file, a named pipe and a port of this machine, with proof that a touch would show."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from pathlib import Path

_OPENED, _READ = 0x20, 0x1
"""inotify(7): IN_OPEN and IN_ACCESS."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    """A decoy, a pipe and a port; `touches` tells of files and connections alike."""

    def __init__(self, folder: Path, decoy: bytes) -> None:
        self.decoy, self.pipe = folder / "decoy.wav", folder / "pipe.wav"
        self.decoy.write_bytes(decoy)
        os.mkfifo(self.pipe)
        self._events = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in (self.decoy, self.pipe):
            if self._events < 0 or _LIBC.inotify_add_watch(self._events, os.fsencode(path), _OPENED | _READ) < 0:
                raise OSError(ctypes.get_errno(), "inotify")
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._server.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("127.0.0.1", self.port))
        self._datagrams.setblocking(False)
        self._connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return  # closed
            self._connections += 1
            connection.close()

    def touches(self) -> list[str]:
        """What was touched since the last call."""
        found = []
        try:
            while data := os.read(self._events, 65_536):
                found.append(f"{len(data) // 16} times a file was opened or read")
        except BlockingIOError:
            pass
        if self._connections:
            found.append(f"{self._connections} connections")
            self._connections = 0
        try:
            while True:
                found.append(f"a datagram of {len(self._datagrams.recv(65_536))} bytes")
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._server.close()
        self._datagrams.close()
        os.close(self._events)
