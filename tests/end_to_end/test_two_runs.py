"""Two runs of one day on the real Airflow, in the ways that they come about: each commits the same bytes once.

One stack for all cases, each on a day of its own, with a stand-in for the embedder. See Airflow's issues 68045, 68442,
68618 and 71070.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.demo.nights import DAGS
from deploy.embedded.airflow import Scheduler
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.settings import FIRST_MODEL, Settings
from tests.end_to_end import stand_in
from tests.nightjar.ingest.made import contents, sound

pytestmark = pytest.mark.services  # minutes

UPLOADS = 3
WITHIN_S = 1800.0
QUIET_S = 15.0
"""So long may nothing run between two DAGs of the chain."""


class Days:
    """The days of a stack: uploads, runs, and what the lake has of a day."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.api, self.lake = stack, stack.api, Lake(stack.settings)

    def upload(self, day: str) -> None:
        for number in range(UPLOADS):
            body = sound("mp3", "-b:a", "64k", source=f"sine={300 + 100 * number + int(day[-2:])}:duration=4")
            self.lake.objects.put(f"uploads/dt={day}/{day}-{number}.mp3", body)

    def trigger(self, day: str, dag: str = DAGS[0]) -> str:
        """As the schedule's run is: one of the DAG's own, with the day as its key."""
        body = {"partition_key": day, "logical_date": None}
        return self.api.call("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"]

    def backfill(self, day: str) -> None:
        body = {"dag_id": DAGS[0], "from_date": f"{day}T00:00:00Z", "to_date": f"{day}T00:00:00Z"}
        self.api.call("POST", "/backfills", body | {"max_active_runs": 1, "reprocess_behavior": "completed"})

    def clear(self, dag: str, run_id: str, **which: object) -> dict:
        """The whole run, or of it `task_ids`. In the moment in which the scheduler cuts a mapped task Airflow answers
        500 (a foreign key of task_instance_history) and clears nothing: then again, as a person would."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "include_downstream": True} | which
        for last in (False, False, True):
            try:
                return self.api.call("POST", f"/dags/{dag}/clearTaskInstances", body)
            except NightjarError as error:
                if last or "500" not in error.message:
                    raise
                time.sleep(1)
        raise AssertionError("unreachable")

    def runs(self, day: str) -> list[dict]:
        return [
            run
            for run in self.api.get("/dags/~/dagRuns?order_by=-id&limit=100")["dag_runs"]
            if run["partition_key"] == day
        ]

    def of(self, day: str, dag: str) -> list[dict]:
        """The runs of one DAG for a day, the newest first."""
        return [run for run in self.runs(day) if run["dag_id"] == dag]

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def settle(self, day: str) -> dict[str, bytes]:
        """What the lake has of the day when all its runs have succeeded and no further one comes."""
        deadline, quiet = time.monotonic() + WITHIN_S, time.monotonic()
        while True:
            states = Counter(run["state"] for run in self.runs(day))
            assert not states["failed"], self.failed(day)
            if set(states) != {"success"}:
                quiet = time.monotonic()
            elif self.published(day) and time.monotonic() - quiet > QUIET_S:
                return {key: body for key, body in contents(self.lake).items() if f"dt={day}/" in key}
            assert time.monotonic() < deadline, states
            time.sleep(1)

    def published(self, day: str) -> bool:
        """Whether every DAG has run since the newest run of the one before it began."""
        ends = [max((run["start_date"] or "" for run in self.of(day, dag)), default="") for dag in DAGS]
        return all(ends) and ends == sorted(ends)

    def tasks(self, run: dict) -> list[dict]:
        return self.api.get(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]

    def failed(self, day: str) -> list[tuple]:
        return [
            (task["dag_id"], task["task_id"], task["map_index"])
            for run in self.runs(day)
            for task in self.tasks(run)
            if task["state"] == "failed"
        ]

    def check(self, day: str, found: dict[str, bytes]) -> None:
        """Every upload is a song once, and no part lies about that no manifest names."""
        tracks = self.lake.read(Partition("tracks", day))["track_id"].to_pylist()
        assert sorted(tracks) == [f"{day}-{number}" for number in range(UPLOADS)]
        embedded = self.lake.read(Partition("embeddings", day, FIRST_MODEL))["track_id"].to_pylist()
        assert sorted(embedded) == sorted(tracks)
        named = b"".join(body for key, body in found.items() if key.endswith("_manifest.json")).decode()
        assert [key for key in found if "/part-" in key and key.rpartition("/")[2] not in named] == []

    def again(self, day: str) -> dict[str, bytes]:
        """What an undisturbed run of the whole chain leaves."""
        self.trigger(day)
        return self.settle(day)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    folder = tmp_path_factory.mktemp("two")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {stand_in.__file__} "$@"\n')
    python.chmod(0o755)
    settings = replace(Settings.load({}), shard_songs=2, embedder_python=str(python))
    stack, before = Stack(folder / "data", settings), dict(os.environ)
    try:
        stack.up(print)
        stack.enter()
        yield Days(stack)
    finally:
        stack.down()
        os.environ.clear()
        os.environ.update(before)


def test_a_backfill_beside_the_schedules_run_of_the_same_day(days: Days):
    """And so two events of each table with one key."""
    day = "2026-11-20"
    days.upload(day)
    days.backfill(
        day
    )  # of a day that a run is under way for, a backfill makes none: the other order is the dangerous one
    days.until(lambda: days.of(day, DAGS[0]))
    days.trigger(day)
    found = days.settle(day)
    assert {run["run_type"] for run in days.of(day, DAGS[0])} == {"backfill", "manual"}
    days.check(day, found)
    assert days.again(day) == found


def test_a_run_that_is_cleared_keeps_its_day(days: Days):
    day = "2026-11-21"
    days.upload(day)
    days.trigger(day)
    found = days.settle(day)
    for dag in DAGS[:3]:
        run_id = days.of(day, dag)[0]["dag_run_id"]
        days.clear(dag, run_id)
        assert days.settle(day) == found
        assert run_id in {run["dag_run_id"] for run in days.of(day, dag)}
    days.check(day, found)


def test_a_task_that_is_cleared_while_its_run_goes_on(days: Days):
    day = "2026-11-22"
    days.upload(day)
    run_id = days.trigger(day)
    run = {"dag_id": DAGS[0], "dag_run_id": run_id}
    days.until(lambda: ("freeze", "success") in {(task["task_id"], task["state"]) for task in days.tasks(run)})
    days.clear(DAGS[0], run_id, task_ids=["freeze"])
    found = days.settle(day)
    days.check(day, found)
    assert days.again(day) == found


def test_two_schedulers(days: Days):
    day = "2026-11-23"
    days.upload(day)
    first = next(service for service in days.stack.services if isinstance(service, Scheduler))
    second = _Second(first.data, first.config, days.stack.environment)
    try:
        second.start()
        second.wait()
        time.sleep(QUIET_S)
        days.trigger(day)
        found = days.settle(day)
    finally:
        second.stop()
    assert Counter(run["dag_id"] for run in days.runs(day)) == Counter(DAGS)
    days.check(day, found)
    assert days.again(day) == found


class _Second(Scheduler):
    name = "airflow-second-scheduler"

    @property
    def folder(self) -> Path:
        return self.data / self.name
