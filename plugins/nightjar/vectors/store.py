"""Vectors in Milvus behind a few calls.

One collection per kind and model: `tracks__<model>` with one vector a song, `windows__<model>` with one every few
seconds. Both have the fields `id` (primary key), `track_id`, `day` (20261120) and `vector` (L2-normalised; metric
cosine). The aliases `tracks` and `windows` name the live model's collections for whoever reads from outside; inside,
vectors are always read and written under their model's own name, so that filling a new model never touches the old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import pyarrow as pa
from pymilvus import DataType, MilvusClient

from nightjar import days
from nightjar.errors import NightjarError
from nightjar.ingest.names import is_track_id
from nightjar.settings import Settings
from nightjar.thresholds import (
    MILVUS_BATCH_BYTES,
    MILVUS_BATCH_IDS,
    MILVUS_BATCH_QUERIES,
    MILVUS_MAX_LIMIT,
)
from nightjar.vectors import filters, names
from nightjar.vectors.connection import Connection
from nightjar.vectors.hits import Hit, day_of, hit, is_complete, nearest_first
from nightjar.vectors.names import KINDS
from nightjar.vectors.wholeness import Wholeness

_Answer = TypeVar("_Answer")
_MAX_ID = 64  # a track id's longest, see nightjar.schemas


class VectorStore:
    """One model's vectors. Reads see every write before them. Raises NightjarError where Milvus cannot answer."""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.model
        self._milvus = Connection(settings)
        self._client, self._call = self._milvus.client, self._milvus.call
        self._wholeness = Wholeness(self._milvus)
        self._loaded: set[str] = set()

    @property
    def milvus(self) -> Connection:
        """The connection, for what is done to collections as wholes."""
        return self._milvus

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- collections --------------------------------------------------------------------------------------------------
    def collection(self, kind: str) -> str:
        """The name of this model's collection of `kind`."""
        return names.collection(kind, self.model)

    def ensure(self, dimension: int) -> None:
        """Have this model's collections, loaded. The aliases stay where they are.

        Raises NightjarError if they exist for vectors of another dimension.
        """
        for kind in KINDS:
            name = self.collection(kind)
            if not self._call(self._client.has_collection, name):
                self._create(name, dimension)
            elif not self._call(self._client.list_indexes, name):  # whoever made it was killed in between
                self._call(self._client.create_index, name, self._index())
            found = self._dimension(name)
            if found != dimension:
                raise NightjarError(
                    f"{name} holds vectors of dimension {found}, these have {dimension}",
                    "A model whose output changed needs a new name: set NIGHTJAR_MODEL",
                )
            self._milvus.load(name)

    def create(self, name: str, dimension: int) -> None:
        """Make an empty collection as this model's are, under another name; one of that name is dropped."""
        self._call(self._client.drop_collection, name)
        self._create(name, dimension)

    def exists(self) -> bool:
        """Whether this model has collections."""
        return all(self._call(self._client.has_collection, self.collection(kind)) for kind in KINDS)

    def is_live(self) -> bool:
        """Whether the aliases point to this model's collections."""
        return all(self._live(kind) == self.collection(kind) for kind in KINDS)

    def make_live(self) -> None:
        """Move the aliases to this model's collections. Raises NightjarError if it has none."""
        if not self.exists():
            raise NightjarError(f"no vectors of {self.model} are loaded", f"Run nightjar model fill {self.model}")
        for kind in KINDS:
            move = self._client.alter_alias if self._live(kind) else self._client.create_alias
            self._call(move, self.collection(kind), kind)

    def models(self) -> list[str]:
        """The models that have collections, in order."""
        return sorted({each for name in self._call(self._client.list_collections) if (each := names.model(name))})

    def _live(self, kind: str) -> str | None:
        """The collection behind the alias `kind`."""
        for name in self._call(self._client.list_collections):
            if kind in self._call(self._client.list_aliases, name).get("aliases", []):
                return name
        return None

    def _create(self, name: str, dimension: int) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=_MAX_ID + 8)
        schema.add_field("track_id", DataType.VARCHAR, max_length=_MAX_ID)
        schema.add_field("day", DataType.INT32)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        self._call(self._client.create_collection, name, schema=schema, consistency_level="Strong")
        self._call(self._client.create_index, name, self._index())  # apart: with the collection it would load that once

    def _index(self):
        index = MilvusClient.prepare_index_params()
        # Lite is exact with FLAT and rebuilds any graph whenever it opens; a server picks a graph index by itself.
        index.add_index("vector", index_type="FLAT" if self._milvus.lite else "AUTOINDEX", metric_type="COSINE")
        return index

    def _dimension(self, name: str) -> int:
        fields = self._call(self._client.describe_collection, name)["fields"]
        return next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")

    def _readable(self, kind: str) -> str:
        """The name of this model's collection of `kind`, which Milvus has in memory: a restarted one may not."""
        name = self.collection(kind)
        self._load(name)
        return name

    def _load(self, name: str) -> None:
        if name not in self._loaded:
            self._milvus.load(name)
            self._loaded.add(name)

    def _whole(
        self, name: str, ask: Callable[[], _Answer], complete: Callable[[_Answer], bool] = lambda _: True
    ) -> _Answer:
        """The first answer from all of the collection's vectors, and `complete`. Raises NightjarError."""
        whole = self._wholeness.holds
        return self._milvus.until(lambda answer: complete(answer) and whole(name), ask, f"a search in {name}")

    def _count(self, name: str, wanted: str) -> int:
        ask = partial(self._call, self._client.query, name, filter=wanted, output_fields=["count(*)"])
        return int(self._whole(name, ask)[0]["count(*)"])

    # --- writing ------------------------------------------------------------------------------------------------------
    def upsert(self, kind: str, rows: pa.Table) -> None:
        """Write rows of the table `embeddings` (for kind tracks) or `windows`; a row of the same key is replaced."""
        name = self.collection(kind)
        self._wholeness.written(name)
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
        return min(MILVUS_MAX_LIMIT, max(1, MILVUS_BATCH_BYTES // (4 * self._dimension(name) + 4 * _MAX_ID)))

    def delete_day_except(self, kind: str, day: str, rows: pa.Table) -> int:
        """Remove the vectors of `day` that `rows` (as for `upsert`) do not have; returns how many there were."""
        keep = set(names.keys(kind, rows))
        gone = [key for key in self.day_keys(kind, day) if key not in keep]
        self._wholeness.written(self.collection(kind))
        for ids in filters.batches(gone, MILVUS_BATCH_IDS):
            self._call(self._client.delete, self.collection(kind), ids=ids)
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
                wanted = filters.is_in("track_id", ids)
                removed += self._count(name, wanted)
                self._wholeness.written(name)
                self._whole(name, partial(self._call, self._client.delete, name, filter=wanted))  # it searches, too
        return removed

    # --- reading ------------------------------------------------------------------------------------------------------
    def count(self, kind: str = "tracks", day: str | None = None, upto_day: str | None = None) -> int:
        """How many vectors there are: in all, of one day, or of the days up to one; 0 before the first load."""
        if not self.exists():
            return 0
        wanted = filters.of_day(day) if day else filters.upto(upto_day)
        return self._count(self._readable(kind), wanted)

    def vectors_of(self, keys: Sequence[str], kind: str = "tracks") -> dict[str, np.ndarray]:
        """The vectors of songs, or of windows by their keys, (d,) float32 each; what is not loaded is left out."""
        found = {}
        for ids in filters.batches(list(keys), MILVUS_BATCH_IDS):
            name, wanted = self._readable(kind), filters.is_in("id", ids)
            ask = partial(self._call, self._client.query, name, filter=wanted, output_fields=["vector"])
            rows = self._whole(name, ask)
            found |= {row["id"]: np.asarray(row["vector"], dtype=np.float32) for row in rows}
        return found

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
        if not len(vectors):
            return []
        expected = min(limit, self.count(kind, upto_day=upto_day))
        if not expected and own is None:
            return [[] for _ in vectors]
        if not expected:
            raise NightjarError(f"no vectors of {self.model} up to {upto_day} are loaded", "Run load_vectors")
        found: list[list[Hit]] = []
        for start in range(0, len(vectors), MILVUS_BATCH_QUERIES):
            part = slice(start, start + MILVUS_BATCH_QUERIES)
            ask = partial(self._search, kind, vectors[part], expected, filters.upto(upto_day))
            complete = partial(is_complete, expected, None if own is None else own[part])
            found += self._whole(self.collection(kind), ask, complete)
        return found

    def _search(self, kind: str, vectors: np.ndarray, limit: int, wanted: str) -> list[list[Hit]]:
        lists = self._call(
            self._client.search,
            self._readable(kind),
            data=list(np.asarray(vectors, dtype=np.float32)),
            limit=limit,
            filter=wanted,
            output_fields=["track_id", "day"],
            search_params=self._milvus.search_params(limit),
        )
        return [sorted(map(hit, hits), key=nearest_first) for hits in lists]

    def day_keys(self, kind: str, day: str) -> list[str]:
        """The primary keys of a day's vectors, as `names.keys` gives them for rows of the lake."""
        pages = partial(self._pages, kind, filters.of_day(day), ["id"], MILVUS_MAX_LIMIT)
        return self._whole(self._readable(kind), lambda: [row["id"] for page in pages() for row in page])

    def day_vectors(self, kind: str, day: str) -> Iterator[tuple[list[str], np.ndarray]]:
        """The keys and vectors (n, d) of a day, some thousand at a time; some may lack while a query node joins."""
        size = self._batch(self.collection(kind))
        for page in self._pages(kind, filters.of_day(day), ["id", "vector"], size):
            yield [row["id"] for row in page], np.asarray([row["vector"] for row in page], dtype=np.float32)

    def other_days(self, kind: str, known: Iterable[str]) -> list[str]:
        """The days of vectors that are of none of the `known` days, in order."""
        numbers = ", ".join(str(days.number(day)) for day in known)
        pages = partial(self._pages, kind, f"day not in [{numbers}]" if numbers else "", ["day"], MILVUS_MAX_LIMIT)
        found = self._whole(self._readable(kind), lambda: {row["day"] for page in pages() for row in page})
        return [day_of(number) for number in sorted(found)]

    def _pages(self, kind: str, wanted: str, fields: list[str], size: int) -> Iterator[list[dict]]:
        pages = self._call(
            self._client.query_iterator,
            self._readable(kind),
            filter=wanted,
            output_fields=fields,
            batch_size=size,
        )
        try:
            while page := self._call(pages.next):
                yield page
        finally:
            pages.close()
