"""What all five DAG files share: assets, defaults, and how a step is run inside a task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException

from nightjar import days
from nightjar.airflow.notify import say_what_failed
from nightjar.errors import GateClosed, SchemaMismatch
from nightjar.settings import Settings

TRACKS = Asset("nightjar://tracks")
EMBEDDINGS = Asset("nightjar://embeddings")
VECTORS = Asset("nightjar://vectors")
DUPLICATES = Asset("nightjar://duplicates")
LISTS = Asset("nightjar://lists")

DAY = "{{ dag_run.partition_key }}"
"""The only thing a task is told: the day of its run."""

SEPARATION_POOL = "separation"
"""The pool of the one heavy task: a slot for each core (or GPU) that may separate songs at a time."""

DEFAULTS = {
    "owner": "nightjar",
    "retries": 3,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": say_what_failed,
}

_NO_RETRY_MENDS = (GateClosed, SchemaMismatch)


def first_night() -> datetime | None:
    """When the nightly schedule begins: the midnight after the first day that it is to take, when that day is over."""
    day = Settings.read().first_night
    return datetime.fromisoformat(f"{days.parse(day)}T00:00:00+00:00") + timedelta(days=1) if day else None


def run_step(step: Callable[..., dict], day: str, **arguments: Any) -> dict:
    """Run `step(settings, day, **arguments)` with the live model, or the one that the environment names; what no retry
    can mend fails the task at once."""
    from nightjar.models import live  # a client of object storage, which reading a DAG file should not import

    try:
        return step(live.resolved(Settings.load()), days.parse(day), **arguments)
    except _NO_RETRY_MENDS as error:
        raise AirflowFailException(str(error)) from error


def each_shard(summary: dict) -> list[dict[str, int]]:
    """The arguments of a task that is mapped over the shards which a plan's summary counts."""
    return [{"shard": shard, "shards": summary["shards"]} for shard in range(summary["shards"])]
