"""Airflow's metadata database, where the Airflow command is: that it answers, and has the pool that the tasks name."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator

from nightjar.doctor.examine import Finding, fail, ok
from nightjar.settings import REPOSITORY, Settings

NAME = "metadata database"
SECONDS = 95.0
"""Airflow's command line takes 3 to 10 s to begin, and on a busy machine was seen to take 50."""
_DEAD_AFTER = {"PGCONNECT_TIMEOUT": "5"}
"""Seconds after which PostgreSQL's client gives a silent host up: by itself it waits for minutes."""
_POOL = "separation"
"""As nightjar.airflow.tasks has it, which is not imported: that would import Airflow."""


def look(settings: Settings) -> Iterator[Finding]:
    """Asks Airflow for its pools, which it keeps in the database."""
    command = shlex.split(settings.airflow)
    if not command or not (shutil.which(command[0]) or (REPOSITORY / command[0]).exists()):
        yield ok(NAME, f"not asked: there is no command {settings.airflow!r} here")
        return
    try:
        done = subprocess.run(
            [*command, "pools", "list", "--output", "json"],
            cwd=REPOSITORY,
            env=_DEAD_AFTER | os.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS - 5,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        how = "no answer in time" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        yield fail(NAME, f"{settings.airflow}: {how}", "Is the database up? See AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
        return
    try:
        pools = {pool["pool"]: pool["slots"] for pool in json.loads(done.stdout[done.stdout.index("[") :])}
    except (ValueError, KeyError, TypeError):
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no word"]
        yield fail(
            NAME,
            f"{settings.airflow} pools list fails: {lines[-1].strip()[:200]}",
            "Is the database up and migrated (airflow db migrate)? See AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        )
        return
    yield ok(NAME, "it answers Airflow")
    if _POOL in pools:
        yield ok(NAME, f"the pool {_POOL} has {pools[_POOL]} slots")
    else:
        yield fail(
            NAME,
            f"there is no pool {_POOL}: tasks that embed are never scheduled",
            f"{settings.airflow} pools set {_POOL} 2 'Separations at a time'",
        )
