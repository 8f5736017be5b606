"""What all five DAG files share: assets, defaults, and how a step is run inside a task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset, get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightjar import days
from nightjar.airflow.notify import note_what_failed, say_what_failed
from nightjar.errors import DayNotOver, GateClosed, NotADay, SchemaMismatch
from nightjar.settings import Settings

log = logging.getLogger(__name__)

TRACKS = Asset("nightjar://tracks")
EMBEDDINGS = Asset("nightjar://embeddings")
VECTORS = Asset("nightjar://vectors")
DUPLICATES = Asset("nightjar://duplicates")
LISTS = Asset("nightjar://lists")

SEPARATION_POOL = "separation"
"""The pool of the one heavy task: a slot for each core (or GPU) that may separate songs at a time."""

DEFAULTS = {
    "owner": "nightjar",
    "retries": 3,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": [say_what_failed, note_what_failed],
}

_NO_RETRY_MENDS = (DayNotOver, GateClosed, NotADay, SchemaMismatch)


def first_night() -> datetime | None:
    """When the nightly schedule begins: the midnight after the first day that it is to take, when that day is over."""
    day = Settings.read().first_night
    return datetime.fromisoformat(f"{days.parse(day)}T00:00:00+00:00") + timedelta(days=1) if day else None


def converge_interval() -> timedelta:
    """How often `converge` looks for what is unfinished."""
    return timedelta(seconds=Settings.read().sound().converge_s)


def run_step(step: Callable[..., dict], day: str, *, begins: str = "", ends: str = "", **arguments: Any) -> dict:
    """Run `step(settings, day, **arguments)` with the live model, or the one that the environment names.

    The first task of a stage `begins` it: its run ends quietly if the stage is not due. The last task `ends` it, unless
    what it was begun with has changed meanwhile. What no retry can mend fails the task at once.
    """
    from nightjar.converge import steps  # clients of object storage, which reading a DAG file should not import
    from nightjar.converge.stages import At
    from nightjar.models import live

    try:
        settings, day = live.resolved(Settings.load()), days.parse(day)
        run_id = get_current_context()["run_id"]
        if begins:
            steps.begin(settings, At(day, begins), run_id)
        elif ends:
            steps.still_due(settings, At(day, ends), run_id)
        summary = step(settings, day, **arguments)
        if ends:
            steps.finish(settings, At(day, ends))
            _date_events(day)
    except steps.NotDue as error:
        raise AirflowSkipException(str(error)) from error
    except _NO_RETRY_MENDS as error:
        raise AirflowFailException(str(error)) from error
    return summary


def _date_events(day: str) -> None:
    """Have the events of this task carry the day, also where its run has no partition key of its own."""
    context = get_current_context()
    if not context["dag_run"].partition_key:
        for outlet in context["task"].outlets:
            context["outlet_events"][outlet].add_partitions(day)


def each_shard(summary: dict) -> list[dict[str, int]]:
    """The arguments of a task that is mapped over the shards which a plan's summary counts."""
    return [{"shard": shard, "shards": summary["shards"]} for shard in range(summary["shards"])]


def converged() -> dict:
    """Start what is unfinished and due: {"started": [...], "waiting": ..., "failed": ...}."""
    from nightjar import clock
    from nightjar.airflow import runs
    from nightjar.converge import plan
    from nightjar.converge.stages import DAGS
    from nightjar.models import live

    now = clock.now()
    found = plan.look(live.resolved(Settings.load()), now)
    starts = plan.plan(found, {name for name in DAGS.values() if runs.is_idle(name)}, now)
    for each in starts:
        runs.start(each.dag, each.run_id, each.day)
    for each in found:
        log.log(logging.WARNING if each.failed else logging.INFO, "%s of %s %s", each.stage, each.day, each.why)
    log.info("converge: %d stages unfinished, started %s", len(found), [f"{each.dag} {each.day}" for each in starts])
    return {"unfinished": len(found), "failed": sum(each.failed for each in found), "started": len(starts)}
