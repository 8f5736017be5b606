"""uv and Python, brought to machines that have little."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.install import environments, progress, uv

REPOSITORY = Path(__file__).resolve().parents[3]


def test_uv_comes_by_pip_with_the_locked_hash(tmp_path: Path) -> None:
    target = tmp_path / "tools" / "bin" / "uv"
    uv.bring(target)
    said = subprocess.run([target, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[1] == uv.LOCK.read_text().split()[0].partition("==")[2]


def test_a_uv_of_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "uv.txt"
    lock.write_text(f"{uv.LOCK.read_text().split()[0]} --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(uv, "LOCK", lock)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(SystemExit, match="could not be fetched"):
        uv.bring(tmp_path / "bin" / "uv")
    assert not (tmp_path / "bin" / "uv").exists()


def test_without_pip_any_uv_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "pip", lambda: [])
    (tmp_path / "path").mkdir()
    shutil.copy(REPOSITORY / ".tools/bin/uv", tmp_path / "path" / "uv")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    uv.bring(tmp_path / "bin" / "uv")
    assert (tmp_path / "bin" / "uv").stat().st_mode & 0o111


def test_where_nothing_can_fetch_it_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "pip", lambda: [])
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="apt install python3-pip"):
        uv.bring(tmp_path / "bin" / "uv")


def stand_in(folder: Path, script: str) -> environments.Place:
    """A place whose uv is a shell script."""
    tool = folder / ".tools" / "bin" / "uv"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{script}\n')
    tool.chmod(0o755)
    return environments.Place(tool, "", None, {"PATH": "/usr/bin:/bin"})


def test_python_3_11_is_brought_by_uv_where_it_is_missing(tmp_path: Path) -> None:
    place = stand_in(tmp_path, '[ "$2" != find ]')
    environments._environment(place, tmp_path / ".venv")
    _, installed, made = (tmp_path / "calls").read_text().splitlines()
    assert installed == "python install --no-bin 3.11"
    assert made.startswith("venv ")
    assert "--python 3.11" in made


def test_where_uv_cannot_bring_python_the_remedy_is_said(tmp_path: Path) -> None:
    place = stand_in(tmp_path, 'echo "  cause: dns error" >&2; exit 2')
    with pytest.raises(SystemExit, match=r"dns error\n.*apt install python3\.11.*make PYTHON="):
        environments._environment(place, tmp_path / ".venv")


def test_a_python_of_another_version_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.12\n")
    other.chmod(0o755)
    with pytest.raises(SystemExit, match=r"is Python 3\.12: Nightjar's locks are for 3\.11"):
        environments._environment(stand_in(tmp_path, "exit 0")._replace(python=str(other)), tmp_path / ".venv")


def test_what_cannot_be_imported_ends_the_installation_with_what_to_do(tmp_path: Path) -> None:
    python = tmp_path / ".venv-embedder" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho 'ImportError: libcudnn.so.9: cannot open shared object file' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(SystemExit) as failed:
        environments._import(python, environments.EMBEDDER, "torch is torch 2.13.0 from the index")
    said = str(failed.value)
    assert "libcudnn.so.9" in said
    assert "torch is torch 2.13.0 from the index" in said
    assert f"Remove {tmp_path}/.venv-embedder and run this again" in said


def test_progress_is_told_while_a_command_runs(capsys: pytest.CaptureFixture) -> None:
    progress.run(["/bin/sh", "-c", "sleep 3"], {}, "installing", every_s=0.1)
    assert re.search(r"^  installing: \d+ s", capsys.readouterr().out, re.MULTILINE)


def test_a_command_that_fails_gives_what_it_said() -> None:
    with pytest.raises(progress.Failed, match="no such wheel"):
        progress.run(["/bin/sh", "-c", "echo no such wheel >&2; exit 3"], {}, "installing")
