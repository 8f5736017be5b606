"""The data directories that the commands are given: those that cannot be one, and those that are none."""

from __future__ import annotations

import pytest

import deploy.cluster.__main__
import deploy.embedded.__main__

PARTS = pytest.mark.parametrize("main", [deploy.cluster.__main__.main, deploy.embedded.__main__.main])


@PARTS
@pytest.mark.parametrize("name", ["file", "file/below", "/proc", "/proc/below"])
def test_what_cannot_be_a_data_directory_is_named(tmp_path, capsys, main, name):
    (tmp_path / "file").write_text("mine")
    assert main(["up", "--data", str(tmp_path / name)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path / name} cannot be a data directory: ")
    assert len(said.splitlines()) == 1


@PARTS
@pytest.mark.parametrize("command", ["down", "status", "uri", "airflow"])
def test_only_a_start_makes_a_data_directory(tmp_path, capsys, main, command):
    if command == ("airflow" if main is deploy.cluster.__main__.main else "uri"):
        pytest.skip("is a command of the other")
    place = tmp_path / "none"
    assert main(["--data", str(place), command]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"nothing was ever started in {place}. Name another one, or start it: .venv/bin/python -m ")
    assert not place.exists()
