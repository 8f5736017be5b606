"""A second model for tests: what the embedder would make of the live one's days, with vectors turned or shortened."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.embed.steps import TABLES
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings

TURNED, SHORT = "turned-1", "short-1"
"""Of the live model's dimension, with the same cosines; and of another one."""


def turned(vectors: np.ndarray, model: str) -> np.ndarray:
    """The vectors (n, d) of a model, from those of the live one."""
    size = vectors.shape[1] // 2 if model == SHORT else vectors.shape[1]
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((vectors.shape[1],) * 2))[0][:, :size]
    made = vectors @ turn
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


class Runner:
    """Stands for the embedder: it is tested on its own."""

    fail_on: str = ""
    """A day on which it dies."""
    ran: list[tuple[str, int, str]] = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None:
        assert like, "a candidate follows the live model"
        if day == self.fail_on:
            raise KeyboardInterrupt
        self.ran.append((day, shard, like))
        lake = Lake(self._settings)
        for table in TABLES:
            rows = lake.read_part(Partition(table, day, like), shard)
            if table in ("embeddings", "windows") and rows.num_rows:
                vectors = np.stack(rows["vector"].to_numpy(zero_copy_only=False))
                made = pa.array(list(turned(vectors, self._settings.model)), pa.list_(pa.float32()))
                rows = rows.set_column(rows.column_names.index("vector"), "vector", made)
            lake.write_part(Partition(table, day, self._settings.model), shard, rows)


def without(lake: Lake, day: str, model: str, track_id: str) -> None:
    """Let the model's day lose a song, as a run of it on fewer tracks would."""
    for table in TABLES:
        rows = lake.read(Partition(table, day, model))
        lake.write(Partition(table, day, model), rows.filter(pc.not_equal(rows["track_id"], track_id)))
