"""The metadata database as Nightjar uses it: PostgreSQL, asked by Airflow's own command for the pool of separations."""

from __future__ import annotations

import re
import secrets
import subprocess
from dataclasses import replace

import pytest

from deploy.embedded.airflow import AirflowConfig
from deploy.embedded.service import executable
from nightjar.doctor import metadata
from nightjar.doctor.examine import FAIL, OK
from nightjar.settings import Settings

pytestmark = pytest.mark.services  # five starts of Airflow's command, of seconds each


def found(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.state, finding.found) for finding in metadata.look(settings)]


def test_the_database_is_missing_migrated_and_has_the_pool(postgres, tmp_path, monkeypatch):
    keys = {name: secrets.token_hex(16) for name in ("jwt", "api")} | {"fernet": ""}
    environment = AirflowConfig(tmp_path, postgres.url, 1, (1, 1), keys, tmp_path).environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    airflow = executable("airflow")
    settings = replace(Settings.load({}), airflow=airflow)
    nowhere = postgres.url.replace(str(postgres.ports["postgres"]), "1")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", nowhere)
    ((state, said),) = found(settings)
    assert state == FAIL
    assert re.search(r"OperationalError.*(refused|No such file)", said), said
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", postgres.url)
    assert [state for state, _ in found(settings)] == [FAIL], "it has no tables yet"
    subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True)
    assert [state for state, _ in found(settings)] == [OK, FAIL]
    subprocess.run([airflow, "pools", "set", "separation", "1", "x"], check=True, capture_output=True)
    assert found(settings) == [(OK, "it answers Airflow"), (OK, "the pool separation has 1 slots")]
