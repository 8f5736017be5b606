"""`nightjar rejects DAY`."""

from __future__ import annotations

from argparse import Namespace

from nightjar import queries
from nightjar.cli.known import STAGES, Known
from nightjar.cli.output import Answer, Section
from nightjar.errors import NightjarError
from nightjar.lake import Partition
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """What was turned away. Raises NightjarError for an unknown day, PartitionMissing for one that was not run."""
    known = Known(settings)
    day = known.day(arguments.day)
    ended = {stage: known.lake.exists(Partition("rejects", day, stage=stage)) for stage in STAGES}
    if not ended["ingest"] and known.lake.exists(Partition("uploads", day)):
        raise NightjarError(
            f"ingest of {day} has begun and has not ended: what it turns away is not known yet",
            f"See nightjar status {day}",
        )
    known.lake.manifest(Partition("rejects", day, stage="ingest"))
    found = queries.run(
        settings, "rejects_of_day", {"rejects": known.rejects(day), "tracks": known.tracks([day])}
    ).to_pylist()
    rows = [
        (row["stage"], row["reason"], row["key"].removeprefix(f"uploads/dt={day}/"), row["detail"], row["title"])
        for row in found
    ]
    table = Section(f"Rejects of {day}", ("stage", "reason", "object", "detail", "title"), rows)
    notes = ["docs/rejects.md says what each reason means and what to do"] if rows else []
    going_on = [stage for stage in STAGES if not ended[stage]]
    if going_on:
        notes.append(f"The day has not ended: of {' and '.join(going_on)} nothing is known yet (nightjar status {day})")
    return Answer({"day": day, "rejects": found}, [table], notes)
