"""What a forkserver imports and compiles once for all publishers that it starts."""

from __future__ import annotations

import pyarrow as pa

from nightjar.publish import packed
from tests.nightjar.publish import lists

assert lists
packed.pack(
    pa.table(
        {
            "user_id": pa.array(["a"]).dictionary_encode(),
            "track_id": pa.array(["b"]).dictionary_encode(),
            "score": pa.array([1.0], pa.float32()),
        }
    )
)
