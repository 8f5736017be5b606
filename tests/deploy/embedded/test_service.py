"""The life of one service: started once, found by another command, taken up after a kill, its failures explained."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import ports, processes
from deploy.embedded.postgres import Postgres
from deploy.embedded.service import Service
from nightjar.errors import NightjarError


class Sleeper(Service):
    """A server that is ready at once and has a child."""

    name = "sleeper"
    program = "import subprocess; subprocess.run(['sleep', '600'])"

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.program]

    def ready(self) -> bool:
        return bool(processes.descendants(self.process))


class Listener(Service):
    """A server that holds a port, which it has no other for."""

    name = "listener"
    port_names = ("listener",)
    program = """if True:
        import ctypes, os, socket, sys, threading
        taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        print("listens", flush=True)
        if len(sys.argv) > 2:  # its first thread is gone, another one is not, as for a moment after SIGKILL
            threading.Thread(target=threading.Event().wait).start()
            ctypes.CDLL(None).syscall(60, 0)
        threading.Event().wait()
    """
    further: tuple[str, ...] = ()

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.program, str(self.ports["listener"]), *self.further]

    def ready(self) -> bool:
        return self.log.read_bytes()[self._logged_before :] == b"listens\n"


class HalfGone(Listener):
    further = ("half gone",)


class Broken(Service):
    name = "broken"

    def command(self) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no room on the disk')"]

    def ready(self) -> bool:
        return False


class Mute(Sleeper):
    """It runs, and never answers."""

    ready_within_s = 0.0

    def ready(self) -> bool:
        return False


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    service = Sleeper(tmp_path, {})
    service.start()
    service.wait()
    yield service
    service.stop()


def test_another_command_finds_it_and_ends_all_of_it(sleeper):
    other = Sleeper(sleeper.data, {})
    assert other.process == sleeper.process
    family = [sleeper.process, *processes.descendants(sleeper.process)]
    other.start()
    assert other.process == family[0], "not started twice"
    other.stop()
    assert not any(member.alive for member in family)
    assert sleeper.process is None


def test_a_pid_file_of_a_process_that_is_gone_is_no_proof(sleeper):
    file = sleeper.data / "pids" / "sleeper.json"
    stale = json.loads(file.read_text())
    sleeper.stop()
    file.write_text(json.dumps({"pid": os.getpid(), "started": stale["started"]}))
    assert sleeper.process is None
    file.write_text("half writ")
    assert sleeper.process is None


def test_what_a_killed_server_left_is_ended_before_the_next(sleeper):
    (child,) = processes.descendants(sleeper.process)
    processes.end([sleeper.process], signal.SIGKILL, 5)
    assert child.alive
    sleeper.start()
    sleeper.wait()
    assert not child.alive
    assert sleeper.process


def test_a_failure_shows_the_log(tmp_path):
    service = Broken(tmp_path, {})

    def run() -> None:
        service.start()
        service.wait()

    with pytest.raises(NightjarError, match=r"broken ended .*broken\.log") as caught:
        run()
    service.stop()
    assert "no room on the disk" in service.log.read_text()
    assert "Its log is" in caught.value.remedy


def test_a_failure_shows_the_log_of_this_start_and_not_of_the_last(tmp_path):
    service = Broken(tmp_path, {})
    service.log.parent.mkdir()
    service.log.write_text("what went wrong a week ago\n")

    def run() -> None:
        service.start()
        service.wait()

    with pytest.raises(NightjarError) as caught:
        run()
    service.stop()
    assert "a week ago" in service.log.read_text()
    assert "a week ago" not in caught.value.remedy


def test_a_server_that_was_about_to_end_is_started_anew(sleeper):
    """As right after a kill of everything, of which some takes a moment to end."""
    other = Sleeper(sleeper.data, {})
    dying = other.process
    other.start()
    processes.end([dying], signal.SIGKILL, 5)
    other.wait()
    assert other.process not in (None, dying)


def test_a_server_whose_threads_are_still_ending_is_waited_for(tmp_path):
    """After SIGKILL the first thread may be gone while others hold the port: the next server could not have it."""
    chosen = ports.choose(Listener.port_names, {})
    dying, service = HalfGone(tmp_path, chosen), Listener(tmp_path, chosen)
    try:
        dying.start()
        pid = json.loads((tmp_path / "pids" / "listener.json").read_text())["pid"]
        while not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z"):
            time.sleep(0.01)
        assert dying.process is None
        assert not ports.is_free(chosen["listener"])
        service.start()
        service.wait()
        assert service.process.pid != pid
    finally:
        service.stop()


def test_a_failure_of_what_another_command_started_shows_the_log_of_that_start(tmp_path):
    first, other = Mute(tmp_path, {}), Mute(tmp_path, {})
    first.log.parent.mkdir()
    first.log.write_text("what went wrong a week ago\n")
    first.start()
    try:
        other.start()
        with pytest.raises(NightjarError, match="did not answer") as caught:
            other.wait()
    finally:
        first.stop()
    assert "a week ago" not in caught.value.remedy


def test_postgres_starts_again_after_a_kill_and_keeps_its_rows(tmp_path):
    import psycopg2

    server = Postgres(tmp_path, ports.choose(Postgres.port_names, {}), "secret")
    address = server.url.replace("+psycopg2", "")
    try:
        server.start()
        server.wait()
        with psycopg2.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 42 AS number")
        connection.close()
        family = [server.process, *processes.descendants(server.process)]
        processes.end(family, signal.SIGKILL, 5)
        server.start()
        server.wait()
        with psycopg2.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT number FROM kept")
            assert cursor.fetchone() == (42,)
        connection.close()
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(address.replace("secret", "wrong"))
    finally:
        server.stop()
