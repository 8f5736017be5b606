"""Whatever an operator does to the chain, it ends by itself, in the bytes and lists of nights that nobody disturbed.

One stack for all sequences, each on days of its own. `NIGHTJAR_TEST_SEQUENCES=60` tries as many; their seeds begin with
`NIGHTJAR_TEST_SEED`, and each is printed with what was done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from deploy.embedded.service import REPOSITORY
from nightjar.airflow.day import TRIED
from nightjar.clock import now
from nightjar.converge import plan, records
from nightjar.converge.stages import SWEEP
from nightjar.publish.versions import day_of, owner
from tests.end_to_end import undisturbed
from tests.end_to_end.chain import DAGS, Chain, Found, running
from tests.end_to_end.on_call import Operator
from tests.end_to_end.watcher import Watcher
from tests.nightjar.publish.lists import POINTER, PREFIX

pytestmark = pytest.mark.services  # minutes

SEQUENCES = int(os.environ.get("NIGHTJAR_TEST_SEQUENCES", "5"))
FIRST_SEED = int(os.environ.get("NIGHTJAR_TEST_SEED", "1"))
ACTIONS = 8
DAYS = 2
"""A sequence's own."""
PLACES = 15
"""So many sequences have days of their own before the first days are used again: `converge` looks back 35."""
INTERVAL_S = 20
STARTS = 3
"""Looks of `converge` that may start something after the last action, and that may find nothing to start meanwhile."""
WITHIN_S = 1800.0
PAUSED_S = 3.0
"""After so long the scheduler, which looks every second, starts nothing more of a DAG that is paused."""
QUIET_S = 8.0
"""So long may nothing run between two DAGs of the chain."""

_HISTORY = ("lists", "tastes", "similar", "neighbours")
"""Tables of which an older day's are not made again: what was live then."""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]) -> Iterator[Chain]:
    with running(tmp_path_factory.mktemp("converges"), say, converge_s=INTERVAL_S) as stack:
        yield Chain(stack)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEQUENCES))
def test_the_chain_ends_as_if_nobody_had_touched_it(chain: Chain, say: Callable[[str], None], seed: int):
    days = _days_of(seed)
    with _emptied(chain):
        undisturbed.wipe(chain.settings())
        _forget_runs(chain, days)
    operator = Operator(chain, days, seed)
    say(f"seed {seed}, days {days}")
    operator.begin()
    with Watcher(chain.settings()) as watcher:
        for _ in range(ACTIONS):
            say(operator.act())
        operator.leave()
        starts = _settle(chain, days)
        found = chain.found()
    say(f"ended after {starts} starts; live were {watcher.versions}")
    assert watcher.faults == []
    with _emptied(chain):
        undisturbed.wipe(chain.settings())
        undisturbed.nights(chain.settings(), days)
        wanted = chain.found()
    found, wanted = _compared(found, days), _compared(wanted, days)
    assert sorted(found) == sorted(wanted)
    assert [key for key in found if found[key] != wanted[key]] == []


