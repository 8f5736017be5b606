"""An image's layout in a folder: what its recipe copies, with what it has compiled. There is no container here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.images.recipe import RECIPES, REPOSITORY, stages

AS_OTHERS = ["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []
"""Root minds what a folder allows only without this right."""


@contextmanager
def image(name: str, folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Build the image `name` below an empty folder: its root, which nobody may write to, and the variables that its
    processes have besides."""
    root = folder / "opt" / "nightjar"
    try:
        yield root, _build(name, root)
    finally:
        for each in (folder, *folder.rglob("*")):  # so that it can be removed
            if each.is_dir():
                each.chmod(0o755)


def _build(name: str, root: Path) -> dict[str, str]:
    stage = next(each for each in stages(RECIPES[name]) if any("kernels" in rest for rest in each.of("RUN")))
    for rest in stage.of("COPY"):
        source, target = rest.split()[-2:]
        if source in ("plugins", "plugins/nightjar", "embedder"):
            into = Path(target.replace("/opt/nightjar", str(root)))
            shutil.copytree(REPOSITORY / source, into, ignore=shutil.ignore_patterns("__pycache__"))
    given = dict(each.split("=", 1) for rest in stage.of("ENV") for each in rest.split() if each.startswith("NUMBA"))
    (command,) = (rest for rest in stage.of("RUN") if "kernels" in rest)
    run(["bash", "-euc", command.replace("/opt/nightjar", str(root)).replace("python", sys.executable)], root, given)
    for each in (root, *root.rglob("*")):
        each.chmod(each.stat().st_mode & ~0o222)
    return given


def run(command: list[str], root: Path, given: dict[str, str]) -> str:
    """What a process of the image writes to its standard output; `given` are its variables besides."""
    search = [root, root / "plugins", REPOSITORY]
    environment = os.environ | given | {"PYTHONPATH": os.pathsep.join(map(str, search))}
    return subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their names there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
