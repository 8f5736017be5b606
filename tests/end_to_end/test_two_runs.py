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
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from deploy.demo.nights import DAGS
from deploy.embedded.airflow import Scheduler
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.publish.store import connect
from nightjar.publish.versions import POINTER, day_of, owner
from nightjar.settings import FIRST_MODEL, Settings
from tests.end_to_end import stand_in
from tests.nightjar.ingest.exported import listen, listens, parquet
from tests.nightjar.ingest.made import contents, sound

pytestmark = pytest.mark.services  # minutes

UPLOADS = 3
WITHIN_S = 1800.0
QUIET_S = 15.0
"""So long may nothing run between two DAGs of the chain."""

Found = dict[str, bytes]
"""Every object that the nights wrote and every key of the store, with its content."""


class Days:
    """The days of a stack: uploads, listens, runs, and what they leave."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.api, self.lake = stack, stack.api, Lake(stack.settings)

    def upload(self, day: str) -> None:
        """Songs, and a listener of each."""
        put = self.lake.objects.put
        for number in range(UPLOADS):
            body = sound("mp3", "-b:a", "64k", source=f"sine={300 + 100 * number + int(day[-2:])}:duration=4")
            put(f"uploads/dt={day}/{day}-{number}.mp3", body)
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        plays = [listen(user_id=f"u{n}", track_id=f"{day}-{n}", listened_at=at, played_s=4.0) for n in range(UPLOADS)]
        put(f"listens/dt={day}/a.parquet", parquet(listens(*plays)))

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

    def all_runs(self) -> list[dict]:
        return self.api.get("/dags/~/dagRuns?order_by=-id&limit=100")["dag_runs"]

    def keys(self) -> dict[str, str]:
        """The key of each run, of all days."""
        return {f"{run['dag_id']} {run['dag_run_id']}": run["partition_key"] for run in self.all_runs()}

    def runs(self, day: str) -> list[dict]:
        return [run for run in self.all_runs() if run["partition_key"] == day]

    def of(self, day: str, dag: str) -> list[dict]:
        """The runs of one DAG for a day, the newest first."""
        return [run for run in self.runs(day) if run["dag_id"] == dag]

    def until(self, day: str, holds: Callable[[], object]) -> None:
        """Wait for something that the runs of a day do."""
        deadline = time.monotonic() + WITHIN_S
        while not holds():
            assert not self.failed(day)
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def done(self, day: str, dag: str, task: str) -> bool:
        """Whether a task of the newest run has succeeded, and the run goes on."""
        newest = next(iter(self.of(day, dag)), None)
        if newest is None or newest["state"] != "running":
            return False
        return (task, "success") in {(each["task_id"], each["state"]) for each in self.tasks(newest)}

    def settle(self, day: str) -> Found:
        """What is there when all runs of the day have succeeded and no further one comes."""
        deadline, quiet = time.monotonic() + WITHIN_S, time.monotonic()
        while True:
            states = Counter(run["state"] for run in self.runs(day))
            assert not states["failed"], self.failed(day)
            if set(states) != {"success"}:
                quiet = time.monotonic()
            elif self.published(day) and time.monotonic() - quiet > QUIET_S:
                return self.found()
            assert time.monotonic() < deadline, states
            time.sleep(1)

    def found(self) -> Found:
        with closing(connect(self.stack.settings.kv_url)) as store:
            keys = sorted(store.scan_iter(count=1000))
            return contents(self.lake, "") | dict(zip(map(bytes.decode, keys), store.mget(keys), strict=True))

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
            if run["state"] == "failed"
            for task in self.tasks(run)
            if task["state"] == "failed"
        ]

    def check(self, day: str, found: Found) -> None:
        """Every upload is a song once, every user has one list, and no part lies about that no manifest names."""
        tracks = self.lake.read(Partition("tracks", day))["track_id"].to_pylist()
        assert sorted(tracks) == [f"{day}-{number}" for number in range(UPLOADS)]
        embedded = self.lake.read(Partition("embeddings", day, FIRST_MODEL))["track_id"].to_pylist()
        assert sorted(embedded) == sorted(tracks)
        named = b"".join(body for key, body in found.items() if key.endswith("_manifest.json")).decode()
        assert [key for key in found if "/part-" in key and key.rpartition("/")[2] not in named] == []
        version = found[POINTER].decode()
        assert day_of(version) == day
        assert {f"u{number}" for number in range(UPLOADS)} <= {
            own[1] for key in found if (own := owner(key)) and own[0] == version
        }
        assert len([key for key in found if key.startswith(f"published/{day}")]) == 1

    def again(self, day: str) -> Found:
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
    """And so two events of each table with one key: two runs of the later DAGs for it, which may be pending at once."""
    day = "2026-11-20"
    days.upload(day)
    days.backfill(day)  # first: beside a run that is under way for the day it makes none
    days.until(day, lambda: days.of(day, DAGS[0]))
    days.trigger(day)
    found = days.settle(day)
    assert Counter(run["run_type"] for run in days.of(day, DAGS[0])) == {"backfill": 1, "manual": 1}
    days.check(day, found)
    assert days.again(day) == found


def test_finished_runs_that_are_cleared_keep_their_day(days: Days):
    day = "2026-11-21"
    days.upload(day)
    days.trigger(day)
    found = days.settle(day)
    days.check(day, found)
    before = days.keys()
    for dag in DAGS[1::-1]:  # of a DAG that waits for another, and of the one that begins
        days.clear(dag, days.of(day, dag)[0]["dag_run_id"])
    assert days.settle(day) == found
    after = days.keys()
    assert before.items() <= after.items()
    assert {after[run_id] for run_id in after.keys() - before.keys()} == {day}


def test_tasks_that_are_cleared_while_their_run_goes_on(days: Days):
    """Those that plan: what is mapped over their plans is under way, or waits."""
    day = "2026-11-22"
    days.upload(day)
    days.trigger(day)
    for dag, task in ((DAGS[0], "freeze"), (DAGS[-1], "weigh_listens")):
        days.until(day, lambda dag=dag, task=task: days.done(day, dag, task))
        days.clear(dag, days.of(day, dag)[0]["dag_run_id"], task_ids=[task])
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
