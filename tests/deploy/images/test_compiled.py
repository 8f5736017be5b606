"""What numba compiles is in the images: a user with an empty home, who may write to neither, compiles nothing anew.

There is no container here: the same layout in a folder. Compiling takes a minute or two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.images.recipe import RECIPES, REPOSITORY, stages

pytestmark = pytest.mark.services  # minutes

AS_OTHERS = ["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []
"""Root minds what a folder allows only without this right."""


@pytest.fixture
def root(tmp_path: Path):
    """An empty folder for an image, which may be removed again."""
    yield tmp_path / "opt" / "nightjar"
    for each in (tmp_path, *tmp_path.rglob("*")):
        if each.is_dir():
            each.chmod(0o755)


def _build(name: str, root: Path) -> dict[str, str]:
    """Copy what a recipe copies and run what it has compiled: the variables that its processes have besides."""
    stage = next(each for each in stages(RECIPES[name]) if any("kernels" in rest for rest in each.of("RUN")))
    for rest in stage.of("COPY"):
        source, target = rest.split()[-2:]
        if source in ("plugins", "plugins/nightjar", "embedder"):
            into = Path(target.replace("/opt/nightjar", str(root)))
            shutil.copytree(REPOSITORY / source, into, ignore=shutil.ignore_patterns("__pycache__"))
    given = dict(each.split("=", 1) for rest in stage.of("ENV") for each in rest.split() if each.startswith("NUMBA"))
    (command,) = (rest for rest in stage.of("RUN") if "kernels" in rest)
    _run(["bash", "-euc", command.replace("/opt/nightjar", str(root)).replace("python", sys.executable)], root, given)
    for each in (root, *root.rglob("*")):
        each.chmod(each.stat().st_mode & ~0o222)
    return given


def _run(command: list[str], root: Path, given: dict[str, str]) -> str:
    search = [root, root / "plugins", REPOSITORY]
    environment = os.environ | given | {"PYTHONPATH": os.pathsep.join(map(str, search))}
    return subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_worker_of_airflow_compiles_nothing(root, settings, milvus, kv, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    given = _build("airflow", root) | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    night = [*AS_OTHERS, sys.executable, "-m", "tests.deploy.images.a_night"]
    assert _run(night, root, given).splitlines() == []
    own = _files(home / ".cache" / "numba")
    assert own
    assert own.items() <= _files(root / "plugins" / "nightjar" / "__pycache__").items()


def test_a_new_container_of_the_embedder_compiles_nothing(root, tmp_path):
    pytest.importorskip("librosa", reason="for the embedder's environment")
    given = _build("embedder", root) | {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    song = "from embedder import kernels; kernels.bring(); kernels.main()"
    _run([*AS_OTHERS, sys.executable, "-c", song], root, given)
    assert _files(tmp_path / "numba") == _files(root / "compiled")
