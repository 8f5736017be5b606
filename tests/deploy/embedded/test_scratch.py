"""A scratch space serves one command, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import processes, scratch

USES_BOTH = """
from nightjar.lake import Lake
from nightjar.settings import Settings
from nightjar.vectors.connection import Connection
import os, sys
settings = Settings.load()
Lake(settings).objects.put("a", b"1")
assert Connection(settings).lite
assert "AWS_PROFILE" not in os.environ
sys.exit(7)
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where the spaces are: of a short path, as their sockets need."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def start(temporary: Path):
    """Starts a command in a scratch space."""

    def start(*command: str, **variables: str) -> subprocess.Popen:
        paths = os.pathsep.join(sys.path)
        environment = os.environ | {"TMPDIR": str(temporary), "AWS_PROFILE": "mine", "PYTHONPATH": paths}
        environment |= variables
        module = [sys.executable, "-m", "deploy.embedded", "scratch", "--"]
        return subprocess.Popen(
            [*module, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


def left(folder: Path) -> list:
    return [*folder.iterdir(), *processes.marked(str(folder))]


def test_a_command_has_its_own_stores_and_ends_with_its_status(start, temporary):
    run = start(sys.executable, "-c", USES_BOTH)
    assert run.wait(timeout=300) == 7
    assert left(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_below(start, temporary, number):
    run = start("sh", "-c", "trap '' INT TERM; sleep 600 & echo ready; wait; wait")  # it pays no heed itself
    assert run.stdout.readline() == "ready\n"
    run.send_signal(number)
    assert run.wait(timeout=300) == 128 + number
    assert left(temporary) == []


def test_what_a_killed_space_left_is_removed_by_the_next(start, temporary):
    run = start("sh", "-c", "echo ready; exec sleep 600")
    run.stdout.readline()
    run.kill()
    run.wait()
    (abandoned,) = temporary.iterdir()
    assert processes.marked(f"{abandoned}:")
    ports = json.loads((abandoned / "ports.json").read_text())
    long_ago = time.time() - 3600
    os.utime(abandoned / "lock", (long_ago, long_ago))
    assert start("true").wait(timeout=300) == 0
    assert left(temporary) == []
    assert not [path for path in Path("/tmp").glob("seaweedfs-*.sock") if str(ports["master_grpc"]) in path.name]


def test_too_long_a_path_is_one_line(start, temporary):
    deep = temporary / ("d" * 90)
    deep.mkdir()
    run = start("true", TMPDIR=str(deep))
    _, said = run.communicate(timeout=300)
    assert run.returncode == 1
    assert said.endswith("is too long for the servers' sockets. Set TMPDIR to a shorter one\n")
    assert left(deep) == []


def test_the_variable_is_the_one_that_the_library_looks_for():
    from nightjar.evaluate import again

    assert again._INSIDE == scratch.INSIDE
