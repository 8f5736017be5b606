"""The embedder, wherever it runs: that it can be started, what is installed there, and its weights."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from nightjar.doctor.examine import Finding, fail, ok, skip, warn
from nightjar.embed.cluster import Cluster
from nightjar.embed.runner import RUNNERS, embedder_environment
from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings

NAME, WEIGHTS = "embedder", "weights"

_MATTER = ("demucs", "torch", "tensorflow-cpu", "keras", "librosa", "musicnn", "numpy", "pyarrow")
_ASK = (
    "import importlib.metadata as m, json, sys\n"
    "def v(name):\n"
    "    try: return m.version(name)\n"
    "    except m.PackageNotFoundError: return ''\n"
    "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
)
_REMEDY = "make install, and see whether NIGHTJAR_EMBEDDER_PYTHON names the interpreter that it made"
_LOCKED = re.compile(r"^([A-Za-z0-9-]+)==([^\s;]+)", re.MULTILINE)
_PERMISSIONS = (("create", ""), ("get", ""), ("delete", ""), ("get", "log"))
"""What a pod runner does with pods, and with their logs."""


def look(settings: Settings) -> Iterator[Finding]:
    """Asks the runner that is set; a night that cannot start its embedder has no songs."""
    yield from {"docker": _docker, "kubernetes": _kubernetes}.get(settings.embedder_runner, _environment)(settings)


def _environment(settings: Settings) -> Iterator[Finding]:
    python = Path(settings.embedder_python)
    if not python.exists():
        yield fail(NAME, f"no environment at {python}", _REMEDY)
        return
    locks = sorted((REPOSITORY / "embedder").glob("requirements*.txt"))
    wanted = {name: version.partition("+")[0] for lock in locks for name, version in _LOCKED.findall(lock.read_text())}
    have = _said(settings, "-c", _ASK, *_MATTER)
    missing = [name for name, version in have.items() if not version]
    other = [
        f"{name} {have[name]} instead of {wanted[name]}" for name in have if _differs(have[name], wanted.get(name))
    ]
    if missing:
        yield fail(NAME, f"the environment of {python} lacks {', '.join(missing)}", _REMEDY)
    elif other:
        yield warn(NAME, ", ".join(other), "make install: other versions may give other vectors")
    else:
        yield ok(NAME, f"{python}: {len(have)} packages as locked, among them torch {have['torch']}")


def _differs(have: str, wanted: str | None) -> bool:
    return bool(have and wanted) and have.partition("+")[0] != wanted  # torch calls its builds 2.13.0+cpu


def look_at_weights(settings: Settings) -> Iterator[Finding]:
    """Has the embedder read the separator's weights and compute their hash, or say where they may be had."""
    if settings.embedder_runner != "subprocess" and settings.embedder_runner in RUNNERS:
        yield skip(WEIGHTS, "they are in the volume of the embedder's containers, which is not looked into from here")
        return
    if settings.separator == "none":
        yield ok(WEIGHTS, "not needed: nothing is separated")
        return
    if not Path(settings.embedder_python).exists():
        yield fail(WEIGHTS, "no environment to read them", "See embedder")
        return
    said = _said(settings, "-m", "embedder", "weights")
    if said["state"] == "present":
        yield ok(WEIGHTS, f"{said['detail']}, with the right hash")
    elif said["state"] == "obtainable":
        fetch = f"{settings.embedder_python} -m embedder weights --fetch"
        yield warn(WEIGHTS, f"not here yet: {said['detail']}", f"The first shard fetches them; to do so now: {fetch}")
    else:
        yield fail(
            WEIGHTS, said["detail"], "Set NIGHTJAR_WEIGHTS_DIR to a folder with htdemucs, see Models in README.md"
        )


def models(settings: Settings) -> list[str]:
    """The models that the embedder makes. Raises NightjarError where it cannot be asked."""
    return _printed(settings, "-m", "embedder", "models", "--out=/dev/stdout").split()


def _said(settings: Settings, *arguments: str) -> dict:
    """The object in the last line that the embedder's interpreter prints. Raises NightjarError if it fails."""
    try:
        return dict(json.loads(_printed(settings, *arguments).strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError) as error:
        raise NightjarError(f"{settings.embedder_python} does not answer as a Python does", _REMEDY) from error


def _printed(settings: Settings, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [settings.embedder_python, *arguments],
            cwd=REPOSITORY,
            env=embedder_environment(settings.sound()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=110,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NightjarError(f"{settings.embedder_python} does not run: {error}", _REMEDY) from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise NightjarError(f"{settings.embedder_python} fails: {last[0]}", _REMEDY)
    return done.stdout


def _docker(settings: Settings) -> Iterator[Finding]:
    docker = shutil.which("docker")
    if docker is None:
        yield fail(NAME, "no docker command on the PATH", "Install docker's client, or set NIGHTJAR_EMBEDDER_RUNNER")
        return

    def asked(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([docker, *words], capture_output=True, text=True, timeout=15, env=os.environ.copy())

    version = asked("version", "--format", "{{.Server.Version}}")
    if version.returncode:
        why = (version.stderr.strip().splitlines() or ["no word"])[-1]
        yield fail(NAME, f"docker's daemon does not answer: {why}", "Start it, or give this user access to its socket")
        return
    yield ok(NAME, f"docker {version.stdout.strip()} answers")
    if asked("image", "inspect", settings.embedder_image).returncode:
        yield warn(NAME, f"{settings.embedder_image} is not on this host", "docker pull it, or the first shard does")
    else:
        yield ok(NAME, f"{settings.embedder_image} is there")


def _kubernetes(settings: Settings) -> Iterator[Finding]:
    cluster = Cluster(settings, hurried=True)
    missing = [
        f"{verb} pods{'/' if sub else ''}{sub}" for verb, sub in _PERMISSIONS if not cluster.may(verb, "pods", sub)
    ]
    if missing:
        yield fail(
            NAME,
            f"in the namespace {cluster.namespace} this account may not {', '.join(missing)}",
            "Bind the role nightjar-embedder-runner to it, see deploy/kubernetes",
        )
    else:
        yield ok(NAME, f"pods may be made in the namespace {cluster.namespace}")
