"""`nightjar status [DAY]`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pyarrow as pa

from nightjar import queries, schemas
from nightjar.cli import day_status
from nightjar.cli.known import STAGES, Known
from nightjar.cli.output import Answer, Section
from nightjar.converge.plan import Open, look
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.ingest import exports, uploads
from nightjar.lake import Partition
from nightjar.publish.versions import day_of, version_of
from nightjar.settings import Settings
from nightjar.takedowns import ledger

_SHOWN = {
    "day": "day",
    "uploads": "uploads|",
    "tracks": "tracks|",
    "rejects": "rejects|",
    "listens": "listens|",
    "embedded": "embedded|",
    "vectors": "in Milvus|",
    "pairs": "pairs|",
    "grouped": "in groups|",
    "list_entries": "list entries|",
    "published": "published",
}
"""What is shown of a day, with its heading."""

_THREADS = 16


def run(settings: Settings, arguments: Namespace) -> Answer:
    """All days, or one in detail. Raises NightjarError for an unknown day and where there are no days."""
    known = Known(settings)
    if arguments.day:
        chosen = [known.day(arguments.day)]
    elif known.days:
        chosen = known.days[-arguments.last :]
    else:
        raise NightjarError(
            f"the bucket {settings.bucket!r} holds no day yet",
            "Uploads go to uploads/dt=YYYY-MM-DD/, see NIGHTJAR_BUCKET",
        )
    opened = [each for each in look(settings) if not arguments.day or each.day == arguments.day]
    found, notes = _days(known, chosen)
    if arguments.day:
        answer = day_status.answer(known, found[0], notes)
    else:
        answer = _overview(known, settings, chosen, found, notes)
    data = answer.data | {"unfinished": [vars(each) | {"command": each.command} for each in opened]}
    sections = [*_unfinished(opened), *answer.sections]
    return Answer(data, sections, answer.notes, status=1 if arguments.check and opened else 0)


def _unfinished(opened: list[Open]) -> list[Section]:
    """What a person looks for first: the stages that are not done, and what makes each."""
    if not opened:
        return []
    rows = [
        (each.day, each.stage, each.since or "-", each.why, todo)
        for each, todo in zip(opened, _remedies(opened), strict=True)
    ]
    return [Section("Unfinished", ("day", "stage", "since", "why", "what to do"), rows)]


def _remedies(opened: list[Open]) -> Iterator[str]:
    """What a person can do of each stage; nothing for what runs, and for what waits, which starts when that has come.
    A command makes all later stages of its day too: it stands at the earliest."""
    commanded: dict[str, str] = {}
    for each in opened:
        if each.runs:
            yield "nothing: it runs"
        elif not (each.failed or each.due):
            yield "nothing: it waits"
        elif each.day in commanded:
            yield f"nothing: comes with {commanded[each.day]}"
        else:
            commanded[each.day] = each.stage
            yield each.command


def _overview(known: Known, settings: Settings, chosen: list[str], found: list[dict], notes: list[str]) -> Answer:
    rows = [[row[name] for name in _SHOWN] for row in found]
    waiting = [row["day"] for row in found if row["uploads"] is None and row["day"] in known.upload_days]
    if waiting:
        notes.append(f"Uploads not taken in yet: {', '.join(waiting)} (nightjar status {waiting[0]} says how)")
    with ThreadPoolExecutor(_THREADS) as pool:
        forgotten = ledger.forgotten(known.lake)
        taken_in = [row["day"] for row in found if row["uploads"] is not None]
        drifts = pool.map(lambda day: uploads.since_freeze(known.lake, day, forgotten), taken_in)
        if late := [day for day, drift in zip(taken_in, drifts, strict=True) if drift.arrived or drift.changed]:
            notes.append(f"Uploads came since they were frozen: {', '.join(late)} (nightjar status {late[0]} says how)")
        since = pool.map(lambda day: exports.since_read(known.lake, day), chosen)
        if late := [day for day, drift in zip(chosen, since, strict=True) if drift]:
            notes.append(f"Exports came since they were read: {', '.join(late)} (nightjar status {late[0]} says how)")
    if len(chosen) < len(known.days):
        notes.append(f"{len(known.days) - len(chosen)} earlier days, from {known.days[0]}: --last {len(known.days)}")
    section = Section(f"Days, by {settings.model}", list(_SHOWN.values()), rows)
    return Answer({"model": settings.model, "days": found}, [section], notes)


def _days(known: Known, chosen: list[str]) -> tuple[list[dict], list[str]]:
    """For each day its counts, the vectors in Milvus and what of it is published; and what could not be asked."""
    counts = queries.run(known.settings, "days", {"partitions": _partitions(known, chosen)})
    by_day = {row["day"]: row for row in counts.to_pylist()}
    vectors, vector_note = _vectors(known.settings, chosen)
    live, live_note = _live(known.settings)
    made = []
    for day in chosen:
        row = by_day.get(day, dict.fromkeys(counts.column_names) | {"day": day})
        made.append(row | {"vectors": vectors.get(day), "published": _published(known, day, live)})
    return made, [note for note in (vector_note, live_note) if note]


def _partitions(known: Known, chosen: list[str]) -> pa.Table:
    """The input of sql/days.sql: only manifests are read."""
    model = known.settings.model
    wanted = [
        Partition(table, day, model if table in schemas.BY_MODEL else None, stage)
        for day in chosen
        for table in schemas.TABLES
        for stage in (STAGES if table in schemas.BY_STAGE else (None,))
    ]

    def rows(partition: Partition) -> int | None:
        try:
            return known.lake.manifest(partition).rows
        except PartitionMissing:
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        found = [(each, count) for each, count in zip(wanted, pool.map(rows, wanted), strict=True) if count is not None]
    kind = pa.schema([("table_name", pa.string()), ("day", pa.string()), ("stage", pa.string()), ("rows", pa.int64())])
    lines = [{"table_name": each.table, "day": each.day, "stage": each.stage, "rows": count} for each, count in found]
    return pa.Table.from_pylist(lines, schema=kind)


def _vectors(settings: Settings, chosen: list[str]) -> tuple[dict[str, int], str]:
    """Songs in Milvus by day, and a note where it cannot be asked: the rest of the status is worth having then."""
    from nightjar.vectors.store import VectorStore

    try:
        with VectorStore(settings) as store:
            return ({day: store.count(day=day) for day in chosen} if store.exists() else dict.fromkeys(chosen, 0)), ""
    except NightjarError as error:
        return {}, f"Milvus was not asked: {error}"


def _live(settings: Settings) -> tuple[str, str]:
    from nightjar.publish.store import Store

    try:
        with closing(Store(settings)) as store:
            return store.current(), ""
    except NightjarError as error:
        return "", f"The key-value store was not asked: {error}"


def _published(known: Known, day: str, live: str) -> str | None:
    """The live version if it is of that day; said to be outdated if the lake's lists have changed since."""
    if not live or day_of(live) != day:
        return None
    try:
        ours = version_of(day, known.lake.manifest(Partition("lists", day, known.settings.model)).to_json())
    except PartitionMissing:
        ours = ""
    return live if ours == live else f"{live} (outdated: nightjar publish {day})"
