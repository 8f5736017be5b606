"""All of a day's exported files of one kind in object storage, read, cleaned and put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from nightjar.ingest import events
from nightjar.ingest.judge import Reject
from nightjar.objects import Objects

STAGE = "listens"

WORDS = {
    "null_value": "rows with a null where none may be",
    "bad_id": "rows whose id is empty, too long or has control characters",
    "bad_played_s": "rows whose played_s is negative or no number",
    "unknown_kind": f"rows whose kind is none of {', '.join(events.KINDS)}",
    "wrong_day": "rows whose listened_at is not of that day, give or take one",
    "not_exactly_one": "rows that do not name exactly one of track_id and user_id",
}
"""What each reason for dropping a row means, as the end of a sentence that begins with their number."""


@dataclass(frozen=True)
class Export:
    """What a day's files hold: the clean rows, rows of rejects, and counts for the log."""

    rows: pa.Table
    rejects: list[dict]
    files: int
    dropped: Counter[str]
    """Rows that are not in `rows`, by reason; `duplicate_row` are repetitions, which no reject tells of."""


def collect(
    objects: Objects, name: str, day: str, clean: Callable[[pa.Table], tuple[pa.Table, dict[str, int]]]
) -> Export:
    """Every `<name>/dt=D/*.parquet`; names that begin with _ or . are no data. One reject for each file and reason."""
    prefix = f"{name}/dt={day}/"
    kept, rejects, dropped, files = [], [], Counter(), 0
    for seen in objects.list(prefix):
        file = seen.key.removeprefix(prefix)
        if not file or file.startswith(("_", ".")) or file.endswith("/"):
            continue
        files += 1
        if not file.endswith(".parquet"):
            rejects.append(_reject(seen.key, Reject("bad_name", "The name does not end in .parquet")))
            continue
        rows = events.read(name, objects.get(seen.key))
        if isinstance(rows, Reject):
            rejects.append(_reject(seen.key, rows))
            continue
        rows, lost = clean(rows)
        kept.append(rows)
        dropped.update(lost)
        rejects += [_reject(seen.key, Reject(reason, f"{count} {WORDS[reason]}")) for reason, count in lost.items()]
    merged = events.merge(name, kept)
    if repeated := sum(rows.num_rows for rows in kept) - merged.num_rows:
        dropped["duplicate_row"] = repeated
    return Export(merged, rejects, files, dropped)


def _reject(key: str, reject: Reject) -> dict:
    return {"key": key, "track_id": None, "stage": STAGE, "reason": reject.reason, "detail": reject.detail}
