"""The locks: a hash for every package, nothing that has to be built, torch apart; and what was installed by them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from deploy.install import torch_build

REPOSITORY = Path(__file__).resolve().parents[3]
LOCKS = [
    *("requirements.txt", "embedder/requirements.txt", "embedder/requirements-cuda.txt"),
    *("embedder/requirements-torch.txt", "deploy/images/airflow/requirements.txt", "deploy/install/uv.txt"),
]


def entries(lock: str) -> list[torch_build.Entry]:
    return torch_build.entries((REPOSITORY / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_version_with_its_hashes(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()
    pinned = entries(lock)
    assert pinned
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry.text) for entry in pinned)
    for line in text.splitlines():
        assert re.match(r"\s*#|    --hash=sha256:[0-9a-f]{64}( \\)?$|[A-Za-z0-9._-]+==\S+ (; .* )?\\$", line), line


def test_torch_and_its_libraries_are_in_no_other_lock() -> None:
    names = {entry.name for entry in entries("embedder/requirements.txt")}
    assert not {name for name in names if name == "torch" or torch_build.is_cuda(name)}
    assert {entry.name for entry in entries("embedder/requirements-torch.txt")} == {"torch"}
    (public,) = {entry.version for entry in entries("embedder/requirements-cuda.txt") if entry.name == "torch"}
    builds = {entry.version for entry in entries("embedder/requirements-torch.txt")}
    assert {build.partition("+")[0] for build in builds} == {public}, "bring embedder/requirements-torch.txt up to date"
    assert f"{public}+cpu" in builds


def test_what_builds_our_library_is_locked_too() -> None:
    wanted = re.search(r"requires = \[(.+)\]", (REPOSITORY / "pyproject.toml").read_text())[1]
    pins = {f"{entry.name}=={entry.version}" for entry in entries("requirements.txt")}
    assert set(re.findall(r'"(.+?)"', wanted)) <= pins


@pytest.mark.parametrize(("environment", "lacking"), [(".venv", set()), (".venv-embedder", {"musicnn"})])
def test_packages_that_fit_each_other(environment: str, lacking: set[str]) -> None:
    """musicnn is installed for its checkpoint alone, without what its own code needs."""
    uv, python = REPOSITORY / ".tools/bin/uv", REPOSITORY / environment / "bin/python"
    done = subprocess.run([uv, "pip", "check", "--python", python], capture_output=True, text=True)
    assert "Checked" in done.stderr, done.stderr
    assert set(re.findall(r"^The package `(\S+)`", done.stderr, re.MULTILINE)) == lacking, done.stderr


@pytest.mark.parametrize("path", sorted((REPOSITORY / "deploy/install").glob("*.py")), ids=lambda path: path.name)
def test_any_python_from_3_8_on_can_run_it(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert futures or path.name == "__init__.py", "annotations of today are no Python of 3.8"
