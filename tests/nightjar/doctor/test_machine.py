"""The doctor's checks that ask no server: settings, versions, folders; and a check that hangs."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.doctor import machine
from nightjar.doctor.examine import FAIL, OK, WARN, Check, Finding, examine
from nightjar.settings import Settings


@pytest.mark.parametrize(
    ("changed", "state", "said"),
    [
        ({"s3_endpoint": "127.0.0.1:8333"}, FAIL, "NIGHTJAR_S3_ENDPOINT='127.0.0.1:8333' is no address"),
        ({"milvus_uri": "./milvus.db"}, FAIL, "NIGHTJAR_MILVUS_URI"),
        ({"kv_url": "user:secret@kv"}, FAIL, "NIGHTJAR_KV_URL"),
        ({"first_night": "tomorrow"}, FAIL, "NIGHTJAR_FIRST_NIGHT"),
        ({"embedder_runner": "podman"}, FAIL, "podman"),
        ({"embedder_runner": "docker"}, FAIL, "no image"),
        ({"embedder_runner": "docker", "embedder_image": "e"}, WARN, "has no version"),
        ({"embedder_runner": "docker", "embedder_image": "host:5000/e:latest"}, WARN, "has no version"),
        ({"embedder_gpus": "all"}, FAIL, "no number"),
        ({"embedder_memory_mb": 1000}, WARN, "less than a separation takes"),
        ({"shard_songs": 500}, WARN, "take about 39 hours"),
        ({"embedder_threads": 1000}, WARN, "on [0-9]+ cores"),
        ({"separator": "none"}, WARN, "separates nothing"),
    ],
)
def test_settings_that_make_no_sense(changed: dict, state: str, said: str) -> None:
    found = list(machine.look_at_settings(replace(Settings(), **changed), {}))
    assert [each.state for each in found] == [state], found
    assert re.search(said, found[0].found)
    assert "secret" not in found[0].found


def test_settings_that_are_none() -> None:
    environ = {"NIGHTJAR_BUKET": "x", "NIGHTJAR_TEST_MUSIC": "x", "NIGHTJAR_MODEL": "x"}
    found = list(machine.look_at_settings(Settings(), environ))
    assert [(each.state, each.found, each.remedy) for each in found] == [
        (WARN, "NIGHTJAR_BUKET is no setting", "Did you mean NIGHTJAR_BUCKET?")
    ]
    fine = replace(Settings(), embedder_runner="docker", embedder_image="host:5000/nightjar/embedder:0.1.0")
    assert [each.state for each in machine.look_at_settings(fine, {})] == [OK]


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(machine.look_at_folders(Settings(sql_dir=str(tmp_path), cache_dir=str(tmp_path / "file"))))
    wrong = [each.found for each in found if each.state == FAIL]
    assert wrong[0].startswith("there is no SQL in")
    assert wrong[1].startswith("weights cannot be kept in")


def test_packages_that_are_not_the_locked_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    there = machine.installed
    monkeypatch.setattr(machine, "installed", lambda name: "0.1" if name == "duckdb" else there(name))
    warned = [each.found for each in machine.look_at_versions(Settings()) if each.state == WARN]
    assert len(warned) == 1
    assert warned[0].startswith("duckdb 0.1 instead of 1.")


def test_a_check_that_hangs_or_breaks_is_a_finding_and_keeps_what_it_found() -> None:
    noted, ended = threading.Event(), threading.Event()

    def hangs(_: Settings):
        yield Finding("a", OK, "first")
        noted.set()
        ended.wait()

    def breaks(_: Settings):
        noted.wait()
        raise KeyError("x")
        yield

    found = examine(Settings(), [Check("b", breaks, 120.0), Check("a", hangs, 0.0)])
    ended.set()
    assert [(each.check, each.state) for each in found] == [("b", FAIL), ("a", OK), ("a", FAIL)]
    assert "KeyError" in found[0].found


def test_a_process_with_a_hanging_check_ends() -> None:
    code = (
        "import time; from nightjar.doctor.examine import Check, examine; from nightjar.settings import Settings; "
        "print(len(examine(Settings(), [Check('a', lambda _: time.sleep(600), 0.2)])))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300).stdout == "1\n"
