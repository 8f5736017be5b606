"""One server as a child process: started in a session of its own, found again by a later command, ended whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.embedded import ports, processes
from deploy.embedded.processes import Process
from nightjar.errors import NightjarError
from nightjar.settings import CLOUD_ACCOUNT

REPOSITORY = Path(__file__).resolve().parents[2]


def executable(name: str) -> str:
    """The path of a program of the environment that runs, or else of the repository's. Raises NightjarError."""
    for folder in (Path(sys.prefix) / "bin", REPOSITORY / ".venv" / "bin"):
        if (folder / name).exists():
            return str(folder / name)
    raise NightjarError(f"there is no program {name!r} in the environment", "Run make install")


def package_folder(name: str) -> Path:
    """The folder of an installed package of the same environments, without importing it. Raises NightjarError."""
    for prefix in (Path(sys.prefix), REPOSITORY / ".venv"):
        for folder in prefix.glob(f"lib/python3*/site-packages/{name}"):
            return folder
    raise NightjarError(f"the package {name!r} is not installed", "Run make install")


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


class Service:
    """A server on 127.0.0.1 whose state is below `data`.

    A subclass says what to run, when it is ready and how it ends; services of other names may share `data`.
    """

    name = "service"
    port_names: tuple[str, ...] = ()
    """What `ports` must hold."""
    ends_by = signal.SIGTERM
    grace_s = 10.0
    """How long it may take to end before it is killed."""
    ready_within_s = 180.0

    def __init__(self, data: Path, ports: dict[str, int]) -> None:
        self.data, self.ports = data.resolve(), ports
        self.log = self.data / "logs" / f"{self.name}.log"
        self._child: subprocess.Popen | None = None
        self._overdue = 0.0
        self._logged_before = 0
        self._pid_file = self.data / "pids" / f"{self.name}.json"

    @property
    def folder(self) -> Path:
        """Where the service keeps its state."""
        return self.data / self.name

    # --- what a subclass defines --------------------------------------------------------------------------------------
    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Variables beside those of this process."""
        return {}

    def prepare(self) -> None:
        """What must exist before the server starts."""

    def ready(self) -> bool:
        """Whether the server, which runs, answers."""
        raise NotImplementedError

    # --- life ---------------------------------------------------------------------------------------------------------
    @property
    def process(self) -> Process | None:
        """The server's process if it runs: not one that is being killed."""
        noted = self._noted
        return noted if noted and not noted.ending else None

    @property
    def _noted(self) -> Process | None:
        """The process of the pid file while any of it is there. A number that another process has inherited is no
        proof."""
        try:
            noted = json.loads(self._pid_file.read_text())
            process = Process(noted["pid"], noted["started"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        return process if process.alive else None

    def start(self) -> None:
        """Start the server unless it runs; `wait` or `answers` must follow. One that is being killed is waited for: it
        holds its port and its locks to its last moment."""
        self._overdue = time.monotonic() + self.ready_within_s
        if self.process:
            self._logged_before = json.loads(self._pid_file.read_text()).get("logged_before", 0)
            return
        if killed := self._noted:
            processes.end([killed], signal.SIGKILL, 0)
        self.end_leftovers()
        for folder in (self.folder, self.log.parent, self._pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if self.folder.stat().st_uid == os.geteuid():  # PostgreSQL's may be another user's
            self.folder.chmod(0o700)
        self._logged_before = self.log.stat().st_size if self.log.exists() else 0
        self.prepare()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command(),
                env=self.full_environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,  # what it keeps is nobody else's
            )
        noted = processes.identify(self._child.pid)
        if noted is None:
            raise self._failed("ended at once")
        written = self._pid_file.with_suffix(".new")
        written.write_text(json.dumps(noted.__dict__ | {"logged_before": self._logged_before}))
        written.replace(self._pid_file)

    def full_environment(self) -> dict[str, str]:
        """What the server finds; its mark is among it."""
        mark = {processes.MARK: f"{self.data}:{self.name}", "SPT_NOENV": "1"}  # else setproctitle overwrites the mark
        inherited = {name: value for name, value in os.environ.items() if name not in CLOUD_ACCOUNT}
        return inherited | ports.past_proxies(os.environ) | self.environment() | mark

    def answers(self) -> bool:
        """Whether the server, which was started, is ready. Raises NightjarError that shows the log of this start if it
        failed."""
        if self.process is None:
            if self._child:
                raise self._failed("ended while starting")
            self.start()  # what ran when start() looked was about to end
        if self.ready():
            return True
        if time.monotonic() > self._overdue:
            raise self._failed(f"did not answer within {self.ready_within_s:.0f} s")
        return False

    def wait(self) -> None:
        """Return when the server answers. Raises NightjarError with the end of its log if it does not."""
        while not self.answers():
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server and everything that it started; nothing happens if it does not run."""
        if process := self._noted:
            below = processes.descendants(process)
            processes.end([process], self.ends_by, self.grace_s)
            processes.end(below, self.ends_by, 2.0)
        self.end_leftovers()
        self._pid_file.unlink(missing_ok=True)
        if self._child:
            self._child.wait()  # no zombie

    def end_leftovers(self) -> None:
        """End what outlived a server that was killed."""
        processes.end(processes.marked(f"{self.data}:{self.name}"), signal.SIGTERM, 2.0)

    def _failed(self, how: str) -> NightjarError:
        try:
            last = self.log.read_bytes()[self._logged_before :].decode(errors="replace").splitlines()[-15:]
        except FileNotFoundError:
            last = []
        shown = "".join(f"\n    {line}" for line in last)
        return NightjarError(f"{self.name} {how}", f"Its log is {self.log}, and ends with:{shown}")
