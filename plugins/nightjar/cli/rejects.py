"""`nightjar rejects DAY`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from nightjar import queries
from nightjar.cli.known import STAGES, Known
from nightjar.cli.output import Answer, Section
from nightjar.days import rerun
from nightjar.errors import NightjarError
from nightjar.ingest import metadata, names
from nightjar.ingest.metadata import Metadata
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing, ObjectRefused
from nightjar.settings import Settings
from nightjar.takedowns import ledger

_AT_A_TIME = 16
"""Objects that are asked for what they carry."""
_COLUMNS = ("stage", "reason", "object", "detail", "title", "uploader")


def run(settings: Settings, arguments: Namespace) -> Answer:
    """What was turned away. Raises NightjarError for an unknown day, and for one that was not taken in yet."""
    known = Known(settings)
    day = known.day(arguments.day)
    ended = {stage: known.lake.exists(Partition("rejects", day, stage=stage)) for stage in STAGES}
    if not ended["ingest"] and known.lake.exists(Partition("uploads", day)):
        raise NightjarError(
            f"ingest of {day} has begun and has not ended: what it turns away is not known yet",
            f"See nightjar status {day}",
        )
    if not ended["ingest"]:
        raise NightjarError(f"{day} was not taken in yet: what is turned away is not known", f"Make it: {rerun(day)}")
    found = queries.run(
        settings, "rejects_of_day", {"rejects": known.rejects(day), "tracks": known.tracks([day])}
    ).to_pylist()
    carried = _carried(known.lake, {row["key"] for row in found if row["stage"] == "ingest"})
    for row in found:
        if said := carried.get(row["key"]):
            row["title"], row["uploader"] = said.title, said.uploader
    rows = [
        (
            *(row["stage"], row["reason"], row["key"].removeprefix(f"uploads/dt={day}/"), row["detail"]),
            *(row["title"], row["uploader"]),
        )
        for row in found
    ]
    table = Section(f"Rejects of {day}", _COLUMNS, rows)
    notes = ["docs/rejects.md says what each reason means and what to do"] if rows else []
    going_on = [stage for stage in STAGES if not ended[stage]]
    if going_on:
        notes.append(f"The day has not ended: of {' and '.join(going_on)} nothing is known yet (nightjar status {day})")
    return Answer({"day": day, "rejects": found}, [table], notes)


def _carried(lake: Lake, keys: Iterable[str]) -> dict[str, Metadata]:
    """What uploads that ingest turned away say of themselves now, by key: nothing of them is stored.

    Left out is what is gone, what the store does not hand out, and what a takedown forgets.
    """
    forgotten = ledger.forgotten(lake)

    def ask(key: str) -> Metadata | None:
        try:
            said = metadata.decode(lake.objects.head(key).metadata)
        except (ObjectMissing, ObjectRefused):
            return None
        gone = said.uploader in forgotten.users or names.track_id(key) in forgotten.tracks
        return None if gone else said

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        asked = [(key, pool.submit(ask, key)) for key in sorted(keys)]
        return {key: said for key, answer in asked if (said := answer.result())}
