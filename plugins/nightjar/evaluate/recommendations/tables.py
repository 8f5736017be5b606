"""Recorded plays and what was played later, from two CSV files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv
from scipy.sparse import csr_array

from nightjar.errors import NightjarError
from nightjar.recommend import behaviour, seeds

_DAY = 86_400e9
_EARLIEST, _LATEST = pd.Timestamp("1700-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
_VALIDATION_SHARE = 0.2
_SEED = 1


@dataclass(frozen=True)
class Plays:
    """Who played what how often: one row a pair, by user, then item; codes of both begin at 0."""

    users: np.ndarray  # (k,) int64
    items: np.ndarray  # (k,) int64
    counts: np.ndarray  # (k,) float64
    listened_ns: np.ndarray | None  # (k,) int64: the last time, where the table says it
    first_ns: np.ndarray | None  # (k,) int64: and the first
    user_ids: np.ndarray  # (users,) object
    item_ids: np.ndarray  # (items,) object

    @property
    def shape(self) -> tuple[int, int]:
        """(users, items)"""
        return len(self.user_ids), len(self.item_ids)

    @cached_property
    def tastes(self) -> np.ndarray:
        """(k,) the weight of each pair as `recommend.seeds` has it for plays from beginning to end."""
        faded = self.counts
        if self.listened_ns is not None:
            age_days = (self.listened_ns.max() - self.listened_ns) / _DAY
            faded = faded * seeds.fade(age_days)
        return np.round(np.log2(1 + faded), 6)

    @cached_property
    def relative(self) -> csr_array:
        """(users, items) the same relative to what the user plays most, 0 to 1."""
        return csr_array((behaviour.relative(self.users, self.tastes), (self.users, self.items)), shape=self.shape)

    @cached_property
    def binary(self) -> csr_array:
        """(users, items) 1 for every pair."""
        return csr_array((np.ones(len(self.users)), (self.users, self.items)), shape=self.shape)

    @cached_property
    def listeners(self) -> np.ndarray:
        """(items,) how many people play each."""
        return np.bincount(self.items, minlength=len(self.item_ids))

    def only(self, kept: np.ndarray) -> Plays:
        """The pairs where `kept` (k,) is true; users and items keep their codes."""
        when = (None if each is None else each[kept] for each in (self.listened_ns, self.first_ns))
        return Plays(self.users[kept], self.items[kept], self.counts[kept], *when, self.user_ids, self.item_ids)

    def with_items(self, ids: np.ndarray) -> Plays:
        """The same plays among more items: `ids` (k,) are there as well, and those of them that are new are played by
        nobody."""
        all_ids = np.asarray(sorted({*self.item_ids, *ids}), dtype=object)
        items = np.searchsorted(all_ids, self.item_ids)[self.items]
        return replace(self, items=items.astype(np.int64), item_ids=all_ids)

    def split(self) -> tuple[Plays, csr_array]:
        """A part to learn from, and (users, items) the rest to be predicted: the latest fifth of all pairs if it is
        known when they were, else a fifth of each user's, drawn by a fixed seed."""
        if self.listened_ns is not None:
            late = self.listened_ns > np.quantile(self.listened_ns, 1 - _VALIDATION_SHARE)
        else:
            order = np.lexsort((np.random.default_rng(_SEED).random(len(self.users)), self.users))
            nth = np.empty(len(order), np.int64)
            nth[order] = np.arange(len(order)) - np.searchsorted(self.users[order], self.users[order])
            late = nth < np.round(np.bincount(self.users)[self.users] * _VALIDATION_SHARE)
        return self.only(~late), self.only(late).binary


