"""Vectors in Milvus behind a few calls.

One collection per kind and model: `tracks__<model>` with one vector a song, `windows__<model>` with one every few
seconds. Both have the fields `id` (primary key), `track_id`, `day` (20261120) and `vector` (L2-normalised; metric
cosine). The aliases `tracks` and `windows` name the live model's collections for whoever reads from outside; inside,
vectors are always read and written under their model's own name, so that filling a new model never touches the old.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from nightjar import days
from nightjar.errors import NightjarError
from nightjar.ingest.names import is_track_id
from nightjar.thresholds import (
    MILVUS_BATCH_BYTES,
    MILVUS_BATCH_HITS,
    MILVUS_BATCH_IDS,
    MILVUS_BATCH_QUERIES,
    MILVUS_MAX_LIMIT,
)
from nightjar.vectors import filters, names
from nightjar.vectors.collections import MAX_ID, Collections
from nightjar.vectors.filters import Filter
from nightjar.vectors.hits import Hit, day_of, hit, is_complete, nearest_first
from nightjar.vectors.names import KINDS
from nightjar.vectors.sentinels import NONE, Sentinels


class VectorStore(Collections):
    """One model's vectors. Reads see every write before them. Raises NightjarError where Milvus cannot answer."""

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- writing ------------------------------------------------------------------------------------------------------
    def upsert(self, kind: str, rows: pa.Table) -> None:
        """Write rows of the table `embeddings` (for kind tracks) or `windows`; a row of the same key is replaced."""
        name = self.collection(kind)
        size = self._batch(name)
        for start in range(0, rows.num_rows, size):
            batch = rows.slice(start, size)
            vectors = np.stack(batch["vector"].to_numpy(zero_copy_only=False))
            columns = (names.keys(kind, batch), batch["track_id"].to_pylist(), batch["day"].to_pylist(), vectors)
            self._call(
                self._client.upsert,
                name,
                [
                    {"id": key, "track_id": track_id, "day": days.number(day), "vector": vector}
                    for key, track_id, day, vector in zip(*columns, strict=True)
                ],
            )

    def _batch(self, name: str) -> int:
        """How many vectors of a collection go into one message."""
        return min(MILVUS_MAX_LIMIT, max(1, MILVUS_BATCH_BYTES // (4 * self._dimension(name) + 4 * MAX_ID)))

    def delete_day_except(self, kind: str, day: str, rows: pa.Table) -> int:
        """Remove the vectors of `day` that `rows` (as for `upsert`) do not have; returns how many there were. Raises
        NightjarError if Milvus lacks some of `rows`."""
        name, keep = self.collection(kind), set(names.keys(kind, rows))
        found = set(self.day_keys(kind, day, sorted(keep)))
        if lacking := len(keep - found):
            raise NightjarError(
                f"{name} holds {len(keep) - lacking} vectors of {day} instead of {len(keep)}",
                "Clear load_vectors of the day; two runs of it at once get in each other's way",
            )
        gone = sorted(found - keep)
        self._delete(name, gone)
        return len(gone)

    def delete_tracks(self, track_ids: Iterable[str]) -> int:
        """Remove songs and their windows from the collections of every model; returns how many vectors there were.
        Unknown ids do nothing."""
        ours = tuple(f"{kind}__" for kind in KINDS)
        collections = [each for each in self._call(self._client.list_collections) if each.startswith(ours)]
        removed = 0
        for ids in filters.batches(sorted(filter(is_track_id, track_ids)), MILVUS_BATCH_IDS):
            for name in collections:
                self._load(name)
                gone = self._keys(name, filters.of_tracks(set(ids)))
                self._delete(name, gone)
                removed += len(gone)
        return removed

    def _delete(self, name: str, keys: list[str]) -> None:
        for ids in filters.batches(keys, MILVUS_BATCH_IDS):
            with self._wholeness.without(name, ids):
                self._call(self._client.delete, name, ids=ids)

    def attest(self, kind: str, day: str, rows: pa.Table) -> None:
        """Say that Milvus holds these rows of a day (as for `upsert`, in their order), so that from now on answers must
        prove it."""
        self._wholeness.attest(self.collection(kind), day, names.keys(kind, rows))

    # --- reading ------------------------------------------------------------------------------------------------------
    def count(self, kind: str = "tracks", day: str | None = None, upto_day: str | None = None) -> int:
        """How many vectors there are: in all, of one day, or of the days up to one; 0 before the first load."""
        if not self.exists():
            return 0
        name, wanted = self._readable(kind), filters.of_day(day) if day else filters.upto(upto_day)
        keys, all_of_them = self._some(name, wanted)
        if all_of_them:
            return len(keys)
        ask = partial(self._call, self._client.query, name, filter=wanted.text, output_fields=["count(*)"])
        return self._wholeness.agreed(name, lambda: int(ask()[0]["count(*)"]))

    def vectors_of(self, keys: Sequence[str], kind: str = "tracks") -> dict[str, np.ndarray]:
        """The vectors of songs, or of windows by their keys, (d,) float32 each; what is not loaded is left out."""
        found = {}
        for ids in filters.batches(list(keys), MILVUS_BATCH_IDS):
            found |= self._vectors_of(self._readable(kind), ids)
        return found

    def _vectors_of(self, name: str, ids: list[str]) -> dict[str, np.ndarray]:
        def ask(sentinels: Sentinels) -> list[dict]:
            wanted = filters.is_in("id", [*ids, *sentinels.keys])
            return self._call(self._client.query, name, filter=wanted, output_fields=["vector"])

        def complete(rows: list[dict], sentinels: Sentinels) -> bool:
            return sentinels.are_among([row["id"] for row in rows])

        rows, wanted = self._wholeness.proven(name, ask, complete), set(ids)
        return {row["id"]: np.asarray(row["vector"], dtype=np.float32) for row in rows if row["id"] in wanted}

    def search(
        self,
        vectors: np.ndarray,
        limit: int,
        upto_day: str | None = None,
        kind: str = "tracks",
        own: Sequence[str] | None = None,
    ) -> list[list[Hit]]:
        """For each of the (n, d) vectors its `limit` nearest up to a day, nearest first; ties by id.

        Each list has `limit` hits, or as many as there are vectors. `own` says that query i is the stored vector of the
        song own[i], which then must be among the hits unless `limit` others are just as near. A search that lacks
        something is repeated, and at last raises NightjarError.
        """
        if not 1 <= limit <= MILVUS_MAX_LIMIT:
            raise NightjarError(f"a search for {limit} vectors", f"Milvus gives 1 to {MILVUS_MAX_LIMIT}")
        if not self.exists():
            self._raise_if_own(own, upto_day)
            return [[] for _ in vectors]
        found: list[list[Hit]] = []
        size = max(1, min(MILVUS_BATCH_QUERIES, MILVUS_BATCH_HITS // limit))
        for start in range(0, len(vectors), size):
            part = slice(start, start + size)
            found += self._nearest(kind, vectors[part], limit, upto_day, None if own is None else own[part])
        return found

    def _nearest(
        self, kind: str, vectors: np.ndarray, limit: int, upto_day: str | None, own: Sequence[str] | None
    ) -> list[list[Hit]]:
        name, count = self._readable(kind), len(vectors)

        def ask(sentinels: Sentinels) -> list[list[Hit]]:
            more = sentinels.upto(upto_day).vectors
            queries = np.concatenate([vectors, more]) if len(more) else vectors
            return self._search(name, queries, limit, filters.upto(upto_day).text)

        def complete(lists: list[list[Hit]], sentinels: Sentinels) -> bool:
            expected = limit
            if any(len(hits) != limit for hits in lists):
                expected = min(limit, len(self._some(name, filters.upto(upto_day))[0]))
            if not expected:
                self._raise_if_own(own, upto_day)
            shown = sentinels.upto(upto_day).find_themselves(lists[count:], expected)
            return shown and is_complete(expected, own, lists[:count])

        return self._wholeness.proven(name, ask, complete)[:count]

    def _raise_if_own(self, own: Sequence[str] | None, upto_day: str | None) -> None:
        if own is not None:
            raise NightjarError(f"no vectors of {self.model} up to {upto_day} are loaded", "Run load_vectors")

    def _search(self, name: str, vectors: np.ndarray, limit: int, wanted: str) -> list[list[Hit]]:
        lists = self._call(
            self._client.search,
            name,
            data=list(np.asarray(vectors, dtype=np.float32)),
            limit=limit,
            filter=wanted,
            output_fields=["track_id", "day"],
            search_params=self._milvus.search_params(limit),
        )
        return [sorted(map(hit, hits), key=nearest_first) for hits in lists]

    def day_keys(self, kind: str, day: str, like: Sequence[str] = ()) -> list[str]:
        """The primary keys of a day's vectors, as `names.keys` gives them for rows of the lake; it is quicker where
        they are about `like` these, which are in order."""
        cuts = like[:: MILVUS_MAX_LIMIT // 2][1:]
        return self._keys(self._readable(kind), filters.of_day(day), cuts)

    def _keys(self, name: str, wanted: Filter, cuts: Sequence[str] = ()) -> list[str]:
        """The keys of all rows, by ranges of keys that one answer holds each."""
        found, ranges = [], list(pairwise(["", *cuts, ""]))
        while ranges:
            low, high = ranges.pop()
            keys, all_of_them = self._some(name, wanted.between(low, high))
            if all_of_them:
                found += keys
            else:
                middle = sorted(keys)[len(keys) // 2]
                ranges += [(low, middle), (middle, high)]
        return found

    def _some(self, name: str, wanted: Filter) -> tuple[list[str], bool]:
        """Keys of such rows, and whether they are all: one answer holds MILVUS_MAX_LIMIT rows at most."""

        def complete(rows: list[dict], sentinels: Sentinels) -> bool:
            return len(rows) == MILVUS_MAX_LIMIT or sentinels.are_among([row["id"] for row in rows])

        rows = self._wholeness.proven(name, lambda sentinels: self._rows(name, wanted, sentinels), complete)
        return [row["id"] for row in rows if wanted.holds(row)], len(rows) < MILVUS_MAX_LIMIT

    def _rows(self, name: str, wanted: Filter, sentinels: Sentinels = NONE) -> list[dict]:
        return self._call(
            self._client.query,
            name,
            filter=wanted.or_ids(sentinels.keys),
            output_fields=["track_id", "day"],
            limit=MILVUS_MAX_LIMIT,
        )

    def day_vectors(self, kind: str, day: str) -> Iterator[tuple[list[str], np.ndarray]]:
        """The keys and vectors (n, d) of a day, some thousand at a time; some may lack while a query node joins."""
        size = self._batch(self.collection(kind))
        for page in self._pages(self._readable(kind), filters.of_day(day).text, ["id", "vector"], size):
            yield [row["id"] for row in page], np.asarray([row["vector"] for row in page], dtype=np.float32)

    def other_days(self, kind: str, known: Iterable[str]) -> list[str]:
        """The days of vectors that are of none of the `known` days, in order."""
        name, wanted = self._readable(kind), filters.of_other_days(set(known))
        if not self._some(name, wanted)[0]:
            return []
        found = {row["day"] for page in self._pages(name, wanted.text, ["day"], MILVUS_MAX_LIMIT) for row in page}
        return [day_of(number) for number in sorted(found)]

    def _pages(self, name: str, wanted: str, fields: list[str], size: int) -> Iterator[list[dict]]:
        pages = self._call(
            self._client.query_iterator,
            name,
            filter=wanted,
            output_fields=fields,
            batch_size=size,
        )
        try:
            while page := self._call(pages.next):
                yield page
        finally:
            pages.close()
