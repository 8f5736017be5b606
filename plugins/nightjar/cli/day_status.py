"""`nightjar status DAY`: how far one day is, step by step, and what is to be done where it stands."""

from __future__ import annotations

from nightjar import days, held, queries
from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.ingest import uploads
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
    data = row | {"reasons": reasons, "listens_detail": listens, "drift": _drift(known, row), "held": why_held}
    return Answer(data, sections, [*_sentences(data, known.settings.airflow), *notes])


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


def _drift(known: Known, row: dict) -> str | None:
    """What happened to the day's uploads since they were frozen; None if nothing did."""
    found = uploads.since_freeze(known.lake, row["day"], ledger.forgotten(known.lake))
    if row["uploads"] is None:
        return f"{len(found.arrived)} waiting" if found else None
    return str(found) if found else None


def _sentences(data: dict, airflow: str) -> list[str]:
    day, said = data["day"], []
    if data["held"]:
        said.append(f"It was held: {data['held']}")
    if data["uploads"] is None and data["drift"]:
        said.append(f"Uploads were not taken in yet, {data['drift']}: {days.backfill(day, airflow)}")
    elif data["drift"]:
        said.append(f"Since the freeze {data['drift']}: nightjar refreeze {day}, then backfill the day again")
    if listens := data["listens_detail"]:
        said.append(
            f"{listens['listens']} listens of {listens['tracks']} tracks by {listens['users']} users: "
            f"{listens['plays']} plays, {listens['skips']} skips, {listens['likes']} likes"
        )
        if listens["of_unknown_tracks"]:
            unknown = listens["of_unknown_tracks"]
            said.append(f"{unknown} of them are of tracks that were not uploaded by {day}; the ranking ignores those")
    return said
