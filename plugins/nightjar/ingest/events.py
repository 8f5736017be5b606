"""The app's exports of listens and takedowns, file by file: what fits is kept, the rest is counted by reason.

Columns may come in another order and in any type that means the same (`nightjar.ingest.cells`); further columns are
ignored. A file is read in batches, so that a small file that unpacks to a large one takes no more memory than others.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightjar import schemas
from nightjar.ingest import cells, names
from nightjar.ingest.cells import Cells
from nightjar.ingest.judge import Reject
from nightjar.thresholds import (
    EXPORT_BATCH_BYTES,
    EXPORT_FOOTER_BYTES,
    EXPORT_FREE_ROWS,
    EXPORT_SLACK_BYTES,
    LISTEN_LATE_DAYS,
    LISTEN_SLACK_DAYS,
    MAX_BAD_ROW_SHARE,
    MAX_DURATION_S,
    MAX_ID_CHARACTERS,
    MIN_BAD_ROWS,
)

KINDS = ("play", "skip", "like")
"""What a listen may be."""

WORDS = {
    "null_value": "rows with a null where none may be",
    "bad_id": "rows whose id is empty, too long, in quotes, no UTF-8, a word for a missing value such as None, has "
    "control characters, or can name no track",
    "bad_time": "rows whose listened_at is no time",
    "bad_played_s": "rows whose played_s is negative or no number",
    "played_too_long": f"rows whose played_s is above {MAX_DURATION_S:.0f}, the longest song: is it in milliseconds?",
    "unknown_kind": f"rows whose kind is none of {', '.join(KINDS)}",
    "wrong_day": f"rows whose listened_at is over {LISTEN_LATE_DAYS} days before that day, or over "
    f"{LISTEN_SLACK_DAYS} after it",
    "not_exactly_one": "rows that do not name exactly one of track_id and user_id",
}
"""What each reason for dropping a row means, as the end of a sentence that begins with their number."""

UNFIT_ROWS = frozenset(WORDS) - {"wrong_day"}
"""Reasons that say that an export is broken. A row of another day may just be late."""

MISSING = ("nan", "NaN", "None", "<NA>", "NaT", "null", "NULL")
"""What engines write for a missing value where a column is text: believed, all of these are one user."""

_BATCH_ROWS = 65_536
_DIFFERENCES = ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY")
_SECOND = "second"


@dataclass(frozen=True)
class Taken:
    """The clean rows of a file as its table, nulls allowed, how many rows it has, and those dropped by reason."""

    rows: pa.Table
    count: int
    dropped: Counter[str]

    def problem(self) -> Reject | None:
        """Why the file as a whole is not to be believed: too many of its rows cannot be read."""
        unfit = {reason: count for reason, count in self.dropped.items() if reason in UNFIT_ROWS}
        bad = sum(unfit.values())
        if bad < MIN_BAD_ROWS or bad <= MAX_BAD_ROW_SHARE * self.count:
            return None
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(unfit.items()))
        return Reject(
            "bad_rows", f"{bad} of {self.count} rows do not fit, at most {MAX_BAD_ROW_SHARE:.0%} may: {reasons}"
        )


def read(name: str, file: BinaryIO, size: int, day: str) -> Taken | Reject:
    """The rows of one exported Parquet file of `size` bytes as table `name`; a Reject if it does not fit as a whole.

    A time without a zone is UTC. A whole number is no time, since nobody knows of which unit. Raises OSError and
    MemoryError, which only `nightjar.ingest.caged` can tell the machine's fault from the file's.
    """
    if unfit := _undescribed(file, size):
        return unfit
    try:
        footer = pq.read_metadata(file)
        found = footer.schema.to_arrow_schema()
        if unfit := _unfit(name, found) or _too_much(name, footer, size):
            return unfit
        file.seek(0)
        there = [column for column in schemas.TABLES[name].names if column in found.names]
        # Repeated text stays as short as it is in the file until it is cast. What is stored as differences has no
        # dictionary: each row may repeat all of the one before, which is as long as the column at most.
        delta = {column: size for column, size in _by_differences(footer).items() if column in there}
        short = [column for column in there if column not in delta]
        parquet = pq.ParquetFile(file, metadata=footer, read_dictionary=short, pre_buffer=False)
        rows_at_a_time = max(1, min(_BATCH_ROWS, EXPORT_BATCH_BYTES // max(1, sum(delta.values()))))
        kept, count, dropped = [], 0, Counter()
        for batch in _batches(name, parquet, there, rows_at_a_time):
            rows, lost = clean_listens(batch, day) if name == "listens" else clean_takedowns(batch)
            kept.append(rows)
            count += len(next(iter(batch.values())).values)
            dropped.update(lost)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None):  # not what the file says
            raise
        return Reject("unreadable", f"It cannot be read as Parquet: {_first_line(error)}")
    return Taken(pa.concat_tables([_loose(name).empty_table(), *kept]), count, dropped)


def _undescribed(file: BinaryIO, size: int) -> Reject | None:
    """Why not even a file's description is to be read."""
    if size < 12:
        return Reject("unreadable", f"It cannot be read as Parquet: it has {size} bytes")
    file.seek(size - 8)
    length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
    file.seek(0)
    if magic != b"PAR1" or length > size - 12:
        return Reject("unreadable", "It cannot be read as Parquet: it does not end as such a file does")
    if length > EXPORT_FOOTER_BYTES:
        return Reject(
            "too_large", f"Its footer has {length} bytes, at most {EXPORT_FOOTER_BYTES}: use larger row groups"
        )
    return None


