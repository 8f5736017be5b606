"""`nightjar rerun DAY [--from STAGE]`."""

from __future__ import annotations

import shlex
import subprocess
from argparse import Namespace

from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.converge import steps
from nightjar.converge.stages import INGEST
from nightjar.ingest import steps as ingest
from nightjar.lake import Partition
from nightjar.settings import REPOSITORY, Settings

_TIMEOUT_S = 120


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Let a day be made again from a stage on, and have `converge` start it. Uploads that came late are taken in.

    Raises NightjarError for an unknown day.
    """
    known = Known(settings)
    day = known.day(arguments.day)
    if arguments.since == INGEST and known.lake.exists(Partition("uploads", day)):
        ingest.refreeze(settings, day)
    stages = steps.forget(settings, day, arguments.since)
    said = [f"Will be made again of {day}: {', '.join(stages)}."]
    started = _start(settings.airflow)
    soon = "now" if started else "within five minutes, unless it is paused"
    said.append(f"converge starts it {soon}.")
    said.append(f"How far it is: nightjar status {day}")
    return Answer({"day": day, "stages": list(stages), "started": started}, notes=said)


def _start(airflow: str) -> bool:
    """Run `converge` now; False where Airflow's command line is not at hand: it comes by itself."""
    try:
        done = subprocess.run(
            [*shlex.split(airflow), "dags", "trigger", "converge"],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
