"""`nightjar status DAY`: how far one day is, step by step, and what is to be done where it stands."""

from __future__ import annotations

from nightjar import days, held, queries
from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.ingest import exports, uploads
from nightjar.lake import Partition
from nightjar.takedowns import ledger

_STEPS = (
    ("ingest_uploads: freeze", "uploads", "uploads frozen"),
    ("ingest_uploads: commit_tracks", "tracks", "tracks"),
    ("ingest_uploads: ingest_listens", "listens", "listens"),
    ("embed_tracks", "embedded", "songs embedded"),
    ("load_vectors", "vectors", "songs in Milvus"),
    ("sweep_duplicates", "pairs", "pairs found"),
    ("publish_recommendations: lists", "list_entries", "entries of lists"),
)
"""Task, count (a key of the day's row) and what is counted."""


def answer(known: Known, row: dict, notes: list[str]) -> Answer:
    """The day's steps, its rejects by reason and its listens; `row` is its line of `nightjar status`."""
    day = row["day"]
    reasons = queries.run(known.settings, "reject_reasons", {"rejects": known.rejects(day)}).to_pylist()
    listens = _listens(known, row)
    sections = [Section(f"{day}, by {known.settings.model}", ("step", "state"), _steps(row))]
    if reasons:
        lines = [(each["stage"], each["reason"], each["objects"], each["first_key"]) for each in reasons]
        sections.append(Section("Rejects", ("stage", "reason", "objects|", "the first of them"), lines))
    why_held = held.why(known.lake.objects, known.settings.model, day)
    late = exports.since_read(known.lake, day)
    data = row | {"reasons": reasons, "listens_detail": listens, "drift": _drift(known, row), "held": why_held}
    data |= {"late_exports": str(late) if late else None, "takedowns_detail": _takedowns(known, day)}
    return Answer(data, sections, [*_sentences(data), *notes])


def _steps(row: dict) -> list[tuple[str, str]]:
    lines = []
    for step, count, what in _STEPS:
        lines.append((step, "not done" if row[count] is None else f"{row[count]} {what}"))
    return [*lines, ("publish_recommendations: publish", row["published"] or "not the live version")]


def _listens(known: Known, row: dict) -> dict | None:
    if row["listens"] is None:
        return None
    upto = [day for day in known.days if day <= row["day"]]
    tables = {"listens": known.lake.read(Partition("listens", row["day"])), "tracks": known.tracks(upto)}
    return queries.run(known.settings, "listens_of_day", tables).to_pylist()[0]


def _takedowns(known: Known, day: str) -> dict | None:
    """How many the day names, of whom nothing was known when they were purged, and who are not purged yet."""
    partition = Partition("takedowns", day)
    if not known.lake.exists(partition):
        return None
    named = ledger.named(known.lake.read(partition))
    vain, waiting = named & ledger.in_vain(known.lake.objects), named - ledger.purged(known.lake.objects)
    return {
        "named": len(named.tracks) + len(named.users),
        "unknown": sorted(vain.tracks) + sorted(vain.users),
        "waiting": sorted(waiting.tracks) + sorted(waiting.users),
    }


def _drift(known: Known, row: dict) -> str | None:
    """What happened to the day's uploads since they were frozen; None if nothing did."""
    found = uploads.since_freeze(known.lake, row["day"], ledger.forgotten(known.lake))
    if row["uploads"] is None:
        return f"{len(found.arrived)} waiting" if found else None
    return str(found) if found else None


def _sentences(data: dict) -> list[str]:
    day, said = data["day"], []
    if data["held"]:
        said.append(f"It was held: {data['held']}")
    if data["uploads"] is None and data["drift"]:
        said.append(f"Uploads were not taken in yet, {data['drift']}: {days.rerun(day)}")
    elif data["drift"]:
        said.append(f"Since the freeze {data['drift']}: {days.rerun(day)}")
    if data["late_exports"]:
        said.append(
            f"Exports came since they were read: {data['late_exports']}. The nights of the next seven days take them; "
            f"at once: {days.rerun(day)}"
        )
    if (takedowns := data["takedowns_detail"]) and takedowns["named"]:
        said.append(f"{takedowns['named']} takedowns, {len(takedowns['waiting'])} of them not purged yet")
        if unknown := takedowns["unknown"]:
            said.append(
                f"{len(unknown)} of them named no track or user that was known (first: {unknown[0]}): is the id right?"
            )
    if listens := data["listens_detail"]:
        said.append(
            f"{listens['listens']} listens of {listens['tracks']} tracks by {listens['users']} users: "
            f"{listens['plays']} plays, {listens['skips']} skips, {listens['likes']} likes"
        )
        if listens["of_unknown_tracks"]:
            unknown = listens["of_unknown_tracks"]
            said.append(f"{unknown} of them are of tracks that were not uploaded by {day}; the ranking ignores those")
        if listens["longer_than_songs"]:
            said.append(
                f"{listens['longer_than_songs']} plays are more than twice as long as their song: is played_s in "
                "milliseconds? Each counts as one full play"
            )
    return said
