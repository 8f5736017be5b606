"""All of a day's exported files of one kind in object storage: which there are, which were read, and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from nightjar import refusals, schemas
from nightjar.ingest import events
from nightjar.ingest.caged import Reader
from nightjar.ingest.judge import Reject
from nightjar.ingest.uploads import Drift, drift
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectInfo, ObjectRefused, Objects
from nightjar.thresholds import MAX_EXPORT_BYTES

STAGE = "listens"
KINDS = ("listens", "takedowns")


@dataclass(frozen=True)
class Export:
    """What a day's files of one kind hold: the clean rows, rows of rejects and of `exports`, and counts for the log."""

    rows: pa.Table
    rejects: list[dict]
    files: list[dict]
    dropped: Counter[str]
    """Rows that are not in `rows`, by reason; `duplicate_row` are repetitions, which no reject tells of."""


def listed(objects: Objects, name: str, day: str) -> list[ObjectInfo]:
    """The objects below `<name>/dt=D/`, in folders or not. What begins with _ or ., a file or a folder, is no data, but
    what a writer leaves behind or has not finished."""
    prefix = f"{name}/dt={day}/"
    found = ((seen, seen.key.removeprefix(prefix)) for seen in objects.list(prefix))
    return [
        seen
        for seen, path in found
        if path and not path.endswith("/") and not any(part.startswith(("_", ".")) for part in path.split("/"))
    ]


def collect(objects: Objects, name: str, day: str) -> Export:
    """Every file of a day, read. One reject for each file and reason, whether it costs rows or the file.

    Of a broken export of listens nothing is taken: what of it can be read is not to be believed either. Takedowns are
    all taken. Raises StoreFailed if the store refuses all files.
    """
    kept, rejects, files, dropped = [], [], [], Counter()
    for seen, taken in _read_all(objects, name, day):
        problem = taken if isinstance(taken, Reject) else taken.problem()
        row = {"key": seen.key, "size_bytes": seen.size, "etag": seen.etag, "uploaded_at": seen.modified}
        row |= {"rows": 0, "dropped": 0, "problem": problem and problem.reason}
        if problem:
            rejects.append(_reject(seen.key, problem))
        if not isinstance(taken, Reject):
            dropped.update(taken.dropped)
            row |= {"rows": taken.count, "dropped": taken.dropped.total()}
            lost = taken.dropped.items()
            rejects += [_reject(seen.key, Reject(reason, f"{n} {events.WORDS[reason]}")) for reason, n in lost]
            if name == "listens" and problem:
                dropped[problem.reason] += taken.rows.num_rows
            else:
                kept.append(taken.rows)
        files.append(row)
    problems = Counter(row["problem"] for row in files)
    refusals.not_all(problems[refusals.REASON], len(files) - problems[refusals.REASON], f"files of {name}")
    merged = events.merge(name, kept)
    if repeated := sum(rows.num_rows for rows in kept) - merged.num_rows:
        dropped["duplicate_row"] = repeated
    return Export(merged, rejects, files, dropped)


def since_read(lake: Lake, day: str) -> Drift:
    """What of a day's exports has come or changed since they were read; nothing where it was not noted what was read.

    What vanished is no news: an app may remove its exports once they are read.
    """
    partition = Partition("exports", day)
    if not lake.exists(partition):
        return Drift([], [], [])
    found = drift(lake.read(partition), _now(lake.objects, day))
    return Drift(found.arrived, found.changed, [])


def vanished(lake: Lake, day: str) -> list[dict]:
    """The rows of `exports` of files that were read and are no longer there."""
    partition = Partition("exports", day)
    read = lake.read(partition).to_pylist() if lake.exists(partition) else []
    there = set(_now(lake.objects, day)["key"].to_pylist()) if read else set()
    return [row for row in read if row["key"] not in there]


def _now(objects: Objects, day: str) -> pa.Table:
    seen = [each for name in KINDS for each in listed(objects, name, day)]
    return pa.table({"key": [each.key for each in seen], "etag": [each.etag for each in seen]}, _LISTED)


_LISTED = pa.schema([schemas.EXPORTS.field(name) for name in ("key", "etag")])


def _read_all(objects: Objects, name: str, day: str) -> Iterator[tuple[ObjectInfo, events.Taken | Reject]]:
    with Reader() as reader:
        for seen in listed(objects, name, day):
            yield seen, _read(objects, reader, name, day, seen)


def _read(objects: Objects, reader: Reader, name: str, day: str, seen: ObjectInfo) -> events.Taken | Reject:
    """Downloaded to a file first, so that a fault of the store is never taken for one of the file."""
    if not seen.key.endswith(".parquet"):
        return Reject("bad_name", "The name does not end in .parquet")
    if seen.size > MAX_EXPORT_BYTES:
        return Reject(
            "too_large", f"It has {seen.size} bytes, at most {MAX_EXPORT_BYTES} are read: export several files"
        )
    with TemporaryDirectory(prefix="nightjar-export-") as folder:
        path = Path(folder) / "export.parquet"
        try:
            objects.download(seen.key, path)
        except ObjectRefused as error:
            return Reject(refusals.REASON, refusals.sentence(error))
        return reader.read(name, path, day)


def _reject(key: str, reject: Reject) -> dict:
    return {"key": key, "track_id": None, "stage": STAGE, "reason": reject.reason, "detail": reject.detail}