def _unfit(name: str, found: pa.Schema) -> Reject | None:
    """What the columns' names and types lack."""
    schema = schemas.TABLES[name]
    twice = [column for column in schema.names if found.names.count(column) > 1]
    missing = [column for column in schema.names if column not in found.names]
    if twice:
        return Reject("bad_schema", f"The column {twice[0]!r} comes twice")
    if missing and (name == "listens" or len(missing) == len(schema)):
        return Reject("bad_schema", f"It lacks {', '.join(missing)}; {name} needs {', '.join(schema.names)}")
    for column in schema:
        if column.name not in missing and (why := cells.unfit(found.field(column.name).type, column.type)):
            kind = found.field(column.name).type
            return Reject("bad_schema", f"{column.name} is {kind}, not {column.type}: {why}")
    return None


def _too_much(name: str, footer: pq.FileMetaData, size: int) -> Reject | None:
    """A file that unpacks to more than any export of its size can hold: what is read costs time and memory."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    if rows != footer.num_rows:
        return Reject("unreadable", f"It claims {footer.num_rows} rows, and its row groups have {rows}")
    if rows > max(EXPORT_FREE_ROWS, size):
        return Reject("too_large", f"It claims {rows} rows in {size} bytes, which can only be repetitions")
    for group in groups:
        for column in map(group.column, range(group.num_columns)):
            room = EXPORT_SLACK_BYTES + group.num_rows * cells.LONGEST_CELL_BYTES
            if column.path_in_schema in schemas.TABLES[name].names and column.total_uncompressed_size > room:
                unpacked = column.total_uncompressed_size
                return Reject(
                    "too_large", f"{group.num_rows} cells of {column.path_in_schema} unpack to {unpacked} bytes"
                )
    return None


def _by_differences(footer: pq.FileMetaData) -> dict[str, int]:
    """The columns of text that are stored as what differs from the row before (DELTA_BYTE_ARRAY and its like), and the
    bytes of the largest of their parts: no value is longer."""
    groups = map(footer.row_group, range(footer.num_row_groups))
    sizes: dict[str, int] = {}
    for chunk in (group.column(number) for group in groups for number in range(group.num_columns)):
        if any(each in _DIFFERENCES for each in chunk.encodings):
            name = chunk.path_in_schema
            sizes[name] = max(sizes.get(name, 0), chunk.total_uncompressed_size)
    return sizes


def _batches(name: str, parquet: pq.ParquetFile, there: list[str], rows: int) -> Iterator[dict[str, Cells]]:
    """The file's columns as cells, `rows` read at a time, and as many together as are cleaned at once."""
    schema = schemas.TABLES[name]
    read = parquet.iter_batches(rows, columns=there, use_threads=False)
    together = max(1, _BATCH_ROWS // 64 // rows)
    while some := [_cut(batch) for batch in itertools.islice(read, together)]:
        batch = some[0] if len(some) == 1 else pa.concat_batches(some)
        nothing = pa.nulls(batch.num_rows)
        found = {
            column.name: cells.cast(batch[column.name] if column.name in there else nothing, column.type)
            for column in schema
        }
        yield found | {"user_id": cells.users(found["user_id"])}


def _cut(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, with something short that is no value either in place of text that is too long."""
    for at, column in enumerate(batch.columns):
        if column.nbytes > batch.num_rows * cells.LONGEST_CELL_BYTES:
            batch = batch.set_column(at, batch.field(at), cells.shortened(column))
    return batch


def clean_listens(found: dict[str, Cells], day: str) -> tuple[pa.Table, Counter[str]]:
    """The rows that are listens which may come with that day's exports, and how many others by reason.

    A row counts under the first reason that fits, in the order of `WORDS`. What devices played offline comes late: it
    belongs to the day of the export that brings it, so that what a night knew stays what it was.
    """
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    first, end = start - timedelta(days=LISTEN_LATE_DAYS), start + timedelta(days=1 + LISTEN_SLACK_DAYS)
    column = {name: each.values for name, each in found.items()}
    whole = {name: pc.invert(each.broken) for name, each in found.items()}
    played, at = column["played_s"], column["listened_at"]
    tests = {
        "null_value": _all(*(pc.or_(pc.is_valid(each.values), each.broken) for each in found.values())),
        "bad_id": _all(*(pc.and_kleene(whole[name], _is_id(column[name])) for name in ("user_id", "track_id"))),
        "bad_time": whole["listened_at"],
        "bad_played_s": _all(whole["played_s"], pc.is_finite(played), pc.greater_equal(played, 0.0)),
        "played_too_long": pc.less_equal(played, MAX_DURATION_S),
        "unknown_kind": pc.and_kleene(whole["kind"], pc.is_in(column["kind"], value_set=pa.array(KINDS))),
        "wrong_day": _all(pc.greater_equal(at, pa.scalar(first, at.type)), pc.less(at, pa.scalar(end, at.type))),
    }
    return _keep(pa.table(column, schema=_loose("listens")), tests)


def clean_takedowns(found: dict[str, Cells]) -> tuple[pa.Table, Counter[str]]:
    """The rows that name exactly one thing to forget, and how many others by reason. A blank names nothing.

    What no upload can be called names no track: believed, it would be forgotten in vain.
    """
    column = {name: pc.if_else(pc.equal(each.values, ""), None, each.values) for name, each in found.items()}
    is_track = pa.array(
        [each is None or (names.is_track_id(each) and each not in MISSING) for each in column["track_id"].to_pylist()],
        pa.bool_(),
    )
    is_user = pc.or_kleene(pc.is_null(column["user_id"]), _is_id(column["user_id"]))
    tests = {
        "bad_id": _all(is_track, is_user, *(pc.invert(each.broken) for each in found.values())),
        "not_exactly_one": pc.xor(*(pc.is_valid(each) for each in column.values())),
    }
    return _keep(pa.table(column, schema=_loose("takedowns")), tests)


def merge(name: str, tables: list[pa.Table]) -> pa.Table:
    """All rows as table `name`, each once. The result depends on the rows alone, not on their order or on files.

    Listens of one user, track and kind that begin within the same second are one: nobody hears a song twice in a
    second, and exports of one listen cut its time off at seconds, milliseconds or microseconds. The finest time, which
    is the latest, and the longest played_s are kept.
    """
    rows = pa.concat_tables([table.cast(_loose(name)) for table in (schemas.empty(name), *tables)])
    schema = schemas.TABLES[name]
    key = schema.metadata[b"key"].decode().split()
    if name == "listens":
        rows = rows.append_column(_SECOND, pc.floor_temporal(rows["listened_at"], unit="second"))
        key = [_SECOND if column == "listened_at" else column for column in key]
    rest = [column for column in schema.names if column not in key]
    grouped = rows.group_by(key, use_threads=False).aggregate([(column, "max") for column in rest])
    return schemas.conform(name, grouped.rename_columns([*key, *rest]))


def _loose(name: str) -> pa.Schema:
    return pa.schema([column.with_nullable(True) for column in schemas.TABLES[name]])


def _is_id(values: pa.Array) -> pa.Array:
    """Whether each is an id: 1 to MAX_ID_CHARACTERS characters, none of them a control character; neither a word for a
    missing value nor a JSON string, whose quotes are not the id's."""
    length = pc.utf8_length(values)
    fits = _all(pc.greater(length, 0), pc.less_equal(length, MAX_ID_CHARACTERS))
    other = pc.or_(pc.match_substring_regex(values, r"\p{Cc}|^\".*\"$"), pc.is_in(values, value_set=pa.array(MISSING)))
    return pc.and_(fits, pc.invert(other))


def _all(*conditions: pa.Array) -> pa.Array:
    result = conditions[0]
    for condition in conditions[1:]:
        result = pc.and_kleene(result, condition)
    return result


def _keep(rows: pa.Table, tests: dict[str, pa.Array]) -> tuple[pa.Table, Counter[str]]:
    """The rows that pass all tests (null: not passed), and the number of those that failed each one first."""
    passing = pa.repeat(True, rows.num_rows)
    dropped: Counter[str] = Counter()
    for reason, test in tests.items():
        both = pc.and_(passing, pc.fill_null(test, False))
        if lost := (pc.sum(passing).as_py() or 0) - (pc.sum(both).as_py() or 0):
            dropped[reason] = lost
        passing = both
    return rows.filter(passing), dropped


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
