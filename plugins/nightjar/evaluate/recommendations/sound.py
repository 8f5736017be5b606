"""How items sound: a table of embeddings, and which items are near by it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_array

from nightjar.errors import NightjarError
from nightjar.recommend import neighbours
from nightjar.thresholds import NEIGHBOURS_PER_SEED

_COLUMNS = ["track_id", "vector"]
_BLOCK = 512
_REMEDY = (
    "Give a Parquet file with the columns track_id (text) and vector (a list of numbers), as the lake's embeddings"
)


@dataclass(frozen=True)
class Sound:
    """The vectors of some items."""

    ids: np.ndarray  # (k,) object, ascending, each once
    vectors: np.ndarray  # (k, d) float32 of unit length

    def of(self, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(items, d) vectors of these ascending ids, which hold all of `ids`, zeros where there is none; and (items,)
        bool where there is one."""
        rows = np.searchsorted(item_ids, self.ids)
        vectors = np.zeros((len(item_ids), self.vectors.shape[1]), np.float32)
        vectors[rows] = self.vectors
        there = np.zeros(len(item_ids), bool)
        there[rows] = True
        return vectors, there


def similar(vectors: np.ndarray, there: np.ndarray) -> csr_array:
    """(items, items) what `nightjar.recommend.neighbours.similar` makes of the nearest of each item that is `there`
    (items,): exact, by products of matrices."""
    known = np.flatnonzero(there)
    count = min(NEIGHBOURS_PER_SEED + 1, len(known))  # each is its own nearest
    near, cosines = np.empty((len(known), count), np.int64), np.empty((len(known), count), np.float32)
    for start in range(0, len(known), _BLOCK):
        block = slice(start, start + _BLOCK)
        products = vectors[known[block]] @ vectors[known].T
        found = np.argpartition(-products, count - 1, axis=1)[:, :count]
        near[block], cosines[block] = known[found], np.take_along_axis(products, found, 1)
    return neighbours.similar(len(there), np.repeat(known, count), near.ravel(), cosines.ravel())


def read(table: Path, item_ids: np.ndarray) -> Sound:
    """The table track_id, vector, of which some ids are among `item_ids`. Vectors are scaled to unit length. Raises
    NightjarError that names the column or track at fault."""
    rows = _read(table)
    ids = np.asarray(rows["track_id"].to_pylist(), dtype=object)
    lengths = pc.list_value_length(rows["vector"]).to_numpy()
    if len(wrong := np.flatnonzero(lengths != lengths[0])):
        _refuse(table, ids[wrong[0]], f"{lengths[wrong[0]]} numbers, that of {ids[0]!r} {lengths[0]}", "be as long")
    values = pc.list_flatten(rows["vector"])
    if not lengths[0]:
        _refuse(table, ids[0], "no numbers", "have some")
    if values.null_count:
        _refuse(
            table, ids[np.flatnonzero(values.is_null().to_numpy())[0] // lengths[0]], "a gap", "have all its numbers"
        )
    vectors = values.to_numpy().reshape(len(ids), -1).astype(np.float64)
    if len(wrong := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
        _refuse(table, ids[wrong[0]], "a number that is not finite", "be of finite numbers")
    norms = np.linalg.norm(vectors, axis=1)
    if len(wrong := np.flatnonzero((norms == 0) | ~np.isfinite(norms))):
        _refuse(table, ids[wrong[0]], "no length that a direction could be taken of", "have a direction")
    order = np.argsort(ids, kind="stable")
    if len(twice := np.flatnonzero(ids[order][1:] == ids[order][:-1])):
        raise NightjarError(f"{table} has the track {ids[order][twice[0]]!r} twice", "Keep one row of each track")
    if not np.isin(ids, item_ids).any():
        raise NightjarError(
            f"no track_id of {table} is an item_id of the plays: {ids[0]!r} is none of them",
            "Use the same ids in both",
        )
    return Sound(ids[order], (vectors / norms[:, None])[order].astype(np.float32))


def _read(table: Path) -> pa.Table:
    try:
        with table.open("rb") as file:
            rows = pq.ParquetFile(file)
            names = rows.schema_arrow.names
            if missing := [name for name in _COLUMNS if name not in names]:
                raise NightjarError(f"{table} has no column {missing[0]!r}, but {', '.join(names)}", _REMEDY)
            read = rows.read(columns=_COLUMNS)
    except pa.ArrowInvalid as error:
        said = " ".join(str(error).split())
        raise NightjarError(f"{table} cannot be read as Parquet: {said}", _REMEDY) from error
    except OSError as error:
        said = error.strerror or " ".join(str(error).split())
        raise NightjarError(f"{table} cannot be read: {said}", _REMEDY) from error
    if not read.num_rows:
        raise NightjarError(f"{table} has no rows", _REMEDY)
    if read["track_id"].null_count or read["vector"].null_count:
        raise NightjarError(f"{table} has a row without a track_id or without a vector", "Leave such rows out")
    names, kind = (read.schema.field(column).type for column in _COLUMNS)
    if not (pa.types.is_string(names) or pa.types.is_large_string(names)):
        raise NightjarError(f"{table} has track_id of type {names}", _REMEDY)
    if not (_is_list(kind) and _is_number(kind.value_type)):
        raise NightjarError(f"{table} has vector of type {kind}", _REMEDY)
    return read.combine_chunks()


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _refuse(table: Path, track: str, has: str, must: str) -> None:
    raise NightjarError(f"the vector of {track!r} in {table} has {has}", f"It must {must}")
