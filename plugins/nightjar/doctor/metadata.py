"""Airflow's metadata database, where the Airflow command is: that it answers, and has the pool that the tasks name."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator

from nightjar.doctor.examine import Finding, fail, ok, skip, warn
from nightjar.settings import REPOSITORY, Settings

NAME = "metadata database"
SECONDS = 95.0
"""Airflow's command line takes 3 to 10 s to begin, and on a busy machine was seen to take 50."""
_DEAD_AFTER = {"PGCONNECT_TIMEOUT": "5"}
"""Seconds after which PostgreSQL's client gives a silent host up: by itself it waits for minutes."""
_ERROR = re.compile(r"^[A-Za-z_.]*(Error|Exception|Exit)\b.*: .*$|^.*\bFATAL\b.*$", re.MULTILINE)
"""The line of a traceback that says what it is about; what libraries put below it is of no use."""
_POOL = "separation"
"""As nightjar.airflow.tasks has it, which is not imported: that would import Airflow."""


def look(settings: Settings) -> Iterator[Finding]:
    """Asks Airflow for its pools, which it keeps in the database."""
    command = shlex.split(settings.airflow)
    if not command or not (shutil.which(command[0]) or (REPOSITORY / command[0]).exists()):
        if settings.airflow == Settings.airflow:
            yield skip(NAME, "no command airflow is here")
        else:
            yield warn(NAME, f"NIGHTJAR_AIRFLOW={settings.airflow!r}: no such command is here", "Correct or unset it")
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
        yield fail(
            NAME,
            f"{settings.airflow} pools list fails: {_what_failed(done.stderr or done.stdout)}",
            "Is the database up and migrated (airflow db migrate)? See AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        )
        return
    yield ok(NAME, "it answers Airflow")
    slots, cores = int(pools.get(_POOL, 0)), os.cpu_count() or 1
    if slots and settings.embedder_runner == "subprocess" and not 0 < slots <= cores:
        yield warn(
            NAME,
            f"the pool {_POOL} has {'no end of' if slots < 0 else slots} slots on {cores} cores",
            f"{settings.airflow} pools set {_POOL} {cores} 'Separations at a time', if tasks run on this host",
        )
    elif slots:
        yield ok(NAME, f"the pool {_POOL} has {slots} slots")
    else:
        yield fail(
            NAME,
            f"there is no pool {_POOL}, or it has no slots: tasks that embed are never scheduled",
            f"{settings.airflow} pools set {_POOL} 2 'Separations at a time'",
        )


def _what_failed(said: str) -> str:
    """The line of what Airflow printed that says why it ended."""
    named = [found[0] for found in _ERROR.finditer(said)]
    lines = [line for line in said.splitlines() if line.strip() and "(Background on this error" not in line]
    return (named or lines or ["no word"])[-1].strip()[:300]
