"""All embedded parts together: one data directory, started and ended as one."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from deploy.embedded import folders, ports, processes
from deploy.embedded.airflow import AirflowApi, AirflowConfig, ApiServer, DagProcessor, Scheduler
from deploy.embedded.milvus import MilvusLite
from deploy.embedded.postgres import Postgres
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.embedded.service import REPOSITORY, Service, write_private
from deploy.embedded.valkey import Valkey
from nightjar import parts
from nightjar.settings import CLOUD_ACCOUNT, Settings

HOME = REPOSITORY / ".nightjar"
"""Below it are the data directories, one a catalogue; `current` is a link to the one that was started last."""

NOTED = "private.json"
"""The file in a data directory that says that the parts were started there: their keys and passwords."""

NEVER = "2100-01-01"
"""The first night of the embedded parts: their days are given to them by backfills."""

_SECRETS = ("access_key", "secret_key", "postgres", "valkey", "milvus", "jwt", "api")

_AIRFLOW_PORTS = ("airflow", "worker_logs", "trigger_logs")
_STORES = (SeaweedFS, Valkey, MilvusLite, Postgres)


class Stack:
    """Every embedded part with its state below `data`. Changes are made by one process at a time."""

    def __init__(self, data: Path, settings: Settings | None = None, pool_slots: int | None = None) -> None:
        """`settings` gives the sizes and the models; addresses are the stack's own. Raises NightjarError if `data`
        cannot be a data directory."""
        self.data = folders.usable(data)
        self._settings = settings or Settings.load({})
        self._pool_slots = pool_slots or os.cpu_count() or 1
        with self._locked():
            self._noted = self._secrets(json.loads(self._text(NOTED) or "{}"))
            self._ports = json.loads(self._text("ports.json") or "{}") or self._assigned({})
        self._build()

    def _build(self) -> None:
        """The services, by the ports and secrets as they are now."""
        noted, data = self._noted, self.data
        self.keys = {"AWS_ACCESS_KEY_ID": noted["access_key"], "AWS_SECRET_ACCESS_KEY": noted["secret_key"]}
        seaweedfs = SeaweedFS(data, self._ports, self.keys, self._settings.bucket)
        valkey = Valkey(data, self._ports, noted["valkey"])
        milvus = MilvusLite(data, self._ports, noted["milvus"])
        self._postgres = Postgres(data, self._ports, noted["postgres"])
        self._stores: list[Service] = [milvus, seaweedfs, valkey, self._postgres]
        self.settings = replace(
            self._settings,
            s3_endpoint=seaweedfs.endpoint,
            milvus_uri=milvus.uri,
            milvus_token=milvus.token,
            milvus_bucket="",
            kv_url=valkey.url,
            first_night=self._settings.first_night or NEVER,
            airflow=f".venv/bin/python -m deploy.embedded {self._named()}airflow",
        )
        airflow = AirflowConfig(
            home=data / "airflow",
            database=self._postgres.url,
            port=self._ports["airflow"],
            log_ports=(self._ports["worker_logs"], self._ports["trigger_logs"]),
            secrets=noted,
            marks=self._postgres.cluster,
            parallelism=self._pool_slots + 2,  # what is short goes on beside the separations
        )
        self.api, self.address, self.page = AirflowApi(airflow), airflow.address, airflow.page
        self.environment = self.settings.environment() | self.keys | ports.past_proxies(os.environ)
        self.command_environment = os.environ | self.environment | airflow.environment()
        self._airflow: list[Service] = [
            service(data, airflow, self.environment) for service in (ApiServer, Scheduler, DagProcessor)
        ]

    @property
    def services(self) -> list[Service]:
        return [*self._stores, *self._airflow]

    # --- life ---------------------------------------------------------------------------------------------------------
    def up(self, say: Callable[[str], None] = lambda line: None) -> None:
        """Start everything; returns when it answers. Raises NightjarError, and then nothing runs.

        What runs already with the same settings stays. Safe after a kill of any of the processes: what is half there is
        ended first.
        """
        with self._locked():
            alive = all(service.process and service.ready() for service in self.services)
            if alive and self._text("environment") == parts.described(self.environment):
                say(f"everything runs already, with its data in {self.data}")
                return
            self._stop(lambda line: None)
            self._ports = self._assigned(self._ports)
            self._build()
            try:
                self._start(say)
            except BaseException:
                self._stop(lambda line: None)
                raise
            write_private(self.data / "environment", parts.described(self.environment))
            with contextlib.suppress(ValueError):  # elsewhere: named by --data, found by its name only
                self._point_here(self.data.relative_to(HOME))

    def _start(self, say: Callable[[str], None]) -> None:
        """Side by side; Airflow as soon as PostgreSQL answers, its api-server first, which makes the tables."""
        begun = time.monotonic()
        to_start, started, ready = list(self.services), [], []
        while len(ready) < len(self.services):
            for service in [each for each in to_start if each not in self._airflow or self._postgres in ready]:
                to_start.remove(service)
                service.start()
                started.append(service)
            for service in [each for each in started if each not in ready and each.answers()]:
                ready.append(service)
                say(f"{service.name:<22} ready after {time.monotonic() - begun:4.1f} s")
                if service is self._airflow[0]:
                    self.api.set_pool("separation", self._pool_slots, "Separations at a time on this machine")
            time.sleep(0.1)

    def enter(self) -> None:
        """Make the stack's parts those of this process."""
        for name in CLOUD_ACCOUNT:
            os.environ.pop(name, None)
        os.environ.update(self.environment)

    def down(self, say: Callable[[str], None] = lambda line: None) -> None:
        """End every process of the stack, whoever started it, and what those started; the data stays."""
        with self._locked():
            folders.note_stop(self.data)
            self._stop(say)

    def _stop(self, say: Callable[[str], None]) -> None:
        def end(service: Service) -> None:
            begun, ran = time.monotonic(), service.process
            service.stop()
            if ran:
                say(f"{service.name:<22} stopped after {time.monotonic() - begun:.1f} s")

        with ThreadPoolExecutor() as threads:
            for together in (self._airflow, self._stores):  # what needs the stores first
                list(threads.map(end, together))
        processes.end(processes.marked(f"{self.data}:"), signal.SIGTERM, 2.0)

    def status(self) -> list[tuple[str, int | None, Path]]:
        """Name, process number (None if it does not run) and log of each service."""
        return [(service.name, service.process and service.process.pid, service.log) for service in self.services]

    # --- files --------------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.data / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _text(self, name: str) -> str:
        path = self.data / name
        return path.read_text() if path.exists() else ""

    def _secrets(self, noted: dict[str, str]) -> dict[str, str]:
        """The secrets that were noted, and those that a newer version needs besides: made once, and then noted too."""
        made = {name: secrets.token_hex(32) for name in _SECRETS if name not in noted}
        if "fernet" not in noted:
            made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        if "page" not in noted:  # what a person types
            made["page"] = secrets.token_urlsafe(12)
        if made:
            write_private(self.data / NOTED, json.dumps(noted | made))
        return noted | made

    def _assigned(self, before: dict[str, int]) -> dict[str, int]:
        names = [name for service in _STORES for name in service.port_names] + list(_AIRFLOW_PORTS)
        chosen = ports.choose(names, before)
        write_private(self.data / "ports.json", json.dumps(chosen))
        return chosen

    def _named(self) -> str:
        """How a command names the data directory: not at all below HOME, where it finds what was started last."""
        return "" if self.data.is_relative_to(HOME) else f"--data {shlex.quote(str(self.data))} "

    def _point_here(self, place: Path) -> None:
        link = HOME / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(place)
        link.replace(HOME / "current")
