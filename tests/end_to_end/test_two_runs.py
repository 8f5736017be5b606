"""Two runs of one day on the real Airflow, in the ways that they come about: each commits the same bytes once.

One stack for all cases, each on a day of its own, with a stand-in for the embedder. See Airflow's issues 68045, 68442,
68618 and 71070.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.airflow import Scheduler
from nightjar.lake import Partition
from nightjar.publish.versions import day_of, owner
from nightjar.settings import FIRST_MODEL
from tests.end_to_end.chain import DAGS, UPLOADS, Chain, Found, running
from tests.nightjar.publish.lists import POINTER, PREFIX

pytestmark = pytest.mark.services  # minutes

WITHIN_S = 1800.0
QUIET_S = 8.0
"""So long may nothing run between two DAGs of the chain."""


class Days(Chain):
    """Waits for the days of a stack, and checks what they leave."""

    def keys(self) -> dict[str, str]:
        """The key of each run, of all days."""
        return {f"{run['dag_id']} {run['dag_run_id']}": run["day"] for run in self.all_runs()}

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

    def published(self, day: str) -> bool:
        """Whether every DAG has run since the newest run of the one before it began."""
        ends = [max((run["start_date"] or "" for run in self.of(day, dag)), default="") for dag in DAGS]
        return all(ends) and ends == sorted(ends)

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
            own[1] for key in found if (own := owner(key.removeprefix(PREFIX))) and own[0] == version
        }
        assert len([key for key in found if key.startswith(f"published/{day}")]) == 1

    def again(self, day: str) -> Found:
        """What an undisturbed run of the whole chain leaves."""
        self.trigger(day)
        return self.settle(day)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    with running(tmp_path_factory.mktemp("two"), print) as stack:
        yield Days(stack)


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
