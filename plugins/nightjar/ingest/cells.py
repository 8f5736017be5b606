"""Columns of an exported file, cast cell by cell: what cannot be read is broken, and costs its row alone.

Engines write ids, times and numbers in many types. Which of them mean the same is decided here, by column where the
type tells and by cell where only the value does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.ingest.names import PADDING, UUID
from nightjar.thresholds import MAX_ID_CHARACTERS

LONGEST_CELL_BYTES = 4 * MAX_ID_CHARACTERS
"""No id, time, number or kind takes more bytes of UTF-8."""

_UUID_BYTES = 16
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_YEARS = (-62_135_596_800, 253_402_300_800)
"""Seconds since 1970 of the years that a time can have, 1 to 9999."""
_DATE = r"(?P<date>[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"
_CLOCK = r"[T ](?P<clock>(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?P<fraction>\.\d{1,9})?"
_ZONE = r"(?P<zone> ?(?:[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?))"
_NAME = r"(?: [A-Z]{2,5}| [+-]\d{2}(?:\d{2})?|\[!?[\w+/-]+\])?"
"""What may follow the offset, which says it all: the zone's short name (Go), or its region (RFC 9557, Java)."""
_TIME = rf"^{_DATE}(?:{_CLOCK}(?:{_ZONE}{_NAME})?)?$"
_TIME_THERE = rf"^{_DATE}{_CLOCK} (?P<region>[A-Z][\w+-]*(?:/[\w+-]+){{1,2}})$"
"""A time with its zone's region alone, as DuckDB writes it."""


@dataclass(frozen=True)
class Cells:
    """One column: values (n,), null where there is nothing to read; broken (n,) bool, where something else stands."""

    values: pa.Array
    broken: pa.Array


def unfit(kind: pa.DataType, wanted: pa.DataType) -> str | None:
    """Why no cell of a column of type `kind` can be a `wanted` (text, a time or a number); None if some may."""
    if pa.types.is_dictionary(kind):
        return unfit(kind.value_type, wanted)
    if isinstance(kind, pa.FixedSizeBinaryType) and kind.byte_width > LONGEST_CELL_BYTES and not _is_decimal(kind):
        return f"cells of {kind.byte_width} bytes are no values of one row"
    if pa.types.is_null(kind):
        return None
    if pa.types.is_timestamp(wanted):
        fits = pa.types.is_timestamp(kind) or _is_text(kind)
        return None if fits else "a time is a timestamp or ISO 8601 text; of a number the unit is not known"
    if pa.types.is_floating(wanted):
        fits = pa.types.is_floating(kind) or pa.types.is_integer(kind) or _is_decimal(kind) or _is_text(kind)
        return None if fits else "only numbers, and text that is one, are seconds"
    whole = pa.types.is_integer(kind) or (_is_decimal(kind) and kind.scale == 0)
    return None if whole or _is_bytes(kind) or _is_uuid(kind) else "only text, UUIDs and whole numbers are ids or codes"


def cast(column: pa.Array, wanted: pa.DataType) -> Cells:
    """A column that is not `unfit`, as text, times in UTC or numbers. Text has no blanks around it."""
    if isinstance(column, pa.DictionaryArray):
        known = cast(column.dictionary, wanted)
        return Cells(known.values.take(column.indices), pc.fill_null(known.broken.take(column.indices), False))
    if pa.types.is_null(column.type):
        return _whole(pa.nulls(len(column), wanted))
    if pa.types.is_timestamp(wanted):
        return _instants(column) if pa.types.is_timestamp(column.type) else _read(column, _times, wanted)
    if pa.types.is_floating(wanted):
        return _read(column, _numbers, wanted) if _is_text(column.type) else _whole(_number(column, wanted))
    return _text(column)


def users(ids: Cells) -> Cells:
    """A column of users' ids, each in the one form that `nightjar.ingest.names.user_id` gives it."""
    written = pc.fill_null(pc.match_substring_regex(ids.values, UUID), False)
    return Cells(pc.if_else(written, pc.utf8_lower(ids.values), ids.values), ids.broken)


