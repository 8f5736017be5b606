"""Airflow's three servers, with PostgreSQL for its metadata and the LocalExecutor for its tasks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from deploy.embedded import ports
from deploy.embedded.service import REPOSITORY, Service, executable, write_private
from nightjar.errors import NightjarError

USER = "admin"
"""The one user of the page and of the REST interface."""


@dataclass(frozen=True)
class AirflowConfig:
    """What the servers and every `airflow` command have in common. `database` is a SQLAlchemy address."""

    home: Path
    database: str
    port: int
    log_ports: tuple[int, int]
    secrets: dict[str, str]
    """`fernet`, `jwt` and `api`: keys that only have to be hard to guess and the same everywhere; `page`: what a person
    types."""
    marks: Path
    """A folder that is lost with the database: what was done to it is noted there."""
    parallelism: int = 3

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        """Where a person looks, and how they get in."""
        return f"{self.address} (user {USER}, password {self.secrets['page']})"

    @property
    def passwords(self) -> Path:
        """Where Airflow finds the password of each user."""
        return self.home / "passwords.json"

    def environment(self) -> dict[str, str]:
        """AIRFLOW_* variables."""
        sections = {
            "core": {
                "dags_folder": REPOSITORY / "dags",
                "plugins_folder": REPOSITORY / "plugins",
                "load_examples": False,
                "dags_are_paused_at_creation": False,
                "executor": "deploy.embedded.executor.WarmLocalExecutor",
                "parallelism": self.parallelism,
                "mp_start_method": "fork",
                "execution_api_server_url": f"{self.address}/execution/",
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": self.passwords,
                "fernet_key": self.secrets["fernet"],
            },
            "database": {"sql_alchemy_conn": self.database, "load_default_connections": False},
            "api": {
                "host": "127.0.0.1",
                "port": self.port,
                "base_url": self.address,
                "secret_key": self.secrets["api"],
                "workers": 1,
            },
            "api_auth": {"jwt_secret": self.secrets["jwt"]},
            "logging": {
                "base_log_folder": self.home / "logs",
                "dag_processor_child_process_log_directory": self.home / "logs" / "dag_processor",
                "worker_log_server_port": self.log_ports[0],
                "trigger_log_server_port": self.log_ports[1],
                "colored_console_log": False,
            },
            "scheduler": {
                "scheduler_idle_sleep_time": 1,
                "scheduler_heartbeat_sec": 3,
                "scheduler_health_check_threshold": 30,  # after a kill: how soon its tasks are given up and begun again
                "orphaned_tasks_check_interval": 5,
                "task_instance_heartbeat_timeout": 120,
            },
            "workers": {
                "execution_api_timeout": 60,  # a busy machine answers late
                "max_failed_heartbeats": 10,
                "min_heartbeat_interval": 1,  # so long may the end of a task go unnoticed
            },
            "dag_processor": {"parsing_processes": 1, "min_file_process_interval": 60, "refresh_interval": 60},
            "usage_data_collection": {"enabled": False},
        }
        search = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"AIRFLOW_HOME": str(self.home), "PYTHONPATH": search}
        own["PYTHON_DOTENV_DISABLED"] = "1"  # the executor imports pymilvus, see nightjar/__init__.py
        return own | {
            f"AIRFLOW__{section}__{option}".upper(): str(value)
            for section, options in sections.items()
            for option, value in options.items()
        }


class _AirflowService(Service):
    arguments: tuple[str, ...] = ()

    def __init__(self, data: Path, config: AirflowConfig, environment: dict[str, str]) -> None:
        """`environment` is what tasks must find besides: Nightjar's settings and the keys of object storage."""
        super().__init__(data, {})
        self.config, self._environment = config, environment | config.environment()

    @property
    def folder(self) -> Path:
        return self.config.home

    def environment(self) -> dict[str, str]:
        return self._environment

    def command(self) -> list[str]:
        return [executable("airflow"), *self.arguments]

    def health(self, part: str) -> bool:
        """Whether the api-server finds `part` healthy."""
        try:
            with ports.OPENER.open(f"{self.config.address}/api/v2/monitor/health", timeout=5) as answer:
                return json.load(answer)[part]["status"] == "healthy"
        except (OSError, ValueError, KeyError):
            return False


class ApiServer(_AirflowService):
    name = "airflow-api-server"
    arguments = ("api-server",)
    grace_s = 1.0  # it keeps nothing, and would wait for open connections
    ready_within_s = 300.0

    def prepare(self) -> None:
        """Write the user's password, which Airflow would make and log itself; make or renew the tables of the metadata
        database, once for each version of Airflow."""
        write_private(self.config.passwords, json.dumps({USER: self.config.secrets["page"]}))
        made = self.config.marks / f"airflow-migrated-{version('apache-airflow-core')}"
        if made.exists():
            return
        with self.log.open("ab") as log:
            done = subprocess.run(
                [executable("airflow"), "db", "migrate"],
                env=self.full_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise self._failed("could not make its tables")
        made.touch()

    def ready(self) -> bool:
        return ports.answers(self.config.port) and self.health("metadatabase")


class Scheduler(_AirflowService):
    """Ended by a kill: asked kindly it would wait for running tasks. They are begun again by the next scheduler."""

    name = "airflow-scheduler"
    arguments = ("scheduler", "--skip-serve-logs")
    ends_by = signal.SIGKILL
    ready_within_s = 300.0

    def ready(self) -> bool:
        return self.health("scheduler")


class DagProcessor(_AirflowService):
    name = "airflow-dag-processor"
    arguments = ("dag-processor",)
    grace_s = 5.0
    ready_within_s = 300.0

    def ready(self) -> bool:
        return self.health("dag_processor")


_PATIENCE_S = (1.0, 5.0, 10.0)
"""Between the attempts to ask Airflow something."""


class AirflowApi:
    """Airflow's REST interface, as far as the embedded parts need it."""

    def __init__(self, config: AirflowConfig) -> None:
        self._address = config.address
        self._login = {"username": USER, "password": config.secrets["page"]}
        self._token = ""

    def get(self, path: str) -> dict:
        """The answer to a request that changes nothing; asked again where a busy machine answers late."""
        for patience in (*_PATIENCE_S, 0):
            try:
                return self.call("GET", path)
            except NightjarError as error:
                if not patience or isinstance(error.__cause__, urllib.error.HTTPError):
                    raise
                time.sleep(patience)
        raise AssertionError("unreachable")

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        """The answer to a request for `/api/v2<path>`. Raises NightjarError with what Airflow said."""
        if not self._token:
            self._token = self._ask("POST", "/auth/token", self._login)["access_token"]
        return self._ask(method, f"/api/v2{path}", body)

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Make the pool, or change it to these slots."""
        known = {pool["name"] for pool in self.get("/pools?limit=100")["pools"]}
        pool = {"slots": slots, "description": description, "include_deferred": False}
        if name in known:
            self.call("PATCH", f"/pools/{name}", {"pool": name, **pool})
        else:
            self.call("POST", "/pools", {"name": name, **pool})

    def _ask(self, method: str, path: str, body: dict | None) -> dict:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, headers | {"Content-Type": "application/json"}, method=method
        )
        try:
            with ports.OPENER.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"{}")  # nothing is said of what was deleted
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise NightjarError(f"Airflow refused {method} {path}: {error.code} {said}", "See its page") from error
        except OSError as error:
            raise NightjarError(
                f"Airflow at {self._address} does not answer: {error}",
                "Start it: .venv/bin/python -m deploy.embedded up",
            ) from error
