"""A file .env, which is docker compose's, is none of Nightjar's."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nightjar.settings import REPOSITORY

ASK = "import os, sys, dotenv, {}; print('pymilvus' in sys.modules, os.environ.get('NIGHTJAR_S3_ACCESS_KEY'))"


@pytest.mark.parametrize("module", ["nightjar.vectors.store", "nightjar.vectors.connection", "deploy.cluster.cluster"])
def test_a_file_beside_the_compose_file_does_not_change_the_environment(tmp_path, module):
    (tmp_path / ".env").write_text("NIGHTJAR_S3_ACCESS_KEY=of-compose\n")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHON_DOTENV_DISABLED"}
    clean.pop("NIGHTJAR_S3_ACCESS_KEY", None)
    clean["PYTHONPATH"] = f"{REPOSITORY}:{REPOSITORY / 'plugins'}"

    def asked(what: str) -> str:
        command = [sys.executable, "-c", ASK.format(what)]
        return subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=True).stdout

    assert asked("pymilvus") == "True of-compose\n", "without nightjar pymilvus reads it"
    assert asked(module) == "True None\n"
