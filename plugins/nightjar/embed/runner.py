"""Running the embedder, a shard or a small errand of it, with its progress in our log.

One setting says where: NIGHTJAR_EMBEDDER_RUNNER is `subprocess` (its own environment on this machine), `docker` (its
image, by the docker command) or `kubernetes` (its image, as a pod). The embedder talks to nobody but the lake and says
how it went by its exit status, so that `EmbedderRunner` is all that the DAG knows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from nightjar.embed import child
from nightjar.embed.job import Job, errand, shard_job, threads
from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings

RUNNERS = ("subprocess", "docker", "kubernetes")


class EmbedderRunner(Protocol):
    """Runs the embedder for one shard to its end, `like` another model's run of it if one is named. Raises
    NightjarError if it fails."""

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None: ...


class SubprocessRunner:
    """The embedder as a child process: it ends when the task ends, however the task ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None:
        self.run_job(shard_job(self._settings, day, (shard, shards), like))

    def run_job(self, job: Job) -> None:
        """Run any job to its end. Raises NightjarError if there is no environment for it, or if it fails."""
        python = Path(self._settings.embedder_python)
        if not python.exists():
            raise NightjarError(
                f"there is no embedder environment at {python}", "Run make install, or set NIGHTJAR_EMBEDDER_PYTHON"
            )
        status, last = child.run(
            [str(python), "-u", "-m", "embedder", *job.arguments], embedder_environment(self._settings)
        )
        if status != 0:
            raise job.failed(child.ended_how(status), last)


def embedder_environment(settings: Settings) -> dict[str, str]:
    """Ours without what belongs to Airflow's own environment, with the settings and the number of threads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    kept.update(settings.environment() | threads(settings))
    kept["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    return kept


def runner_for(settings: Settings) -> EmbedderRunner:
    """The runner that NIGHTJAR_EMBEDDER_RUNNER names. Raises NightjarError if it names none, or an image is missing."""
    if settings.embedder_runner == "subprocess":
        return SubprocessRunner(settings)
    if settings.embedder_runner not in RUNNERS:
        raise NightjarError(
            f"NIGHTJAR_EMBEDDER_RUNNER={settings.embedder_runner!r} is not known", f"Set one of {', '.join(RUNNERS)}"
        )
    if not settings.embedder_image:
        raise NightjarError(
            f"NIGHTJAR_EMBEDDER_RUNNER={settings.embedder_runner} needs an image", "Set NIGHTJAR_EMBEDDER_IMAGE"
        )
    if settings.embedder_runner == "docker":
        from nightjar.embed.container import ContainerRunner

        return ContainerRunner(settings)
    from nightjar.embed.pod import PodRunner

    return PodRunner(settings)


def run_embedder(
    settings: Settings, arguments: Sequence[str], what: str, remedy: str, folders: Iterable[Path] = ()
) -> None:
    """Run a small errand: `python -m embedder` with `arguments`, which may name files in `folders` of this machine.

    Where there is an environment on this machine it is taken, which is fastest; else a container that is given the
    folders. A pod has no files of ours. Raises NightjarError if there is nothing to run it, or if it fails: `what` it
    failed at, and the `remedy`.
    """
    job = errand(settings, arguments, what, remedy, folders)
    local = Path(settings.embedder_python).exists()
    if local or settings.embedder_runner == "subprocess":
        SubprocessRunner(settings).run_job(job)
    elif settings.embedder_runner == "docker":
        from nightjar.embed.container import ContainerRunner

        runner_for(settings)  # says what is missing
        ContainerRunner(settings).run_job(job)
    else:
        raise NightjarError(
            f"an embedder in a pod cannot write files here, {what}",
            "Run the command where the embedder's environment is, and set NIGHTJAR_EMBEDDER_PYTHON",
        )