@dataclass(frozen=True)
class Later:
    """What is to be predicted."""

    wanted: csr_array  # (users, items) 1 for each pair
    unknown_items: (
        np.ndarray
    )  # (users,) pairs with an item that neither plays nor vectors know: nothing can predict them
    unknown_users: int  # rows of users who had played nothing
    repeated: int  # rows of pairs that were there before: not counted

    def of(self, items: np.ndarray) -> csr_array:
        """Of `wanted` only the pairs of the `items` (items,) that are true."""
        pairs = self.wanted.tocoo()
        kept = items[pairs.col]
        return csr_array((pairs.data[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape)


def read_plays(table: Path) -> Plays:
    """The table user_id,item_id,play_count[,listened_at]. Pairs that come twice are added up; rows played 0 times say
    nothing. Raises NightjarError that names the column or row at fault."""
    rows = _read(table, ("user_id", "item_id", "play_count"))
    counts = pd.to_numeric(rows["play_count"], errors="coerce")
    _refuse(table, rows, ~(counts >= 0) | np.isinf(counts), "play_count", "a number from 0 on")
    rows = rows.assign(play_count=counts)
    how = {"play_count": "sum"}
    if "listened_at" in rows:
        when = pd.to_datetime(rows["listened_at"], errors="coerce", utc=True, format="ISO8601")
        _refuse(table, rows, when.isna(), "listened_at", "a time like 2026-11-20T21:30:00Z")
        _refuse(table, rows, (when < _EARLIEST) | (when > _LATEST), "listened_at", "a time between 1700 and 2200")
        when = when.astype("datetime64[ns, UTC]").astype("int64")
        rows = rows.assign(listened_at=when, first_at=when)
        how |= {"listened_at": "max", "first_at": "min"}
    with np.errstate(over="ignore"):
        rows = rows[rows["play_count"] > 0].groupby(["user_id", "item_id"], sort=True, as_index=False).agg(how)
    if np.isinf(rows["play_count"]).any():
        raise NightjarError(f"the counts of a pair of {table} add up to more than a number holds", "Look at play_count")
    if not len(rows):
        raise NightjarError(f"{table} has no plays", "Give it rows of user_id,item_id,play_count")
    users, user_ids = pd.factorize(rows["user_id"], sort=True)
    items, item_ids = pd.factorize(rows["item_id"], sort=True)
    when = (rows[name].to_numpy() if name in rows else None for name in ("listened_at", "first_at"))
    ids = (np.asarray(each, dtype=object) for each in (user_ids, item_ids))
    return Plays(users.astype(np.int64), items.astype(np.int64), rows["play_count"].to_numpy(float), *when, *ids)


def read_later(table: Path, plays: Plays) -> Later:
    """The table user_id,item_id of what was played later. Raises NightjarError; also where no row can be used."""
    rows = _read(table, ("user_id", "item_id")).drop_duplicates(["user_id", "item_id"])
    users = pd.Index(plays.user_ids).get_indexer(rows["user_id"])
    items = pd.Index(plays.item_ids).get_indexer(rows["item_id"])
    unknown_users = int((users < 0).sum())
    users, items = users[users >= 0], items[users >= 0]
    new = items < 0
    unknown = np.bincount(users[new], minlength=len(plays.user_ids))
    wanted = csr_array((np.ones((~new).sum()), (users[~new], items[~new])), shape=plays.shape)
    before = wanted.multiply(plays.binary)
    if not (wanted.nnz - before.nnz or new.any()):
        raise NightjarError(
            f"{table} has nothing to predict for users of the plays", "Its users must be in both tables, its pairs not"
        )
    wanted = csr_array(wanted - before)
    wanted.eliminate_zeros()
    return Later(wanted, unknown, unknown_users, before.nnz)


def _read(table: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    as_text = {name: pa.string() for name in (*columns, "listened_at")}
    try:
        if not table.stat().st_size:
            raise NightjarError(f"{table} is empty", f"Its first line names the columns: {','.join(columns)}")
        with pa.input_stream(table, compression="detect") as file:  # by the ending
            rows = csv.read_csv(
                file,
                convert_options=csv.ConvertOptions(column_types=as_text),
                parse_options=csv.ParseOptions(newlines_in_values=True),
            ).to_pandas()
    except pa.ArrowInvalid as error:
        said = " ".join(str(error).split())
        raise NightjarError(f"{table} cannot be read as CSV: {said}", "Save it as CSV in UTF-8") from error
    except OSError as error:  # also what is not compressed as its ending says
        said = error.strerror or " ".join(str(error).split())
        raise NightjarError(f"{table} cannot be read: {said}", "Give a CSV file, .csv or .csv.gz as it is") from error
    if missing := [name for name in columns if name not in rows]:
        raise NightjarError(
            f"{table} has no column {missing[0]!r}, but {', '.join(map(repr, rows.columns))}",
            f"Its first line names the columns: {','.join(columns)}",
        )
    if rows.columns.has_duplicates:
        twice = rows.columns[rows.columns.duplicated()][0]
        raise NightjarError(f"{table} has the column {twice!r} twice", "Keep one of them")
    for name in ("user_id", "item_id"):
        _refuse(table, rows, rows[name] == "", name, "not empty")
    return rows


def _refuse(table: Path, rows: pd.DataFrame, wrong: pd.Series, column: str, must_be: str) -> None:
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise NightjarError(
            f"row {at + 2} of {table} has the {column} {rows[column].iloc[at]!r}", f"It must be {must_be}"
        )
