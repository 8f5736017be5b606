"""Whether a collection that was filled anew holds what was written, each key once, and finds what is nearest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa

from nightjar.errors import NightjarError
from nightjar.models.exact import Nearest
from nightjar.thresholds import CHECK_SONGS, MILVUS_BATCH_QUERIES, MILVUS_MAX_LIMIT, MIN_RECALL, RECALL_AT
from nightjar.vectors.connection import Connection


class Written:
    """What was given to a server: files, hashes of the keys (8 bytes each), and a sample of rows to search for."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.keys: list[np.ndarray] = []
        self._sample: list[tuple[list[str], np.ndarray]] = []

    @property
    def rows(self) -> int:
        return sum(len(each) for each in self.keys)

    def add(self, file: str, keys: list[str], rows: pa.Table) -> None:
        """Rows that `file` holds, with their keys."""
        self.files.append(file)
        self.keys.append(_hashes(keys))
        places = _even(len(keys), CHECK_SONGS)
        self._sample.append(([keys[at] for at in places], np.stack(rows["vector"].take(places).to_pylist())))

    def raise_if_twice(self, name: str) -> None:
        """Raises NightjarError if two of the rows have the same key."""
        if twice := self.rows - len(np.unique(np.concatenate(self.keys))):
            raise NightjarError(
                f"{name} would hold {twice} keys twice: two days have the same song", "See nightjar rerun"
            )

    def sample(self) -> tuple[list[str], np.ndarray]:
        """Keys and vectors (n, d) float32 of up to CHECK_SONGS rows, evenly of all files."""
        keys = [key for some, _ in self._sample for key in some]
        chosen = _even(len(keys), CHECK_SONGS)
        vectors = np.concatenate([vectors for _, vectors in self._sample])
        return [keys[at] for at in chosen], vectors[chosen].astype(np.float32)


def check(milvus: Connection, name: str, written: Written, read: Callable[[], Iterable[pa.Table]]) -> float:
    """The recall of searches in the collection `name`, by exact search over the rows (id, vector) that `read` gives.

    Raises NightjarError if it has another number of rows than were written, or other keys, or finds too little.
    """
    _check_keys(milvus, name, written)
    keys, queries = written.sample()
    hits = [
        [key for key in found if key != own][:RECALL_AT]
        for own, found in zip(keys, _search(milvus, name, queries), strict=True)
    ]
    nearest = Nearest(keys, queries, RECALL_AT, hits)
    for rows in read():
        vectors = rows["vector"].combine_chunks().flatten().to_numpy().reshape(rows.num_rows, -1)
        nearest.show(rows["id"].to_pylist(), vectors)
    recall = nearest.recall()
    if recall is not None and recall < MIN_RECALL:
        raise NightjarError(
            f"searches in {name} find {recall:.0%} of what is nearest, not {MIN_RECALL:.0%}",
            "Run it again; if it stays, look at the collection's index",
        )
    return 1.0 if recall is None else recall


def _check_keys(milvus: Connection, name: str, written: Written) -> None:
    """Counts show a key that is there twice, since reading gives it once; the sum of hashes one that was replaced."""
    found = milvus.call(milvus.client.query, name, filter="", output_fields=["count(*)"])
    count, read, total = int(found[0]["count(*)"]), 0, 0
    pages = milvus.call(milvus.client.query_iterator, name, output_fields=["id"], batch_size=MILVUS_MAX_LIMIT)
    try:
        while page := milvus.call(pages.next):
            read += len(page)
            total = _sum(_hashes([row["id"] for row in page]), total)
    finally:
        pages.close()
    wanted = _sum(np.concatenate(written.keys))
    if count != written.rows or read != count or total != wanted:
        raise NightjarError(
            f"{name} holds {count} rows of {read} keys, {'other' if total != wanted else 'not the'} "
            f"{written.rows} that were written",
            "Run it again, alone",
        )


def _search(milvus: Connection, name: str, queries: np.ndarray) -> list[list[str]]:
    found: list[list[str]] = []
    for start in range(0, len(queries), MILVUS_BATCH_QUERIES):
        part = list(queries[start : start + MILVUS_BATCH_QUERIES])
        params = milvus.search_params(RECALL_AT + 1)
        lists = milvus.call(milvus.client.search, name, data=part, limit=RECALL_AT + 1, search_params=params)
        found += [[hit["id"] for hit in hits] for hits in lists]
    return found


def _hashes(keys: Sequence[str]) -> np.ndarray:
    """8 bytes of each key, (n,) uint64."""
    return np.frombuffer(b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys), np.uint64)


def _sum(hashes: np.ndarray, before: int = 0) -> int:
    """Whatever their order, in 8 bytes."""
    return (before + int(hashes.sum(dtype=np.uint64))) % 2**64


def _even(count: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
