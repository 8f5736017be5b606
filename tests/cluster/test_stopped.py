"""A cluster that somebody ends while it starts, by the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cluster.__main__ import main
from deploy.embedded import processes
from nightjar.settings import REPOSITORY


@pytest.mark.parametrize("after", ["etcd", "kafka", "rootcoord"])
def test_who_waits_for_the_start_is_told_in_one_line(tmp_path: Path, after: str, capsys):
    start = subprocess.Popen(
        [sys.executable, "-u", "-m", "deploy.cluster", "up", "--data", str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (line := start.stdout.readline()).startswith(after):
        assert line, "it ended before"
    assert main(["down", "--data", str(tmp_path)]) == 0
    _, said = start.communicate(timeout=60)
    assert (start.returncode, said) == (1, "the cluster was stopped while it started. To start it: make cluster\n")
    assert processes.marked(f"{tmp_path}:") == []
    capsys.readouterr()
    assert main(["uri", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"the cluster in {tmp_path} does not run. Start it: make cluster\n"
