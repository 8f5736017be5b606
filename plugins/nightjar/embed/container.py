"""The embedder in a container, by the docker command.

A container is no child of ours: the daemon goes on with it when the command that started it is killed. So a guard
removes it: a shell that waits for our end of a pipe to close, which the kernel does however we end. What outlives even
that (the guard's machine or container was killed too) is removed by the next attempt, which has the same name.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator

from nightjar.embed import child
from nightjar.embed.job import Job, shard_job, told
from nightjar.errors import NightjarError
from nightjar.settings import Settings

_KEYS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "NO_PROXY", "no_proxy"),
)
"""What the container gets of our environment besides settings, as far as it is set."""

_GUARD = """
trap '' HUP INT TERM
read -r said
[ "$said" = ended ] && exit 0
for attempt in 1 2; do
  "$1" rm --force "$2" >/dev/null 2>&1
  sleep 1
done
"""
"""Removes the container $2 by the command $1 unless it is told that it has ended; twice, since it may just be made."""

_DAEMON_FAILED = 125
"""The status of `docker run` where the daemon, and not the container, failed. See docker-run(1)."""
_KILLED = 137
_REMOVE_SECONDS = 60


class ContainerRunner:
    """A container for each job, which is gone when the job ends, however that is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None:
        self.run_job(shard_job(self._settings, day, (shard, shards), like))

    def run_job(self, job: Job) -> None:
        """Run any job to its end. Raises NightjarError if there is no docker, or if it fails."""
        docker = shutil.which("docker")
        if docker is None:
            raise NightjarError(
                "there is no docker command on the PATH",
                "Install docker's client where the task runs, or set NIGHTJAR_EMBEDDER_RUNNER to another",
            )
        environment = os.environ | told(self._settings)
        _remove(docker, job.name)  # what an earlier attempt left
        with _guarded(docker, job.name):
            status, last = child.run([docker, *self._command(job, environment)], environment)
        if status == _DAEMON_FAILED:
            raise NightjarError(
                f"docker could not run {self._settings.embedder_image} {job.what}: " + " | ".join(last),
                "Check NIGHTJAR_EMBEDDER_IMAGE, NIGHTJAR_EMBEDDER_OPTIONS and that docker's daemon is up",
            )
        if status == _KILLED:
            limit = (
                f"it was killed, maybe for memory: NIGHTJAR_EMBEDDER_MEMORY_MB is {self._settings.embedder_memory_mb}"
            )
            raise job.failed(f"exit status {status} ({limit})", last)
        if status != 0:
            raise job.failed(child.ended_how(status), last)

    def _command(self, job: Job, environment: dict[str, str]) -> list[str]:
        """Variables go by their names only: the docker command takes their values from its own environment, where other
        users of the machine do not see them."""
        settings = self._settings
        named = [name for name in (*told(settings), *_KEYS) if name in environment]
        command = ["run", "--rm", "--init", "--name", job.name, "--label", "nightjar=embedder"]
        command += ["--memory", f"{settings.embedder_memory_mb}m", "--cpus", str(settings.embedder_threads)]
        command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        command += [part for name in named for part in ("--env", name)]
        command += ["--gpus", settings.embedder_gpus] if settings.embedder_gpus else []
        if job.folders:  # they are this user's, and may be closed to others
            command += ["--user", f"{os.getuid()}:{os.getgid()}"]
            command += [part for each in job.folders for part in ("--volume", f"{each}:{each}")]
        return [*command, *_options(settings), settings.embedder_image, *job.arguments]


def _options(settings: Settings) -> list[str]:
    try:
        return shlex.split(settings.embedder_options)
    except ValueError as error:
        raise NightjarError(
            f"NIGHTJAR_EMBEDDER_OPTIONS={settings.embedder_options!r} cannot be read: {error}",
            "Write it as one would behind docker run, like --network nightjar",
        ) from error


def _remove(docker: str, name: str) -> None:
    """End and remove a container; nothing happens if there is none, and what fails here fails again when it is run."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run([docker, "rm", "--force", name], capture_output=True, check=False, timeout=_REMOVE_SECONDS)


@contextlib.contextmanager
def _guarded(docker: str, name: str) -> Iterator[None]:
    """While inside, the container does not outlive us; after it, it is gone."""
    guard = subprocess.Popen(
        ["sh", "-c", _GUARD, "guard", docker, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what is sent to our group does not reach it
    )
    try:
        yield
    finally:
        _remove(docker, name)
        with contextlib.suppress(OSError):
            guard.stdin.write(b"ended\n")
            guard.stdin.close()
        guard.wait()
