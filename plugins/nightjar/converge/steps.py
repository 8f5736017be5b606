"""What the tasks do about stages: begin one if it is due, and note that it is made or that it failed for good."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from nightjar import clock, days
from nightjar.converge import records
from nightjar.converge.made import adopt, made
from nightjar.converge.rules import rules
from nightjar.converge.stages import (
    CHAIN,
    EMBED,
    INGEST,
    LISTENS,
    PAST_PATIENCE_S,
    PUBLISH,
    SWEEP,
    At,
    Known,
    Record,
    awaited,
    has_failed,
    inputs,
    is_current,
    record,
)
from nightjar.errors import DayNotOver, NightjarError
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.thresholds import LATE_UPLOAD_DAYS

log = logging.getLogger(__name__)

OWN_RUNS = "converge__"
"""What the ids of runs begin with that the DAG `converge` starts."""
_NOBODY_ASKED = (OWN_RUNS, "scheduled__")
"""The same of runs that come by themselves: those of the schedule may come for a day that `converge` was quicker with,
or once more after Airflow's database was lost."""
_OF_A_RUN = {INGEST: (INGEST, LISTENS), LISTENS: (INGEST, LISTENS)}
"""Stages that one run makes: where one of them is out of date, both are made."""


class NotDue(NightjarError):
    """The stage cannot be made now, or need not be: its run ends quietly."""


def read(lake: Lake, model: str, rules_now: Mapping[str, str]) -> dict[str, dict[str, Record]]:
    """The records of all days. What was committed before there were records of it gets some first: by an earlier
    version, or by `nightjar model fill`."""
    known = records.read(lake.objects, model)
    days_there = [name.removeprefix("dt=") for name in lake.objects.folders("lake/tracks/")]
    without = [
        day
        for day in days_there
        if EMBED not in known.get(day, {})
        and lake.exists(Partition("stems", day, model) if day in known else Partition("tracks", day))
    ]
    if without:
        adopt(lake, model, known, without, rules_now)
        log.info("taken for made, since no record tells: %d days, %s first", len(without), without[0])
        known = records.read(lake.objects, model)
    return known


def _concerning(lake: Lake, model: str, of_settings: Mapping[str, str], at: At) -> dict[str, dict[str, Record]]:
    """The records that a stage depends on: of its own day, or for lists of all days."""
    own = {} if at.stage == PUBLISH else records.read(lake.objects, model, [at.day])
    return own or read(lake, model, of_settings)


def must_be_over(settings: Settings, day: str) -> None:
    """Raises DayNotOver for a day that goes on, unless the settings allow that."""
    if not days.is_over(day, clock.now()) and settings.open_days != "allow":
        raise DayNotOver(
            f"{day} is not over (UTC), and what comes later today would be left out",
            "Wait for midnight UTC; NIGHTJAR_OPEN_DAYS=allow takes what is there, for tests",
        )


def begin(settings: Settings, at: At, run_id: str) -> None:
    """Note that a run begins to make a stage, and from what.

    Raises DayNotOver for a day that goes on, unless the settings allow that. Raises NotDue if something that it needs
    is missing or out of date; in a run of `converge` or of the schedule also if the stage is current. A run that a
    person or an event has started makes it again.
    """
    must_be_over(settings, at.day)
    lake, of_settings = Lake(settings), rules(settings)
    known = _concerning(lake, settings.model, of_settings, at)
    if missing := waits_for(known, of_settings, at, clock.now()):
        raise NotDue(f"{at} waits for the {', the '.join(map(str, missing))}", "It is started when that is done")
    together = [At(at.day, stage) for stage in _OF_A_RUN.get(at.stage, (at.stage,))]
    if run_id.startswith(_NOBODY_ASKED) and all(is_current(known, of_settings, each) for each in together):
        raise NotDue(f"{at} is up to date", f"To make it again: {days.rerun(at.day, at.stage)}")
    now = inputs(known, of_settings, at)

    def begun(seen: Record) -> Record:
        again = seen.begun_from == now and not seen.made
        tries = seen.tries + (seen.begun_run != run_id) if again else 1
        return replace(seen, begun_from=now, begun_run=run_id, begun_at=_clock(), tries=tries, error="")

    records.change(lake.objects, settings.model, at, begun)


def finish(settings: Settings, at: At) -> None:
    """Note that the stage is made, from what it was begun with."""
    lake = Lake(settings)
    of_tables = made(lake, settings.model, at)

    def finished(seen: Record) -> Record:
        return replace(seen, made=of_tables, made_from=seen.begun_from, made_at=_clock(), tries=0, error="")

    records.change(lake.objects, settings.model, at, finished)
    if at.stage == LISTENS:
        _renew(lake, settings.model, days.before(at.day, LATE_UPLOAD_DAYS + 1)[:-1])


def _renew(lake: Lake, model: str, earlier: list[str]) -> None:
    """Note what the listens of earlier days are now: a night also takes the exports that came late for those."""
    known = records.read(lake.objects, model, earlier)
    for day in [day for day in earlier if record(known, At(day, LISTENS)).made]:
        of_tables = made(lake, model, At(day, LISTENS))
        records.change(lake.objects, model, At(day, LISTENS), lambda seen, now=of_tables: replace(seen, made=now))


def fail(settings: Settings, at: At, run_id: str, error: str) -> None:
    """Note that the run which began the stage failed for good, with the inputs that it was begun with."""

    def failed(seen: Record) -> Record:
        return replace(seen, error=error or "unknown") if seen.begun_run == run_id else seen

    records.change(Lake(settings).objects, settings.model, at, failed)


def still_due(settings: Settings, at: At, run_id: str) -> None:
    """Raises NotDue if a run may not end a stage: what it was begun with has changed since, so that its results would
    be out of date, or it was asked for again, or another run has begun it."""
    lake, of_settings = Lake(settings), rules(settings)
    known = _concerning(lake, settings.model, of_settings, at)
    if record(known, at).begun_run != run_id:
        raise NotDue(f"the {at} was asked for or begun again since this run began it", "That run ends it")
    if record(known, at).begun_from != inputs(known, of_settings, at):
        raise NotDue(f"what the {at} is made from has changed since it began", "It is started again")


def forget(settings: Settings, day: str, since: str) -> tuple[str, ...]:
    """Let a day's stages from `since` on be made again, whatever has failed or goes on: their names."""
    objects = Lake(settings).objects
    again = CHAIN[CHAIN.index(since) :]

    def forgotten(seen: Record) -> Record:
        return replace(seen, made="", begun_from={}, begun_run="", error="", tries=0)

    for stage in again:
        records.change(objects, settings.model, At(day, stage), forgotten)
    return again


def waits_for(known: Known, of_settings: Mapping[str, str], at: At, now: datetime) -> list[At]:
    """What must become current before the stage can be made. Sweeps of earlier days are not waited for where one of
    their stages has failed for good, nor for longer than PAST_PATIENCE_S: a day must not hold up all days after it."""
    swept = record(known, At(at.day, SWEEP)).made_at
    patient = not swept or now - datetime.fromisoformat(swept) < timedelta(seconds=PAST_PATIENCE_S)
    return [
        each
        for each in awaited(known, of_settings, at)
        if each.day == at.day
        or (patient and not any(has_failed(known, of_settings, At(each.day, stage)) for stage in CHAIN))
    ]


def _clock() -> str:
    return clock.now().isoformat(timespec="seconds")
