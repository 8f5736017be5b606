"""`nightjar evaluate duplicates` from beginning to end, on the real stages; and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import processes
from nightjar.evaluate.alterations import ALTERATIONS
from nightjar.evaluate.copies import alter


@pytest.fixture
def songs(tmp_path: Path, compose) -> Path:
    """Three songs, a copy, a file of the same bytes, a corrupt one, and what is known of them."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for seed, name in enumerate(("one", "two", "three ü")):
        compose(folder / f"{name}.wav", seed, 14.0)
    alter(folder / "one.wav", ALTERATIONS["mp3-64"], folder / "one-copy")
    shutil.copyfile(folder / "two.wav", folder / "two-again.wav")
    (folder / "corrupt.mp3").write_bytes(b"ID3" + bytes(5000))
    rows = [
        "a,b,verdict,case",
        "one-copy.mp3,one.wav,duplicate,mp3",
        "two.wav,two-again.wav,duplicate,bytes",
        "corrupt.mp3,one.wav,duplicate,corrupt",
    ]
    (folder / "truth.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def temporary() -> Iterator[Path]:
    """What TMPDIR says: a short path, as the servers' sockets need."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def command(songs: Path, temporary: Path, tmp_path: Path) -> dict:
    """What to start, in a directory of no meaning and with a temporary folder that shows what is left."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given = ["--songs", "../songs", "--truth", "../songs/truth.csv", "--report", "../report.json", "--no-separation"]
    return {
        "args": [sys.executable, "-m", "nightjar.cli", "evaluate", "duplicates", *given],
        "cwd": elsewhere,
        "env": os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def left(temporary: Path) -> list:
    """Files and processes of scratch spaces in the temporary folder."""
    return [*temporary.iterdir(), *processes.marked(str(temporary))]


def test_a_folder_with_a_copy_and_a_corrupt_file(command, temporary, tmp_path):
    run = subprocess.run(**command, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "embed: 5 songs" in run.stderr
    assert "All of it, with every error, is in" in run.stdout

    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["songs"], report["separator"]) == (6, "none")
    assert [(row["file"], row["reason"]) for row in report["rejected"]] == [("corrupt.mp3", "unreadable")]
    recall = report["by_verdict"]["duplicate"]["recall"]
    assert (recall["count"], recall["of"]) == (2, 3)
    assert report["by_verdict"]["duplicate"]["precision"]["value"] == 1.0
    assert report["stages"]["candidates"]["recall"]["count"] == 2
    assert "bytes" in report["stages"]["candidates"]["by_source"]
    assert report["by_label"]["case"]["mp3"]["right"]["value"] == 1.0
    (error,) = report["errors"]
    assert (error["error"], error["a"], error["rejected"]) == ("missed", "corrupt.mp3", ["corrupt.mp3"])
    assert report["seconds"].keys() == {"upload", "ingest", "embed", "load", "sweep", "candidates"}
    assert left(temporary) == []


def test_an_interrupted_one_leaves_nothing(command, temporary, tmp_path):
    with subprocess.Popen(**command) as run:
        for line in run.stderr:
            if line.startswith("embed: "):
                break
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=300)
    assert run.returncode == 128 + signal.SIGINT
    assert left(temporary) == []
    assert not (tmp_path / "report.json").exists()


@pytest.mark.services  # each day: what a killed embedder says, in test_runner.py, and what is left, in the test before
def test_a_killed_step_is_one_line_and_leaves_nothing(command, temporary):
    with subprocess.Popen(**command) as run:
        for line in run.stderr:
            if line.startswith("embed: "):
                break
        embedders: list = []
        deadline = time.monotonic() + 300
        while not embedders and time.monotonic() < deadline:
            time.sleep(0.05)
            embedders = [each for each in processes.marked(str(temporary)) if b"embedder" in argv(each)]
        processes.end(embedders[:1], signal.SIGKILL, 5)
        _, said = run.communicate(timeout=300)
    assert run.returncode == 1
    assert "nightjar: the embedder failed on shard " in said
    assert left(temporary) == []


def argv(process: processes.Process) -> list[bytes]:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # ended meanwhile
        return []


def test_a_table_that_does_not_fit_starts_nothing(command, songs):
    (songs / "truth.csv").write_text("a,b,verdict\none.wav,none.wav,cover\n")
    run = subprocess.run(**command, timeout=300)
    assert run.returncode == 1
    assert run.stderr.startswith("nightjar: row 2 of ")
    assert run.stderr.count("\n") == 1
