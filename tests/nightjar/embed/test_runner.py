"""The embedder as a child process: its progress in the log, its failure in words, its end with the task's."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightjar.embed.runner import SubprocessRunner
from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings


def _interpreter(folder: Path, script: str) -> Settings:
    """Settings whose embedder's interpreter is a shell script; it is given `-u -m embedder --day ...`."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Settings(embedder_python=str(program), embedder_threads=3, model="some-1")


def test_progress_reaches_the_log_line_by_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = _interpreter(tmp_path, 'echo "$@"; echo "threads $OMP_NUM_THREADS model $NIGHTJAR_MODEL"')
    with caplog.at_level(logging.INFO):
        SubprocessRunner(settings).run("2026-11-20", 1, 2)
    assert "-u -m embedder --day 2026-11-20 --shard 1 --shards 2" in caplog.messages
    assert f"threads 3 model {settings.model}" in caplog.messages


def test_failure_names_the_shard_the_status_and_the_last_lines(tmp_path: Path) -> None:
    settings = _interpreter(tmp_path, "echo reading; echo no weights here >&2; exit 2")
    with pytest.raises(NightjarError) as error:
        SubprocessRunner(settings).run("2026-11-20", 0, 4)
    assert "shard 0 of 4 of 2026-11-20 with exit status 2" in error.value.message
    assert "no weights here" in error.value.message


def test_a_killed_embedder_is_a_failure(tmp_path: Path) -> None:
    settings = _interpreter(tmp_path, "kill -9 $$")
    with pytest.raises(NightjarError, match="SIGKILL"):
        SubprocessRunner(settings).run("2026-11-20", 0, 1)


def test_missing_environment_names_the_remedy() -> None:
    with pytest.raises(NightjarError, match="make install"):
        SubprocessRunner(Settings(embedder_python="/nowhere/python")).run("2026-11-20", 0, 1)


def test_airflow_variables_stay_with_airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    with caplog.at_level(logging.INFO):
        SubprocessRunner(_interpreter(tmp_path, "env")).run("2026-11-20", 0, 1)
    assert not any("secret" in message for message in caplog.messages)


def test_no_embedder_outlives_a_task_that_is_killed(tmp_path: Path) -> None:
    settings = _interpreter(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    code = (
        "from nightjar.embed.runner import SubprocessRunner; from nightjar.settings import Settings; "
        f"SubprocessRunner(Settings(embedder_python={settings.embedder_python!r})).run('2026-11-20', 0, 1)"
    )
    task = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")})
    _until((tmp_path / "pid").exists)
    _until(lambda: (tmp_path / "pid").read_text().strip())
    embedder = int((tmp_path / "pid").read_text())
    task.send_signal(signal.SIGKILL)
    task.wait()
    _until(lambda: not _runs(embedder))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
