"""Nights of which the commands tell, and ways to ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nightjar.cli import main
from nightjar.settings import Settings
from tests.nightjar.cli import made


@pytest.fixture
def nights(settings, milvus, kv) -> Settings:
    return made.nights(settings)


@pytest.fixture
def published(settings, milvus, kv) -> Settings:
    return made.published(settings)


@pytest.fixture
def ask(capsys):
    """Runs a command; its JSON."""

    def ask(*arguments: str) -> dict:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def fail(capsys):
    """Runs a command that must not find anything; its one line on stderr."""

    def fail(*arguments: str) -> str:
        assert main(arguments) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("nightjar: ")
        assert said.err.count("\n") == 1
        return said.err

    return fail


@pytest.fixture
def airflow(tmp_path, monkeypatch) -> Path:
    """A command in Airflow's place that notes what it is called with, a line each."""
    said, command = tmp_path / "said", tmp_path / "airflow"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {said}\n')
    command.chmod(0o755)
    monkeypatch.setenv("NIGHTJAR_AIRFLOW", str(command))
    return said
