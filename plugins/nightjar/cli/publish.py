"""`nightjar publish DAY | --rollback | --to VERSION`."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext, suppress

from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.days import backfill
from nightjar.errors import PartitionMissing
from nightjar.lake import Partition
from nightjar.publish import steps
from nightjar.recommend.steps import gate
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Publish a day's lists as they are in the lake, or go to another version that is there. Raises NightjarError for
    an unknown day or version, GateClosed."""
    if arguments.day is None:
        found = steps.go_to(settings, arguments.to)
        kept = f"{found['was']} stays in the store until the next night: nightjar publish --to {found['was']}"
        return Answer(
            found, notes=[f"The app reads {found['current']} now.", kept if found["moved"] else "It did before."]
        )
    known = Known(settings)
    if arguments.accept and (opened := _opened(settings, known, known.day(arguments.day))):
        return opened
    day = known.list_day(arguments.day)
    found = steps.publish_lists(settings, day, accept=arguments.accept)
    if found["current"] == found["version"]:
        said = f"{found['lists']} lists of {day} are what the app reads now, as version {found['current']}."
    else:
        said = f"The app goes on reading {found['current']}, which is newer than {day}."
    return Answer(found, notes=[said])


def _opened(settings: Settings, known: Known, day: str) -> Answer | None:
    """Accept what the gate judges of a day. An answer where that is all: a night whose gate was closed has no lists
    yet, and goes on with a backfill. Lists in the lake do without what the gate judges."""
    listed = known.lake.exists(Partition("lists", day, settings.model))
    with suppress(PartitionMissing) if listed else nullcontext():
        found = gate(settings, day, accept=True)
    if listed:
        return None
    return Answer({"day": day} | found, notes=[f"The gate of {day} is open now: {backfill(day, settings.airflow)}"])
