"""`make lock`: pyproject.toml's groups become lock files, with the hash of every file of each package.

torch and what its CUDA build needs go into embedder/requirements-cuda.txt, apart from the rest of the embedder's lock:
another build of torch may take their place. The hashes of PyTorch's own builds are kept by hand in
embedder/requirements-torch.txt, which says where they come from.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from deploy.install.torch_build import EMBEDDER, PUBLIC, TORCH, entries, is_cuda

AIRFLOW = Path("requirements.txt")
IMAGE = Path("deploy/images/airflow/requirements.txt")
BOOTSTRAP = Path("deploy/install/uv.txt")
MUSICNN = "musicnn==0.1.0"
"""Wanted for its checkpoint; what it depends on is obsolete and not wanted: locks install with --no-deps."""

HEADER = "# torch as the index has it, the CUDA build, and what it needs: see deploy/install/torch_build.py.\n"


def lock(uv: Path) -> None:
    """Resolve all groups again; pins that still fit stay as they are. Run it from the repository's root."""
    groups = ["--group", "airflow", "--group", "embedded", "--group", "test"]
    _compile(uv, AIRFLOW, [*groups, "pyproject.toml"])
    image = ["--group", "airflow", "--group", "image", "--constraint", str(AIRFLOW), "pyproject.toml"]
    _compile(uv, IMAGE, [*image, "--no-annotate"])
    _compile(uv, BOOTSTRAP, ["-"], f"uv=={_pinned(BOOTSTRAP, 'uv')}\n")
    with tempfile.TemporaryDirectory() as folder:
        whole, musicnn = Path(folder, "whole.txt"), Path(folder, "musicnn.txt")
        whole.write_text("".join(path.read_text() for path in (EMBEDDER, PUBLIC) if path.exists()))
        _compile(uv, whole, ["--group", "embedder"])
        _compile(uv, musicnn, ["--no-deps", "-"], f"{MUSICNN}\n")
        locked = entries(whole.read_text())
        apart = [entry for entry in locked if entry.name == "torch" or is_cuda(entry.name)]
        other = [entry for entry in locked if entry not in apart] + entries(musicnn.read_text())
        EMBEDDER.write_text("".join(entry.text for entry in sorted(other)))
        PUBLIC.write_text(HEADER + "".join(entry.text for entry in apart))
    if _pinned(PUBLIC, "torch") != (ours := _pinned(TORCH, "torch").partition("+")[0]):
        print(f"torch is locked at {_pinned(PUBLIC, 'torch')}, and {TORCH} lists builds of {ours}: bring it up to date")


def _compile(uv: Path, output: Path, arguments: list[str], said: str | None = None) -> None:
    command = [uv, "pip", "compile", "--quiet", "--python-version", "3.11", "--no-header", "--no-emit-find-links"]
    more = ["--generate-hashes", "--output-file", str(output)]
    subprocess.run(
        [*map(str, command), *more, *arguments], input=said, stdout=subprocess.DEVNULL, text=True, check=True
    )


def _pinned(path: Path, name: str) -> str:
    found = re.search(rf"^{name}==(\S+)", path.read_text(), re.MULTILINE)
    if not found:
        raise SystemExit(f"{path} has no line {name}==VERSION: git checkout {path}")
    return found[1]
