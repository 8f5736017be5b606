"""The app's exports of listens and takedowns, file by file: what fits is kept, the rest is counted by reason.

Columns may come in another order and in any type that casts without loss of meaning; columns besides are ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightjar import schemas
from nightjar.ingest.judge import Reject
from nightjar.thresholds import LISTEN_SLACK_DAYS, MAX_ID_CHARACTERS

KINDS = ("play", "skip", "like")
"""What a listen may be."""


def read(name: str, body: bytes) -> pa.Table | Reject:
    """The rows of one exported Parquet file as table `name`, nulls allowed; a Reject if it does not fit.

    A time without a zone is UTC. A whole number is no time, since nobody knows of which unit.
    """
    schema = schemas.TABLES[name]
    try:
        found = pq.ParquetFile(pa.BufferReader(body)).read()
    except (pa.ArrowException, OSError) as error:
        return Reject("unreadable", f"It cannot be read as Parquet: {_first_line(error)}")
    names = found.column_names
    twice = [column for column in schema.names if names.count(column) > 1]
    missing = [column for column in schema.names if column not in names]
    if twice:
        return Reject("bad_schema", f"The column {twice[0]!r} comes twice")
    if missing and (name == "listens" or len(missing) == len(schema)):
        return Reject("bad_schema", f"It lacks {', '.join(missing)}; {name} needs {', '.join(schema.names)}")
    columns = []
    for column in schema:
        try:
            columns.append(_cast(found, column))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            kind = found[column.name].type
            return Reject("bad_schema", f"{column.name} is {kind}, not {column.type}: {_first_line(error)}")
    return pa.table(columns, names=schema.names)


def clean_listens(rows: pa.Table, day: str) -> tuple[pa.Table, dict[str, int]]:
    """The rows of `rows` (columns as LISTENS) that are listens of about that day, and how many others by reason.

    A row counts under the first reason that fits: null_value, bad_id, bad_played_s, unknown_kind, wrong_day.
    """
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    first, end = start - timedelta(days=LISTEN_SLACK_DAYS), start + timedelta(days=1 + LISTEN_SLACK_DAYS)
    played, at = rows["played_s"], rows["listened_at"]
    tests = {
        "null_value": _all(*(pc.is_valid(rows[name]) for name in rows.column_names)),
        "bad_id": _all(_is_id(rows["user_id"]), _is_id(rows["track_id"])),
        "bad_played_s": _all(pc.is_finite(played), pc.greater_equal(played, 0.0)),
        "unknown_kind": pc.is_in(rows["kind"], value_set=pa.array(KINDS)),
        "wrong_day": _all(pc.greater_equal(at, pa.scalar(first, at.type)), pc.less(at, pa.scalar(end, at.type))),
    }
    return _keep(rows, tests)


def clean_takedowns(rows: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """The rows (columns as TAKEDOWNS) that name exactly one thing to forget, and how many others by reason."""
    ids = [rows["track_id"], rows["user_id"]]
    named = [pc.and_(pc.is_valid(column), _is_id(column)) for column in ids]
    tests = {
        "bad_id": _all(*(pc.or_kleene(pc.is_null(column), _is_id(column)) for column in ids)),
        "not_exactly_one": pc.xor(*(pc.fill_null(one, False) for one in named)),
    }
    return _keep(rows, tests)


def merge(name: str, tables: list[pa.Table]) -> pa.Table:
    """All rows as table `name`, one for each key. Of listens that differ in played_s alone the longest is kept.

    The result depends on the rows alone, not on their order or on how they were spread over files.
    """
    schema = schemas.TABLES[name]
    loose = pa.schema([column.with_nullable(True) for column in schema])
    rows = pa.concat_tables([table.cast(loose) for table in (schemas.empty(name), *tables)])
    key = schema.metadata[b"key"].decode().split()
    rest = [column for column in schema.names if column not in key]
    grouped = rows.group_by(key, use_threads=False).aggregate([(column, "max") for column in rest])
    return schemas.conform(name, grouped.rename_columns([*key, *rest]))


def _cast(found: pa.Table, column: pa.Field) -> pa.ChunkedArray:
    """A column of a file in our type. Raises ArrowInvalid or ArrowNotImplementedError."""
    if column.name not in found.column_names:
        return pa.chunked_array([pa.nulls(found.num_rows, column.type)])
    values = found[column.name]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_timestamp(column.type):
        return _as_time(values, column.type)
    if pa.types.is_string(column.type) and not _may_be_text(values.type):
        raise pa.ArrowInvalid("only text and whole numbers are ids or codes")
    return values.cast(column.type, safe=not pa.types.is_floating(column.type))


def _as_time(values: pa.ChunkedArray, kind: pa.TimestampType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(kind)  # finer digits are cut off
    if not _is_text(values.type):
        raise pa.ArrowInvalid("a time is a timestamp or ISO 8601 text; of a number the unit is not known")
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        return values.cast(pa.timestamp("us")).cast(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _may_be_text(kind: pa.DataType) -> bool:
    return _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_binary(kind) or pa.types.is_null(kind)


def _is_id(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each is an id: 1 to MAX_ID_CHARACTERS characters, none of them a control character."""
    length = pc.utf8_length(values)
    fits = _all(pc.greater(length, 0), pc.less_equal(length, MAX_ID_CHARACTERS))
    return pc.and_(fits, pc.invert(pc.match_substring_regex(values, r"\p{Cc}")))


def _all(*conditions: pa.ChunkedArray) -> pa.ChunkedArray:
    result = conditions[0]
    for condition in conditions[1:]:
        result = pc.and_kleene(result, condition)
    return result


def _keep(rows: pa.Table, tests: dict[str, pa.ChunkedArray]) -> tuple[pa.Table, dict[str, int]]:
    """The rows that pass all tests (null: not passed), and the number of those that failed each one first."""
    passing = pa.chunked_array([pa.repeat(True, rows.num_rows)])
    dropped = {}
    for reason, test in tests.items():
        both = pc.and_(passing, pc.fill_null(test, False))
        if lost := (pc.sum(passing).as_py() or 0) - (pc.sum(both).as_py() or 0):
            dropped[reason] = lost
        passing = both
    return rows.filter(passing), dropped


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
