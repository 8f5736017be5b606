"""The nights of a demonstration in Airflow: begun by a backfill, watched until all five DAGs are done with each day."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from deploy.embedded.service import executable
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError

DAGS = ("ingest_uploads", "embed_tracks", "load_vectors", "sweep_duplicates", "publish_recommendations")
"""The chain, in order."""

_WAITING = "waiting"
_UNFINISHED = {"queued", "running"}
_POLL_S = 2.0
_QUIET_S = 180.0
"""So long may nothing run between two DAGs of the chain before it counts as broken."""


@dataclass(frozen=True)
class Run:
    """A DAG's latest run for a day: `state` as Airflow names it, or "waiting" while there is none."""

    run_id: str = ""
    state: str = _WAITING
    began: float = math.inf
    ended: float = 0.0


def chained(newest: dict[tuple[str, str], Run], days: Sequence[str]) -> dict[tuple[str, str], Run]:
    """The newest runs of all DAGs on `days`, in the chain's order.

    A run that began before the day's run of the DAG before it belongs to an earlier backfill: it counts as none.
    """
    found = {(dag, day): newest.get((dag, day), Run()) for day in days for dag in DAGS}
    for day in days:
        for before, dag in pairwise(DAGS):
            if found[dag, day].began < found[before, day].began:
                found[dag, day] = Run()
    return found


class Nights:
    """The runs of a range of days."""

    def __init__(self, stack: Stack, days: Sequence[str]) -> None:
        self._stack, self._days = stack, tuple(days)

    @property
    def command(self) -> list[str]:
        """What a person would type to process the days, finished ones again."""
        days = ["--from-date", self._days[0], "--to-date", self._days[-1], "--reprocess-behavior", "completed"]
        one_by_one = ["--max-active-runs", "1"]  # so that ranking knows all songs up to its day
        return ["airflow", "backfill", "create", "--dag-id", DAGS[0], *days, *one_by_one]

    def begin(self) -> bool:
        """Backfill the days; False if a backfill of theirs was interrupted or had failures: that one goes on.

        Raises NightjarError with Airflow's words if it refuses.
        """
        self._until_parsed()
        states = self.states()
        failed = [(dag, run.run_id) for (dag, _), run in states.items() if run.state == "failed"]
        for dag, run_id in failed:
            body = {"dry_run": False, "dag_run_id": run_id, "only_failed": True, "include_downstream": True}
            self._stack.api.call("POST", f"/dags/{dag}/clearTaskInstances", body)
        if failed or any(run.state in _UNFINISHED for run in states.values()):
            return False
        done = subprocess.run(
            [executable("airflow"), *self.command[1:]],
            env=self._stack.command_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            said = " | ".join(done.stdout.splitlines()[-5:])
            raise NightjarError(f"airflow backfill create failed: {said}", f"See {self._stack.address}")
        return True

    def states(self) -> dict[tuple[str, str], Run]:
        """The newest run for each (DAG, day)."""
        newest: dict[tuple[str, str], Run] = {}
        for raw in self._stack.api.get("/dags/~/dagRuns?order_by=-id&limit=100")["dag_runs"]:
            began = _seconds(raw["start_date"]) or math.inf
            run = Run(raw["dag_run_id"], raw["state"], began, _seconds(raw["end_date"]))
            day = raw["partition_key"] or (raw["conf"] or {}).get("day")  # the latter in runs of `converge`
            newest.setdefault((raw["dag_id"], day), run)
        return chained(newest, self._days)

    def watch(self, show: Callable[[dict[tuple[str, str], Run]], None], within_s: float) -> None:
        """Call `show` every few seconds until every DAG has succeeded on every day.

        Raises NightjarError that names the failed task and shows the end of its log, or the runs that do not come.
        """
        overdue = time.monotonic() + within_s
        quiet = time.monotonic() + _QUIET_S
        while True:
            states = self.states()
            show(states)
            for (dag, day), run in states.items():
                if run.state == "failed":
                    raise self._explained(dag, day, run)
            if all(run.state == "success" for run in states.values()):
                return
            if any(run.state in _UNFINISHED for run in states.values()):
                quiet = time.monotonic() + _QUIET_S
            if time.monotonic() > min(overdue, quiet):
                left = ", ".join(f"{dag} {day}" for (dag, day), run in states.items() if run.state != "success")
                why = "nothing runs any more" if overdue > quiet else f"not done within {within_s:.0f} s"
                raise NightjarError(f"{why}, and these are left: {left}", f"See {self._stack.address}")
            time.sleep(_POLL_S)

    def seconds(self) -> dict[str, float]:
        """For each day, how long its five runs ran, without the time that they waited for the day before."""
        states = self.states()
        return {day: sum(states[dag, day].ended - states[dag, day].began for dag in DAGS) for day in self._days}

    def _until_parsed(self) -> None:
        """Wait until Airflow knows all five DAGs: right after the start it has not read their files yet."""
        deadline = time.monotonic() + 300
        while True:
            known = {dag["dag_id"] for dag in self._stack.api.get("/dags?limit=100")["dags"]}
            if known >= set(DAGS):
                return
            broken = self._stack.api.get("/importErrors")["import_errors"]
            if broken or time.monotonic() > deadline:
                why = broken[0]["stack_trace"] if broken else "see logs/airflow-dag-processor.log"
                raise NightjarError(f"Airflow did not load {', '.join(sorted(set(DAGS) - known))}", why)
            time.sleep(0.5)

    def _explained(self, dag: str, day: str, run: Run) -> NightjarError:
        tasks = self._stack.api.get(f"/dags/{dag}/dagRuns/{run.run_id}/taskInstances")["task_instances"]
        task = next(each for each in tasks if each["state"] == "failed")
        logs = self._stack.data / "airflow" / "logs" / f"dag_id={dag}" / f"run_id={run.run_id}"
        place = logs / f"task_id={task['task_id']}"
        if task["map_index"] >= 0:
            place /= f"map_index={task['map_index']}"
        log = place / f"attempt={task['try_number']}.log"
        end = [_plain(line) for line in log.read_text(errors="replace").splitlines()[-12:]] if log.exists() else []
        return NightjarError(
            f"{dag}.{task['task_id']} failed for {day}", f"Its log is {log}, and ends with:\n    " + "\n    ".join(end)
        )


def _plain(line: str) -> str:
    """What a line of a task's log says to a person: Airflow writes JSON objects."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in said.get("error_detail", [])]
    return ": ".join([said.get("event", ""), *errors])


def _seconds(moment: str | None) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
