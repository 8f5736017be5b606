"""What vectors cost: `python -m tests.bench.vectors [--vectors N] [--searches]`: rows a second, queries a CPU-second.

Into a Milvus server: `bulk.fill`, whole with its checks, plain inserts, and upserts, of several sizes, each until the
vectors can be searched by their index. Out of the server by each of its indexes, of Milvus Lite, and of Faiss in one
thread: at the least setting of each that finds MIN_RECALL of the 10 nearest, batches as VectorStore asks them.
CPU-seconds are the server process's own. Vectors are made to measure: styles, and songs within them.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from deploy.embedded import ports
from deploy.embedded.milvus import MilvusLite
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.servers.milvus import Bucket, MilvusStandalone
from nightjar import schemas
from nightjar.settings import CLOUD_ACCOUNT, FIRST_MODEL, Settings
from nightjar.thresholds import MILVUS_BATCH_BYTES
from nightjar.vectors import bulk
from nightjar.vectors.store import VectorStore
from tests.bench import engines

DAY = "2030-01-01"
DIMENSION = 200
"""As MSD_musicnn's."""
_STYLES, _DIRECTIONS, _STYLE_SHARE = 500, 40, 0.5
"""Songs of a style differ in some directions of the whole; the share is the style's of a vector's length."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.vectors", description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--searches", action="store_true", help="load the vectors once, and only search")
    asked = parser.parse_args()
    count = asked.vectors
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        keys = {"AWS_ACCESS_KEY_ID": "nightjar-bench", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
        names = (*SeaweedFS.port_names, *MilvusStandalone.port_names)
        chosen, data = ports.choose(names, {}), Path(folder)
        objects = SeaweedFS(data, chosen, keys, "milvus")
        server = MilvusStandalone(data, chosen, Bucket(chosen["s3"], "milvus", keys))
        lite = MilvusLite(data, ports.choose(MilvusLite.port_names, chosen | {"milvus": 0}), token="")
        for name in CLOUD_ACCOUNT:
            os.environ.pop(name, None)
        os.environ.update(keys | ports.past_proxies(os.environ))
        settings = Settings(
            s3_endpoint=objects.endpoint, milvus_uri=server.uri, milvus_bucket="milvus", model=FIRST_MODEL
        )
        try:
            for service in (objects, server):
                service.start()
                service.wait()
            vectors = made(count + engines.QUERIES)
            _loads(settings, server, vectors[:count], [(1.0, "inserts")] if asked.searches else LOADS)
            _searches(settings, server, lite, vectors[:count], vectors[count:])
        finally:
            for service in (lite, server, objects):
                service.stop()
    return 0


def made(count: int) -> np.ndarray:
    """Vectors of length 1, (count, DIMENSION) float32."""
    rng = np.random.default_rng(0)
    styles = _unit(rng.standard_normal((_STYLES, DIMENSION)))
    directions = _unit(rng.standard_normal((_DIRECTIONS, DIMENSION)))
    own = _unit(rng.standard_normal((count, _DIRECTIONS)).astype(np.float32) @ directions)
    return _unit(_STYLE_SHARE * styles[rng.integers(0, _STYLES, count)] + (1 - _STYLE_SHARE) * own)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def rows(vectors: np.ndarray) -> pa.Table:
    """As the lake has them."""
    flat = pa.ListArray.from_arrays(np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32), vectors.ravel())
    ids = pa.array([f"song-{number:08d}" for number in range(len(vectors))])
    days = pa.array([DAY]).take(pa.array(np.zeros(len(vectors), np.int32)))
    columns = {"track_id": ids, "day": days, "vector": flat}
    return pa.table({name: columns[name] for name in schemas.TABLES["embeddings"].names}).cast(
        schemas.TABLES["embeddings"]
    )


def _loads(
    settings: Settings, server: MilvusStandalone, vectors: np.ndarray, loads: Iterable[tuple[float, str]]
) -> None:
    """Load a share of the vectors in a way of `WAYS`, one after the other; the last stays."""
    print(f"{'into a Milvus server':<34}{'vectors':>9}{'seconds':>9}{'a second':>10}{'CPU-s':>8}")
    for share, way in loads:
        part = rows(vectors[: int(share * len(vectors))])
        with VectorStore(settings) as store:
            store.milvus.client.drop_collection(store.collection("tracks"))
            before, begun = engines.cpu_seconds(server), time.perf_counter()
            said = WAYS[way](settings, store, part)
            took, used = time.perf_counter() - begun, engines.cpu_seconds(server) - before
        print(f"{way + said:<34}{part.num_rows:>9,}{took:>9.1f}{part.num_rows / took:>10,.0f}{used:>8.1f}", flush=True)


def _bulk(settings: Settings, store: VectorStore, part: pa.Table) -> str:
    bulk.fill(settings, store, "tracks", [part])
    return ""


def _upserts(settings: Settings, store: VectorStore, part: pa.Table) -> str:
    return _written(store, part, lambda: store.upsert("tracks", part))


def _inserts(settings: Settings, store: VectorStore, part: pa.Table) -> str:
    name, client = store.collection("tracks"), store.milvus.client
    vectors, ids = engines.vectors_of(part), part["track_id"].to_pylist()
    size = MILVUS_BATCH_BYTES // (4 * DIMENSION)

    def insert() -> None:
        for start in range(0, len(ids), size):
            some = zip(ids[start : start + size], vectors[start : start + size], strict=True)
            client.insert(name, [{"id": key, "track_id": key, "day": 20300101, "vector": each} for key, each in some])

    return _written(store, part, insert)


def _written(store: VectorStore, part: pa.Table, write: Callable[[], None]) -> str:
    """Write into a new collection, and wait for the index; says what the writing itself took."""
    name = store.collection("tracks")
    store.create(name, DIMENSION)
    begun = time.perf_counter()
    write()
    took = time.perf_counter() - begun
    store.milvus.client.flush(name, timeout=600)
    engines.wait_for_index(store.milvus.client, name, part.num_rows)
    store.milvus.client.load_collection(name, timeout=600)
    return f" (written in {took:.1f} s)"


WAYS = {"bulk import, checked": _bulk, "inserts": _inserts, "upserts": _upserts}
LOADS = [(share, way) for share in (0.02, 0.2, 1.0) for way in WAYS]


def _searches(
    settings: Settings, server: MilvusStandalone, lite: MilvusLite, vectors: np.ndarray, queries: np.ndarray
) -> None:
    nearest = engines.exact(vectors, queries)
    print(f"\n{'queries at recall@10 >= 0.95':<34}{'setting':>16}{'recall':>8}{'a CPU-s':>9}")
    for engine in engines.all_of(settings, server, lite, vectors):
        setting, recall, rate = engines.measured(engine, queries, nearest)
        print(f"{engine.name:<34}{setting:>16}{recall:>8.3f}{rate:>9,.0f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
