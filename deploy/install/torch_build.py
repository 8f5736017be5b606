"""Which build of torch is taken, and from where: the first of three ways that has one.

1. A place of the user's, find-links or an index, if what it offers needs no CUDA libraries.
2. PyTorch's own index, which uv knows: `--torch-backend auto` where there is an NVIDIA driver, else `cpu`.
3. The index that all else comes from: on Linux it has the CUDA build, which runs on a CPU too, but only beside its
   libraries.

torch is installed in a step of its own, without what it depends on: nothing else can come from the places of 1. and 2.
A build must have a hash that embedder/requirements-torch.txt or embedder/requirements-cuda.txt lists; one that has none
is passed over.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

EMBEDDER = Path("embedder/requirements.txt")
PUBLIC = Path("embedder/requirements-cuda.txt")
TORCH = Path("embedder/requirements-torch.txt")
PATIENCE_S = 30
"""How long an index may take to name a build. PyTorch's answers in 2 s where it can be reached."""
_IMPATIENT = {"UV_HTTP_CONNECT_TIMEOUT": "10", "UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


class Entry(NamedTuple):
    """A package in a lock file, with its lines: the version, the hashes, who wants it."""

    name: str
    version: str
    text: str


class Way(NamedTuple):
    """A place to ask for torch: what it is called, uv's arguments for it, and its environment."""

    name: str
    arguments: list[str]
    environ: Mapping[str, str]
    takes_cuda: bool


class Choice(NamedTuple):
    """A build: where it comes from, a line for uv, whether it needs the CUDA libraries, what was passed over."""

    way: Way
    version: str
    line: str
    cuda: bool
    passed_over: list[str]


def entries(text: str) -> list[Entry]:
    """The packages of a lock file, in its order."""
    found: list[Entry] = []
    for line in text.splitlines(keepends=True):
        if begins := _NAME.match(line):
            found.append(Entry(begins[1], begins[2], line))
        elif found and not line.startswith("#"):
            found[-1] = found[-1]._replace(text=found[-1].text + line)
    return found


def is_cuda(name: str) -> bool:
    """Whether a package is one of those that only torch's CUDA build needs."""
    return name.startswith(("nvidia-", "cuda-")) or name == "triton"


def accepted() -> dict[str, str]:
    """The builds of torch that the locks have a hash of: by version, a line for uv. Run it in the repository's root."""
    hashes: dict[str, list[str]] = {}
    for entry in entries(TORCH.read_text() + PUBLIC.read_text()):
        if entry.name == "torch":
            hashes.setdefault(entry.version, []).extend(re.findall(r"--hash=\S+", entry.text))
    return {version: " ".join([f"torch=={version}", *each]) for version, each in hashes.items()}


def libraries() -> str:
    """The lock of what a CUDA build needs beside it."""
    return "".join(entry.text for entry in entries(PUBLIC.read_text()) if is_cuda(entry.name))


def ways(locks: Mapping[str, str], yours: Mapping[str, str], where: str) -> list[Way]:
    """The first two ways. `locks` is uv's environment for all else, `yours` has your places, `where` names them."""
    backend = "auto" if has_nvidia() else "cpu"
    pytorch = Way(f"PyTorch's own index (uv --torch-backend {backend})", ["--torch-backend", backend], locks, True)
    best = ["--index-strategy", "unsafe-best-match"]  # of all your places, not of the first that has any torch
    return ([Way(where, best, yours, False)] if where else []) + [pytorch]


def choose(uv: Path, given: list[Way], public: Way) -> Choice:
    """The first build of the given ways that may be taken, else the public index's."""
    known, passed_over = accepted(), []
    wanted = next(entry.version for entry in entries(PUBLIC.read_text()) if entry.name == "torch")
    for way in given:
        offered = _ask(uv, way, wanted)
        if isinstance(offered, str):
            passed_over.append(f"{way.name}: {offered}")
            continue
        version, cuda = offered
        if cuda and not way.takes_cuda:
            passed_over.append(f"{way.name}: torch {version} there is a CUDA build")
        elif version not in known:
            passed_over.append(f"{way.name}: torch {version} has no hash in {TORCH}")
        else:
            return Choice(way, version, known[version], cuda, passed_over)
    return Choice(public, wanted, known[wanted], True, passed_over)


def has_nvidia() -> bool:
    """Whether this machine has an NVIDIA driver."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def _ask(uv: Path, way: Way, wanted: str) -> tuple[str, bool] | str:
    """The version that a place offers and whether that needs CUDA libraries, or why there is none."""
    command = [str(uv), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", "3.11"]
    with tempfile.TemporaryDirectory() as nowhere:  # where no pyproject.toml has a say
        try:
            done = subprocess.run(
                [*command, *way.arguments, "-"],
                input=f"torch=={wanted}\n",
                env={**way.environ, **_IMPATIENT},
                cwd=nowhere,
                capture_output=True,
                timeout=PATIENCE_S,
                text=True,
            )
        except subprocess.TimeoutExpired:
            return f"no answer in {PATIENCE_S} s"
    if done.returncode:
        return reason(done.stderr)
    offered = {entry.name: entry.version for entry in entries(done.stdout)}
    return offered["torch"], any(map(is_cuda, offered))


def reason(said: str) -> str:
    """The last cause that uv gives, in one line."""
    lines = [re.sub(r"^\W*(error|cause)?[:\s]*", "", line).strip() for line in said.splitlines()]
    return next((line for line in reversed(lines) if line), "it says nothing")[:200]
