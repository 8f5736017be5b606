"""`nightjar publish DAY | --rollback | --to VERSION`."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext, suppress

from nightjar import held
from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.days import backfill
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Partition
from nightjar.publish import rollback
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Publish a day's lists as they are in the lake, or go to another version that is there. Raises NightjarError for
    an unknown day or version, GateClosed."""
    if arguments.day is None:
        found = rollback.go_to(settings, arguments.to)
        kept = f"{found['was']} stays in the store until the next night: nightjar publish --to {found['was']}"
        return Answer(
            found, notes=[f"The app reads {found['current']} now.", kept if found["moved"] else "It did before."]
        )
    from nightjar.publish import steps  # they take seconds to import, and no way back waits for them

    known = Known(settings)
    if arguments.accept and (opened := _opened(settings, known, known.day(arguments.day))):
        return opened
    day = _list_day(settings, known, arguments.day)
    found = steps.publish_lists(settings, day, accept=arguments.accept)
    if found["current"] != found["version"]:
        raise NightjarError(
            f"the app goes on reading {found['current']}, which is newer than {day}",
            "Lists of an older day replace no newer ones; nightjar publish --rollback goes to the version before",
        )
    said = f"{found['lists']} lists of {day} are what the app reads now, as version {found['current']}."
    return Answer(found, notes=[said])


def _list_day(settings: Settings, known: Known, asked: str) -> str:
    """The day if it has lists. Raises NightjarError, with what the gate said of it if that held it."""
    day = known.day(asked)
    if not known.lake.exists(Partition("lists", day, settings.model)) and (
        said := held.why(known.lake.objects, settings.model, day)
    ):
        raise NightjarError(f"{day} has no lists, it was held: {said}", f"nightjar publish {day} --accept accepts it")
    return known.list_day(day)


def _opened(settings: Settings, known: Known, day: str) -> Answer | None:
    """Accept what the gate judges of a day. An answer where that is all: a night whose gate was closed has no lists
    yet, and goes on with a backfill. Lists in the lake do without what the gate judges."""
    from nightjar.recommend.night import gate

    listed = known.lake.exists(Partition("lists", day, settings.model))
    with suppress(PartitionMissing) if listed else nullcontext():
        found = gate(settings, day, accept=True)
    if listed:
        return None
    follow = backfill(day, settings.airflow)
    return Answer({"day": day, "next": follow} | found, notes=[f"The gate of {day} is open now: {follow}"])
