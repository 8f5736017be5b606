"""`python -m tests.deploy.images.steps [NAME...]`: the install steps of the images' recipes, run without a container.

Of each recipe the stage `packages` is taken: its COPY into an empty folder, its RUN with that folder in the place of
the root. Then the fresh environment is asked for what the image is for, the GPU image's on the CPU. Nothing needs to be
set; uv's cache is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.deploy.images.recipe import RECIPES, REPOSITORY, stages

ASKED = {
    "airflow": [
        "airflow version",
        "python -c 'import nightjar.cli, nightjar.recommend.night, nightjar.duplicates.steps, boto3, pymilvus'",
        "python -c 'from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor'",
        "python -m nightjar.cli --help",
    ],
    "embedder": [
        "python -m embedder --help",
        "python -c 'import embedder.pipeline, embedder.separate, embedder.embedding'",
    ],
}
"""What must succeed in the environment, with the library beside it."""


def main(names: list[str]) -> int:
    for name in names or ["airflow", "embedder", "embedder-gpu"]:
        begun = time.monotonic()
        recipe, _, variant = name.partition("-")
        with tempfile.TemporaryDirectory(prefix=f"nightjar-image-{name}-") as folder:
            _install(recipe, variant or "cpu", Path(folder))
            _ask(recipe, Path(folder))
        print(f"{name:<14} as its recipe says, in {time.monotonic() - begun:.0f} s", flush=True)
    return 0


def _install(recipe: str, variant: str, root: Path) -> None:
    """The stage `packages`, with `root` instead of the root."""
    environment = os.environ | {"VARIANT": variant}
    environment.pop("PYTHONPATH", None)
    stage = next(stage for stage in stages(RECIPES[recipe]) if stage.name == "packages")
    for rest in stage.of("COPY"):
        *sources, target = rest.split()
        for source in sources:
            into = root / target.lstrip("/")
            into = into / Path(source).name if target.endswith("/") else into
            into.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copy
            copy(REPOSITORY / source, into)
    (folder,) = stage.of("WORKDIR")
    for command in stage.of("RUN"):
        for path in ("/build", "/opt/venv"):
            command = command.replace(path, f"{root}{path}")
        command = command.replace("python -m", f"{sys.executable} -m")
        subprocess.run(["bash", "-euc", command], env=environment, cwd=f"{root}{folder}", check=True)


def _ask(recipe: str, root: Path) -> None:
    """Run each command of ASKED with the fresh environment first on the PATH."""
    search = [REPOSITORY, REPOSITORY / "plugins"] if recipe == "embedder" else [REPOSITORY / "plugins"]
    environment = os.environ | {
        "PATH": f"{root}/opt/venv/bin:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, search)),
        "AIRFLOW_HOME": str(root / "airflow"),
    }
    for command in ASKED[recipe]:
        subprocess.run(["bash", "-euc", command], env=environment, cwd=root, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