def shortened(column: pa.Array) -> pa.Array:
    """The column with a filler that is too long for any value, but not by much, in place of longer cells."""
    if not (_is_text(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column
    filler = pa.scalar(b"x" * (LONGEST_CELL_BYTES + 1)).cast(column.type)
    return pc.if_else(pc.greater(pc.binary_length(column), LONGEST_CELL_BYTES), filler, column)


# --- text -------------------------------------------------------------------------------------------------------------
def _text(column: pa.Array) -> Cells:
    if _is_uuid(column.type):
        return _whole(_uuids(column.storage if isinstance(column, pa.ExtensionArray) else column))
    if not _is_bytes(column.type):  # whole numbers
        return _whole(column.cast(pa.string()))
    return _decoded(column) if _is_text(column.type) else _uuids_or_text(column)


def _decoded(column: pa.Array) -> Cells:
    """Bytes as text; broken are those that are no UTF-8, and those too long for anything."""
    raw = column.cast(pa.large_binary())
    short = pc.fill_null(pc.less_equal(pc.binary_length(raw), LONGEST_CELL_BYTES), False)
    raw = pc.if_else(short, raw, pa.scalar(None, raw.type))
    try:
        values = raw.cast(pa.string())
    except pa.ArrowInvalid:
        values = pa.array([_utf8(each) for each in raw.to_pylist()], pa.string())
    broken = pc.and_(pc.is_valid(column), pc.is_null(values))
    return Cells(pc.utf8_trim(values, characters=PADDING), broken)


def _utf8(raw: bytes | None) -> str | None:
    try:
        return raw.decode() if raw is not None else None
    except UnicodeDecodeError:
        return None


def _uuids_or_text(column: pa.Array) -> Cells:
    """Bytes that nothing calls UUIDs, as ClickHouse and drivers of databases write those, or text.

    Sixteen bytes with the version and the variant of a UUID (RFC 9562) are one. Text in ASCII has no such bytes.
    """
    text, raw = _decoded(column), column.cast(pa.large_binary())
    sixteen = pc.fill_null(pc.equal(pc.binary_length(raw), _UUID_BYTES), False)
    if not pc.any(sixteen).as_py():
        return text
    raw = pc.if_else(sixteen, raw, pa.scalar(None, raw.type))
    octets = _octets(raw)
    version = octets[:, 6] >> 4
    is_uuid = pc.and_(sixteen, pa.array((octets[:, 8] >> 6 == 0b10) & (version >= 1) & (version <= 8)))
    return Cells(pc.if_else(is_uuid, _uuids(raw), text.values), pc.and_(text.broken, pc.invert(is_uuid)))


def _octets(column: pa.Array) -> np.ndarray:
    """Cells of 16 bytes or none as (n, 16) uint8; a null is zeros."""
    raw = b"".join(each or bytes(_UUID_BYTES) for each in column.to_pylist())
    return np.frombuffer(raw, np.uint8).reshape(-1, _UUID_BYTES)


def _uuids(column: pa.Array) -> pa.Array:
    """The usual notation: 36 characters, in lower case."""
    raw = _octets(column)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    hexadecimal = np.stack([digits[raw >> 4], digits[raw & 15]], axis=-1).reshape(-1, 2 * _UUID_BYTES)
    written = np.insert(hexadecimal, (8, 12, 16, 20), ord("-"), axis=1)
    ends = pa.py_buffer(np.arange(len(column) + 1, dtype=np.int32) * 36)
    values = pa.StringArray.from_buffers(len(column), ends, pa.py_buffer(np.ascontiguousarray(written)))
    return pc.if_else(pc.is_valid(column), values, pa.scalar(None, pa.string()))


# --- times ------------------------------------------------------------------------------------------------------------
def _instants(column: pa.Array) -> Cells:
    """Timestamps in microseconds; finer digits are cut off. One without a zone is UTC."""
    counts, second = column.cast(pa.int64()), {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    first, end = (max(min(at * second, 2**63 - 1), -(2**63)) for at in _YEARS)
    fits = pc.and_(pc.greater_equal(counts, first), pc.less(counts, end))
    kept = pc.if_else(fits, counts, pa.scalar(None, pa.int64())).cast(pa.timestamp(column.type.unit))
    values = kept.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
    return Cells(values, pc.and_(pc.is_valid(column), pc.is_null(values)))


def _times(text: pa.Array) -> pa.Array:
    """ISO 8601 with or without a zone, a cell like this and the next like that; null for what is none."""
    parts = pc.extract_regex(text, _TIME)
    date, clock, fraction, zone = (parts.field(at) for at in range(4))
    zone = pc.replace_substring_regex(zone, r"^ ?(?:[Zz]|UTC|GMT)?$", "Z")
    clock = pc.if_else(pc.equal(clock, ""), "00:00", clock)
    written = pc.binary_join_element_wise(
        *(date, "T", clock, pc.utf8_slice_codeunits(fraction, 0, 7), pc.utf8_ltrim_whitespace(zone), "")
    )
    written = pc.if_else(pc.is_valid(parts), written, pa.scalar(None, pa.string()))
    kind = pa.timestamp("us", "UTC")
    try:
        times = written.cast(kind)
    except pa.ArrowInvalid:  # a day that its month does not have
        times = pa.array([_time(each) for each in written.to_pylist()], kind)
    there = pc.fill_null(pc.match_substring_regex(text, _TIME_THERE), False)
    if not pc.any(there).as_py():
        return times
    local = pc.if_else(there, text, pa.scalar(None, text.type))
    return pc.if_else(there, pa.array([_time_there(each) for each in local.to_pylist()], kind), times)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _time_there(text: str | None) -> datetime | None:
    """The earlier one of two times that a clock shows when it is set back. Null in a region that nobody knows."""
    clock, _, region = (text or "").rpartition(" ")
    try:
        zone = ZoneInfo(region)
        return datetime.fromisoformat(clock[:26]).replace(tzinfo=zone).astimezone(UTC) if clock else None
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None


# --- numbers ----------------------------------------------------------------------------------------------------------
def _number(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    return column.cast(pa.float64(), safe=False).cast(wanted, safe=False)


def _numbers(text: pa.Array) -> pa.Array:
    fits = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    return pc.if_else(fits, pc.utf8_ltrim(text, "+"), pa.scalar(None, pa.string())).cast(pa.float64())


def _read(column: pa.Array, parse: Callable[[pa.Array], pa.Array], wanted: pa.DataType) -> Cells:
    """Text as something else: broken is what `parse` gives null for."""
    values = parse(_decoded(column).values).cast(wanted, safe=False)
    return Cells(values, pc.and_(pc.is_valid(column), pc.is_null(values)))


def _whole(values: pa.Array) -> Cells:
    return Cells(values, pa.repeat(False, len(values)))


# --- types ------------------------------------------------------------------------------------------------------------
def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    views = pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind)
    return _is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or views


def _is_uuid(kind: pa.DataType) -> bool:
    return kind == pa.uuid()


def _is_decimal(kind: pa.DataType) -> bool:
    return pa.types.is_decimal(kind)
