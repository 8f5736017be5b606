"""Driving the DAGs over a range of days with one backfill, and watching them until the last list is published."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.embedded.service import executable
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError

DAGS = ("ingest_uploads", "embed_tracks", "load_vectors", "sweep_duplicates", "publish_recommendations")
"""In the order in which a day goes through them."""

_UNFINISHED = {"queued", "running"}
_POLL_S = 2.0
_SILENCE_S = 90.0
"""How long nothing may run, with days unfinished, before the chain counts as broken."""


@dataclass(frozen=True)
class Cell:
    """A DAG's newest run of a day: its state ("" before there is one), and its tasks done and in all."""

    state: str
    done: int = 0
    tasks: int = 0


Board = dict[tuple[str, str], Cell]
"""By (DAG, day)."""


class Backfill:
    """A backfill of some days on a running stack. A chain that a kill interrupted is taken up again."""

    def __init__(self, stack: Stack, days: Sequence[str]) -> None:
        self._stack, self._days = stack, tuple(days)
        self._begun = ""
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """From the first task to the last of each day."""
        return dict(self._seconds)

    def create(self) -> bool:
        """Start the backfill, of finished days too; False if one is under way, which then goes on."""
        unfinished = self._stack.api.get("/backfills?dag_id=ingest_uploads&limit=100")["backfills"]
        if any(backfill["completed_at"] is None for backfill in unfinished) or self._active(self._newest()):
            return False
        self._begun = datetime.now(UTC).isoformat()
        command = [executable("airflow"), "backfill", "create", "--dag-id", "ingest_uploads"]
        command += ["--from-date", self._days[0], "--to-date", self._days[-1]]
        command += ["--reprocess-behavior", "completed", "--max-active-runs", "1"]
        done = subprocess.run(
            command,
            env=os.environ | self._stack.airflow_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            last = " | ".join(done.stdout.splitlines()[-5:])
            raise NightjarError(f"airflow backfill create failed: {last}", f"See {self._stack.data / 'logs'}")
        return True

    def watch(self) -> Iterator[Board]:
        """The board every few seconds, until each day is published. Raises NightjarError if a run fails."""
        quiet_since = time.monotonic()
        while True:
            runs = self._newest()
            yield self._board(runs)
            failed = [key for key, run in runs.items() if run["state"] == "failed"]
            if self._active(runs):
                quiet_since = time.monotonic()
            elif failed:
                raise NightjarError(self._what_failed(runs[failed[0]]), f"Its log: {self._stack.address}")
            elif all(runs.get((DAGS[-1], day), {}).get("state") == "success" for day in self._days):
                self._note_seconds(runs)
                return
            elif time.monotonic() - quiet_since > _SILENCE_S:
                raise NightjarError(
                    f"nothing runs, and not every day is published, since {_SILENCE_S:.0f} s",
                    f"See {self._stack.address} and the logs in {self._stack.data / 'logs'}",
                )
            time.sleep(_POLL_S)

    def _newest(self) -> dict[tuple[str, str], dict]:
        """The newest run of each DAG and day, among those that began after this backfill, if it is new."""
        found: dict[tuple[str, str], dict] = {}
        for dag in DAGS:
            for run in self._stack.api.get(f"/dags/{dag}/dagRuns?limit=100&order_by=-id")["dag_runs"]:
                key = (dag, run["partition_key"])
                began = run["start_date"] or run["queued_at"] or ""
                mine = run["state"] in _UNFINISHED or began.replace("Z", "+00:00") >= self._begun
                if run["partition_key"] in self._days and mine and key not in found:
                    found[key] = run
        return found

    def _active(self, runs: dict[tuple[str, str], dict]) -> bool:
        return any(run["state"] in _UNFINISHED for run in runs.values())

    def _board(self, runs: dict[tuple[str, str], dict]) -> Board:
        return {(dag, day): self._cell(runs.get((dag, day))) for dag in DAGS for day in self._days}

    def _cell(self, run: dict | None) -> Cell:
        if run is None:
            return Cell("")
        if run["state"] != "running":
            return Cell(run["state"])
        tasks = self._tasks(run)
        return Cell("running", sum(task["state"] == "success" for task in tasks), len(tasks))

    def _tasks(self, run: dict) -> list[dict]:
        path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances?limit=1000"
        return self._stack.api.get(path)["task_instances"]

    def _what_failed(self, run: dict) -> str:
        tasks = [task["task_id"] for task in self._tasks(run) if task["state"] == "failed"]
        return f"{run['dag_id']} failed on {run['partition_key']}, in {', '.join(tasks) or 'no task'}"

    def _note_seconds(self, runs: dict[tuple[str, str], dict]) -> None:
        for day in self._days:
            mine = [run for (_, each), run in runs.items() if each == day]
            start = min(datetime.fromisoformat(run["start_date"]) for run in mine)
            end = max(datetime.fromisoformat(run["end_date"]) for run in mine)
            self._seconds[day] = (end - start).total_seconds()
