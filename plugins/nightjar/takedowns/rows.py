"""Rows without what is forgotten. Pure."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.ingest import names
from nightjar.takedowns.columns import COLUMNS
from nightjar.takedowns.forgotten import Forgotten


def without(table: str, rows: pa.Table, forgotten: Forgotten, numbers: np.ndarray | None = None) -> pa.Table:
    """The rows of `table` that are about nobody forgotten, without their ids in lists of songs.

    Columns may be missing. Row numbers become what `numbers` (n,) says, and those that are -1 there go.
    """
    columns = COLUMNS[table]
    rows = rows.filter(pa.array(~gone(table, rows, forgotten)))
    for name, beside in columns.song_lists.items():
        if name in rows.column_names:
            values = _values(rows[name])
            rows = _replace(rows, (name, *beside), ~_is_in(values, forgotten.tracks))
    for name, beside in columns.row_lists.items():
        if name in rows.column_names and numbers is not None:
            moved = numbers[_values(rows[name]).to_numpy()]
            rows = _replace(rows, (name, *beside), moved >= 0, {name: moved})
    return rows


def gone(table: str, rows: pa.Table, forgotten: Forgotten) -> np.ndarray:
    """(n,) bool: the rows of `table` that are about a forgotten song or user."""
    columns, found = COLUMNS[table], np.zeros(rows.num_rows, bool)
    named = [(name, forgotten.tracks) for name in columns.songs] + [(name, forgotten.users) for name in columns.users]
    for name, ids in named:
        if name in rows.column_names:
            found |= _is_in(rows[name], ids)
    for name in columns.keys:
        if name in rows.column_names:
            found |= np.array([song_of(key) in forgotten.tracks for key in rows[name].to_pylist()], bool)
    return found


def named_in(table: str, rows: pa.Table, forgotten: Forgotten) -> Forgotten:
    """Of those forgotten whom rows of `table` name, in any column."""
    columns = COLUMNS[table]
    songs = {each for name in columns.songs for each in rows[name].unique().to_pylist()}
    songs |= {song_of(key) for name in columns.keys for key in rows[name].to_pylist()}
    songs |= {each for name in columns.song_lists for each in _values(rows[name]).unique().to_pylist()}
    users = {each for name in columns.users for each in rows[name].unique().to_pylist()}
    return Forgotten(forgotten.tracks & songs, forgotten.users & users)


def mentioned(table: str, rows: pa.Table, forgotten: Forgotten) -> bool:
    """Whether a row is about a forgotten song or user, or a list of songs names one."""
    lists = (_values(rows[name]) for name in COLUMNS[table].song_lists)
    return bool(gone(table, rows, forgotten).any() or any(_is_in(each, forgotten.tracks).any() for each in lists))


def renumbered(stays: np.ndarray) -> np.ndarray:
    """(n,) int32: the number of each row among those that stay, -1 for the others."""
    return np.where(stays, np.cumsum(stays) - 1, -1).astype(np.int32)


def song_of(key: str) -> str | None:
    """The song that an object's key names, if it is that of an upload."""
    return names.track_id(key) if key.startswith("uploads/") else None


def _is_in(values: pa.Array | pa.ChunkedArray, ids: Collection[str]) -> np.ndarray:
    found = pc.is_in(values, pa.array(sorted(ids), pa.string()))
    return found.to_numpy() if isinstance(found, pa.ChunkedArray) else found.to_numpy(zero_copy_only=False)


def _values(column: pa.ChunkedArray) -> pa.Array:
    """The elements of all lists behind each other."""
    return _whole(column).flatten()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _replace(rows: pa.Table, lists: Collection[str], kept: np.ndarray, values: dict | None = None) -> pa.Table:
    """`rows` with only the `kept` elements of these lists, which are equally long, row by row."""
    for name in lists:
        field = rows.schema.field(name)
        column = _whole(rows[name])
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        before = np.concatenate([[0], np.cumsum(kept)])
        offsets = before[np.concatenate([[0], np.cumsum(lengths)])]
        flat = column.flatten() if not values or name not in values else pa.array(values[name], field.type.value_type)
        made = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat.filter(pa.array(kept)))
        rows = rows.set_column(rows.schema.get_field_index(name), field, made.cast(field.type))
    return rows
