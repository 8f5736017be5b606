"""What is unfinished, why, and which runs would finish it. `plan` is arithmetic; `look` reads what it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar import clock, days
from nightjar.converge.rules import rules
from nightjar.converge.stages import CONVERGE_DAYS, DAGS, At, Known, has_failed, record, unfinished
from nightjar.converge.steps import OWN_RUNS, read, waits_for
from nightjar.lake import Lake
from nightjar.settings import Settings


@dataclass(frozen=True)
class Open:
    """A stage of a day that is not current."""

    day: str
    stage: str
    since: str
    """When the stage before it was made, or its last run began; empty where that is not known."""
    why: str
    due: bool
    """Whether it can be made now."""
    failed: bool
    """Whether it failed for good, so that a person has to look."""
    runs: bool = False
    """Whether a run of it was begun that has not ended."""

    @property
    def dag(self) -> str:
        return DAGS[self.stage]

    @property
    def command(self) -> str:
        """What makes it, once the cause is mended."""
        return days.rerun(self.day, self.stage)


@dataclass(frozen=True)
class Start:
    """A run to be started."""

    dag: str
    day: str
    run_id: str


def look(settings: Settings, now: datetime | None = None) -> list[Open]:
    """What is unfinished now: the days that have records, and from the first night on every day that is over."""
    now, lake, of_settings = now or clock.now(), Lake(settings), rules(settings)
    known = read(lake, settings.model, of_settings)
    expected = {day: {} for day in _nights(settings.first_night, now)}
    return describe(expected | known, of_settings, now)


def describe(known: Known, of_settings: Mapping[str, str], now: datetime) -> list[Open]:
    """Every stage that is not current, by day and in the order of the chain, with the reason in words."""
    found = []
    for at in unfinished(known, of_settings):
        seen = record(known, at)
        missing = waits_for(known, of_settings, at, now)
        if failed := has_failed(known, of_settings, at):
            why = f"failed for good: {seen.error}" if seen.error else f"begun {seen.tries} times and never ended"
        elif missing:
            why = f"waits for the {', the '.join(map(str, missing))}"
        elif seen.made:
            why = "what it was made from has changed"
        else:
            why = "was begun and has not ended" if seen.begun_run else "was never begun"
        runs = bool(seen.begun_run) and not (failed or missing or seen.made)
        before = [record(known, At(at.day, stage)).made_at for stage in DAGS]
        since = seen.begun_at or max(before)
        found.append(Open(at.day, at.stage, since, why, due=not missing and not failed, failed=failed, runs=runs))
    return found


def oldest(now: datetime) -> str:
    """The first day of which `converge` starts anything."""
    return (now - timedelta(days=CONVERGE_DAYS)).date().isoformat()


def plan(found: Collection[Open], idle: Collection[str], now: datetime) -> list[Start]:
    """The runs to start: for every day that has something due, the DAG of its earliest such stage. A DAG that has a run
    queued or running is left alone until the next time: that run may be the one."""
    starts: dict[tuple[str, str], Start] = {}
    for each in found:
        if each.due and each.day >= oldest(now) and each.dag in idle:
            run_id = f"{OWN_RUNS}{each.day}__{each.stage}__{now:%Y%m%dT%H%M%S}"
            starts.setdefault((each.dag, each.day), Start(each.dag, each.day, run_id))
    return list(starts.values())


def _nights(first: str, now: datetime) -> list[str]:
    """The days from the first night on that are over, as far back as `converge` looks."""
    today = now.date()
    back = [(today - timedelta(days=each)).isoformat() for each in range(CONVERGE_DAYS, 0, -1)]
    return [day for day in back if first and day >= first]
