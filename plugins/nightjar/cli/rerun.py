"""`nightjar rerun DAY [--from STAGE]`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from argparse import Namespace

from nightjar import clock, days
from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.converge import steps
from nightjar.converge.plan import oldest
from nightjar.converge.stages import CONVERGE_DAYS, DAGS, INGEST
from nightjar.ingest import steps as ingest
from nightjar.lake import Partition
from nightjar.settings import REPOSITORY, Settings

_TIMEOUT_S = 120


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Let a day be made again from a stage on, and start it. Uploads that came late are taken in.

    `converge` starts it, which knows whether a run of it goes on; of a day that it does not look at any more, a run of
    the DAG itself. Raises NightjarError for an unknown day, DayNotOver for one that goes on.
    """
    known = Known(settings)
    day = known.day(arguments.day)
    steps.must_be_over(settings, day)
    print(f"nightjar: {day} from {arguments.since} on: asking Airflow to start it", file=sys.stderr, flush=True)
    if arguments.since == INGEST and known.lake.exists(Partition("uploads", day)):
        ingest.refreeze(settings, day)
    stages = steps.forget(settings, day, arguments.since)
    said = [f"Will be made again of {day}: {', '.join(stages)}."]
    by_converge = day >= oldest(clock.now())
    dag = "converge" if by_converge else DAGS[arguments.since]
    started = _start(settings.airflow, dag, "" if by_converge else json.dumps({"day": day}))
    if started:
        said.append(f"{dag} has a run now, which starts it.")
    elif by_converge:
        said.append("converge starts it within five minutes, unless it is paused.")
    else:
        said.append(
            f"Airflow was not reached, and converge looks back {CONVERGE_DAYS} days only. "
            f"Start it: {days.backfill(day, settings.airflow)}"
        )
    said.append(f"How far it is: nightjar status {day}")
    return Answer({"day": day, "stages": list(stages), "started": started}, notes=said)


def _start(airflow: str, dag: str, configuration: str) -> bool:
    """Run a DAG now; False where Airflow's command line is not at hand or fails."""
    configured = ["--conf", configuration] if configuration else []
    try:
        done = subprocess.run(
            [*shlex.split(airflow), "dags", "trigger", dag, *configured],
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