def _days_of(seed: int) -> list[str]:
    """The sequence's days, which are over and near enough for `converge`."""
    last = now().date() - timedelta(days=1 + DAYS * (seed % PLACES))
    return [(last - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]


@contextmanager
def _emptied(chain: Chain) -> Iterator[None]:
    """`converge` is paused, where what is queued waits, and no other run is left."""
    for dag in DAGS:  # a sequence that failed leaves them as they were
        chain.api.call("PATCH", f"/dags/{dag}", {"is_paused": False})
    chain.api.call("PATCH", "/dags/converge", {"is_paused": True})
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < PAUSED_S:
        if any(_goes_on(run) and not _waits_to_be_unpaused(chain, run) for run in chain.all_runs()):
            idle_since = time.monotonic()
        time.sleep(0.5)
    yield
    chain.api.call("PATCH", "/dags/converge", {"is_paused": False})


def _goes_on(run: dict) -> bool:
    return run["state"] == "running" or (run["state"] == "queued" and run["dag_id"] in DAGS)


def _waits_to_be_unpaused(chain: Chain, run: dict) -> bool:
    """Whether it is a run of `converge` that had begun when that was paused, whose task Airflow does not start then."""
    if run["dag_id"] in DAGS:
        return False
    return not any(task["state"] in ("queued", "running", "restarting") for task in chain.tasks(run))


def _forget_runs(chain: Chain, days: list[str]) -> None:
    """Days are used again after PLACES sequences."""
    for run in chain.all_runs():
        if run["day"] in days:
            chain.api.call("DELETE", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}")


def _settle(chain: Chain, days: list[str]) -> int:
    """Return when all is done and nothing comes any more: how many looks of `converge` have started something."""
    since, deadline, quiet, idle = now().isoformat(), time.monotonic() + WITHIN_S, time.monotonic(), 0
    while True:
        looks = [run for run in chain.all_runs("converge") if run["state"] == "success" and run["start_date"] > since]
        starts = sum(_started(chain, run) > 0 for run in looks)
        going = [run for run in chain.all_runs() if run["dag_id"] in DAGS and _goes_on(run)]
        left = [each for each in plan.look(chain.settings()) if each.day in days]
        if going:
            quiet, idle = time.monotonic(), len(looks)
        if not going and not left and time.monotonic() - quiet > QUIET_S:
            assert starts <= STARTS, [(run["start_date"], _started(chain, run)) for run in looks]
            return starts
        failed = [(each.day, each.stage, each.why) for each in left if each.failed]
        assert going or not failed, failed
        assert len(looks) - idle <= STARTS, left
        assert time.monotonic() < deadline, (going, left)
        time.sleep(1)


def _started(chain: Chain, run: dict) -> int:
    """How many runs a look of `converge` has started."""
    place = f"/dags/converge/dagRuns/{run['dag_run_id']}/taskInstances/start_what_is_due/xcomEntries/return_value"
    value = chain.api.get(place)["value"]
    return (json.loads(value) if isinstance(value, str) else value)["started"]


def _compared(found: Found, days: list[str]) -> dict[str, object]:
    """What may not depend on what was done: not when, not what was live before, not what is staged and seen by none."""
    live = found[POINTER].decode()
    named = b"".join(body for key, body in found.items() if key.endswith("_manifest.json")).decode()
    kept = {}
    for key, body in found.items():
        own = owner(key.removeprefix(PREFIX))
        if (own and own[0] == live) or key == POINTER or key.startswith("held/"):
            kept[key] = body
        elif key.startswith("lake/") and "/_staged/" not in key:
            table, day, name = key.split("/")[1], key.partition("dt=")[2][:10], key.rpartition("/")[2]
            if (table not in _HISTORY or day == days[-1]) and ("/part-" not in key or name in named):
                kept[key] = body
    return kept


def test_the_runbooks_commands_run_as_they_stand(chain: Chain, say: Callable[[str], None]):
    day = _undisturbed(chain, 0)
    for command in _runbook():
        say(command)
        done = _typed(chain, command.replace("DAY", day))
        if "tasks test" in command:
            begun = records.read(chain.lake.objects, chain.settings().model, [day])[day][SWEEP]
            assert (begun.begun_run.startswith(TRIED), bool(begun.made)) == (True, True), done
        elif "--check" in command:
            assert done.returncode == (1 if plan.look(chain.settings()) else 0)
        else:
            assert done.returncode == 0, done
        _settle(chain, [day])
    assert _typed(chain, "nightjar status --check").returncode == 0


@pytest.mark.parametrize("dag", DAGS)
def test_a_run_without_a_day_fails_at_once_and_says_how_to_give_it_one(chain: Chain, dag: str):
    run_id = chain.api.call("POST", f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
    while (run := chain.api.get(f"/dags/{dag}/dagRuns/{run_id}") | {"dag_id": dag})["state"] in ("queued", "running"):
        time.sleep(0.5)
    failed = [task for task in chain.tasks(run) if task["state"] == "failed"]
    assert run["state"] == "failed"
    assert {task["try_number"] for task in failed} == {1}
    for task in failed:
        place = f"/dags/{dag}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/1"
        assert "is not a day (YYYY-MM-DD). A run takes its day from its partition key" in str(chain.api.get(place))


def test_what_is_done_is_a_matter_of_the_lake(chain: Chain, say: Callable[[str], None]):
    """Airflow's old runs are cleaned away, and then its whole database is lost: nothing is made again by itself. A
    backfill makes the day again, of the same bytes."""
    day = _undisturbed(chain, 0)
    found = chain.found()
    cleaned = f"airflow db clean --tables dag_run --clean-before-timestamp '{now()}' --skip-archive --yes"
    assert _typed(chain, cleaned).returncode == 0
    _settle(chain, [day])
    _looks(chain, 2)
    assert chain.found() == found
    chain.backfill(day)
    _published(chain, day)
    assert chain.found() == found
    chain.stack.down()
    shutil.rmtree(chain.stack.data / "postgres")
    chain.stack.up(say)
    _looks(chain, 2)
    assert [run for run in chain.all_runs() if run["dag_id"] in DAGS] == []
    assert chain.found() == found
    next_day = _undisturbed(chain, 1)
    assert day_of(chain.found()[POINTER].decode()) == max(day, next_day)


def _undisturbed(chain: Chain, back: int) -> str:
    """A day that the chain makes while nobody does anything."""
    day = (now().date() - timedelta(days=33 - back)).isoformat()
    chain.upload(day)
    chain.trigger(day)
    _published(chain, day)
    return day


def _published(chain: Chain, day: str) -> None:
    """Return when the chain has come to its end for a day of which no run was published."""
    while not chain.of(day, DAGS[-1]):
        time.sleep(1)
    _settle(chain, [day])


def _looks(chain: Chain, count: int) -> None:
    """Wait for looks of `converge`, which find nothing to start."""
    since = now().isoformat()
    while True:
        looks = [run for run in chain.all_runs("converge") if run["state"] == "success" and run["start_date"] > since]
        assert not any(_started(chain, run) for run in looks)
        if len(looks) >= count:
            return
        time.sleep(1)


def _runbook() -> list[str]:
    """The commands of the page for the morning after."""
    text = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
    section = text.partition("## The morning after")[2].partition("\n## ")[0]
    found = re.findall(r"^\| [^|`]+ \| `([^`]+)`", section, re.MULTILINE)
    assert len(found) == 7
    return found


def _typed(chain: Chain, command: str) -> subprocess.CompletedProcess:
    """What a person types, with the parts' addresses as `nightjar` finds them by itself where they are the ones started
    last."""
    path = f"{REPOSITORY / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = chain.stack.command_environment | {"PATH": path}
    return subprocess.run(
        command, shell=True, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
