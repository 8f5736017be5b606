"""The surroundings of a night in which all is well."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.cli import doctor
from nightjar.settings import FIRST_MODEL, Settings
from tests.nightjar.doctor.found import script


@pytest.fixture
def hosts(settings, milvus, kv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """All servers, and stand-ins for what takes long to ask: Airflow's command and the embedder's interpreter."""
    kv.config_set("appendonly", "yes")
    python = script(
        tmp_path / "python",
        f'case "$3" in models) echo {FIRST_MODEL}; exit;; esac; '
        f'case "$2" in embedder) echo \'{{"state": "present", "detail": "htdemucs"}}\';; '
        f"*) exec {sys.executable} -c 'import json; print(json.dumps(dict(torch=\"2.13.0+cpu\")))';; esac",
    )
    airflow = script(tmp_path / "airflow", 'echo \'[{"pool": "separation", "slots": "1"}]\'')
    made = replace(settings, embedder_python=str(python), airflow=str(airflow), weights_dir="")
    made = replace(made, cache_dir=str(tmp_path / "cache"))
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    patient = [replace(check, seconds=300.0) for check in doctor.CHECKS]  # a slow machine is no finding
    monkeypatch.setattr(doctor, "CHECKS", patient)
    return made
