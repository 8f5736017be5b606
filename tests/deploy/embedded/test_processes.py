"""Finding and ending processes of ours: not their neighbours, not those that have inherited a number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.embedded import processes
from deploy.embedded.processes import MARK, Process


@pytest.fixture
def tree() -> Iterator[subprocess.Popen]:
    """A marked process with a child in a session of its own, which ignores SIGTERM."""
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    child = f"{ignores}print('ready', flush=True); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
    environment = os.environ | {MARK: f"/data-{os.getpid()}:server"}
    started = subprocess.Popen([sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE)
    assert started.stdout.readline() == b"ready\n"
    yield started
    started.stdout.close()
    processes.end(processes.marked(f"/data-{os.getpid()}:"), signal.SIGKILL, 5)
    started.wait()


def test_the_mark_finds_an_orphan(tree):
    root = processes.identify(tree.pid)
    (child,) = processes.descendants(root)
    processes.end([root], signal.SIGKILL, 5)
    assert processes.marked(f"/data-{os.getpid()}:server") == [child]
    assert processes.marked("/data-of-somebody-else:") == []


def test_what_ignores_the_signal_is_killed(tree):
    (child,) = processes.descendants(processes.identify(tree.pid))
    begun = time.monotonic()
    processes.end([child], signal.SIGTERM, 0.3)
    assert time.monotonic() - begun >= 0.3
    assert not child.alive


def test_a_number_used_again_is_another_process():
    mine = processes.identify(os.getpid())
    assert mine.alive
    assert not Process(mine.pid, mine.started - 1).alive


def test_a_zombie_is_no_process():
    ended = subprocess.Popen(["true"])
    while processes.identify(ended.pid):
        time.sleep(0.01)
    assert ended.wait() == 0
