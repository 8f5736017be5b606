"""`nightjar refreeze DAY`."""

from __future__ import annotations

from argparse import Namespace

from nightjar import days
from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.ingest import steps
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Forget the frozen uploads. Raises NightjarError for an unknown day, PartitionMissing for one never frozen."""
    known = Known(settings)
    day = known.day(arguments.day)
    forgotten = steps.refreeze(settings, day)["uploads"]
    backfill = days.backfill(day, settings.airflow)
    notes = [f"{forgotten} frozen uploads of {day} forgotten. Now run the day again:", f"  {backfill}"]
    newest = known.newest("lists")
    if newest and newest > day:
        notes.append(f"The next night's lists take in its songs; for those of {newest} too: --to-date {newest}")
    return Answer({"day": day, "forgotten": forgotten, "next": backfill}, notes=notes)
