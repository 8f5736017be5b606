"""A scratch space: object storage and Milvus Lite for the time of one command, in a temporary folder.

However the command ends, be it by itself, by a signal to it or to this process, nothing stays behind: neither a process
nor a file. What a scratch space leaves that was itself killed (SIGKILL) is removed by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from deploy.embedded import ports, processes
from deploy.embedded.milvus import MilvusLite
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.embedded.service import Service
from nightjar.errors import NightjarError
from nightjar.parent import end_with_the_parent
from nightjar.settings import CLOUD_ACCOUNT, Settings

INSIDE = "NIGHTJAR_SCRATCH"
"""The variable that tells a command that it runs in a scratch space: the space's folder."""

_PREFIX, _LOCK, _PORTS = "nightjar-scratch-", "lock", "ports.json"
_ASKED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LONGEST = 107 - len("/seaweedfs/filer.sock")
"""Characters that the folder's path may have: that of a Unix socket has at most 107, see unix(7)."""
_GRACE_S = 10.0
"""How long the command may take to end before it is killed."""
_GRACE_OF_NEW_S = 60
"""A folder as young as this may be one whose owner has not locked it yet."""


def run(command: list[str], settings: Settings) -> int:
    """Run `command` in a scratch space; its exit status, or 128 and the number of the signal that ended it or us.

    `settings` give the sizes and the models; addresses are the space's own. Raises NightjarError if a server does not
    start, or TMPDIR is too long a path.
    """
    asked: list[int] = []
    for number in _ASKED_BY:  # only noted: the end of a space is not to be cut short by a second one
        signal.signal(number, lambda number, _: asked.append(number))
    with _folder() as folder:
        space = _Space(folder, settings)
        try:
            if space.start(asked):
                status = space.run(command, asked)
                return status if status >= 0 else 128 - status
        finally:
            space.end()
    return 128 + asked[0]


class _Space:
    """The two servers, and what a command needs to know of them."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        chosen = ports.choose((*SeaweedFS.port_names, *MilvusLite.port_names, "nobody"), {})
        (folder / _PORTS).write_text(json.dumps(chosen))
        keys = {"AWS_ACCESS_KEY_ID": secrets.token_hex(16), "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32)}
        token = secrets.token_hex(16)
        seaweedfs, milvus = self._services = _services(folder, chosen, keys, settings.bucket, token)
        own = replace(
            settings,
            s3_endpoint=seaweedfs.endpoint,
            milvus_uri=milvus.uri,
            milvus_token=token,
            milvus_bucket="",
            kv_url=f"redis://127.0.0.1:{chosen['nobody']}/0",  # none runs, and another one is not to be written to
        )
        self._temporary = folder / "tmp"
        self._environment = {name: value for name, value in os.environ.items() if name not in CLOUD_ACCOUNT}
        self._environment |= own.environment() | keys | ports.past_proxies(os.environ)
        self._environment |= {INSIDE: str(folder), "TMPDIR": str(self._temporary)}
        self._environment[processes.MARK] = f"{folder}:command"

    def start(self, asked: list[int]) -> bool:
        """Start the servers; returns when they answer, or False when this process is `asked` to end meanwhile."""
        self._temporary.mkdir()
        for service in self._services:
            service.start()
        while not asked and not all(service.answers() for service in self._services):
            time.sleep(0.05)
        return not asked

    def run(self, command: list[str], asked: list[int]) -> int:
        """The command's status as subprocess has it; it is ended when this process is `asked` to."""
        child = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, preexec_fn=_own_session_that_dies_with_us
        )
        while child.poll() is None and not asked:
            time.sleep(0.05)
        if asked:
            child.send_signal(asked[0])
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE_S)
            child.kill()
            child.wait()
            return -asked[0]
        return child.returncode

    def end(self) -> None:
        """End the servers, and whatever the command has left."""
        _end(self._folder, self._services)


def _services(
    folder: Path, chosen: dict[str, int], keys: dict[str, str], bucket: str, token: str
) -> tuple[SeaweedFS, MilvusLite]:
    made = SeaweedFS(folder, chosen, keys, bucket), MilvusLite(folder, chosen, token)
    for service in made:
        service.ends_by = signal.SIGKILL  # nothing is kept that an orderly end would save
    return made


def _end(folder: Path, services: Iterable[Service]) -> None:
    for service in services:
        service.stop()
    processes.end(processes.marked(f"{folder}:"), signal.SIGTERM, 2.0)


def _own_session_that_dies_with_us() -> None:
    os.setsid()  # a Ctrl-C reaches this process alone, which ends the command in order
    end_with_the_parent()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A new folder where TMPDIR says, locked as long as it is in use. Raises NightjarError where TMPDIR is too long."""
    for other in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        _remove_if_abandoned(other)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as made, (Path(made) / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(made).resolve()
        if len(os.fsencode(folder)) > _LONGEST:
            raise NightjarError(
                f"the path {folder} is too long for the servers' sockets", "Set TMPDIR to a shorter one"
            )
        yield folder


def _remove_if_abandoned(lock: Path) -> None:
    """Remove a space whose lock nobody holds, as the kernel lets go of it when its owner dies; its servers first."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - lock.stat().st_mtime > _GRACE_OF_NEW_S:
                folder = lock.parent.resolve()
                chosen = json.loads((folder / _PORTS).read_text())  # sockets outside of the folder are named by them
                _end(folder, _services(folder, chosen, {}, "", ""))
                shutil.rmtree(folder, ignore_errors=True)  # another process may be removing it too
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return  # in use, gone meanwhile, or somebody else's
