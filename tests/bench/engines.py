"""What answers searches for `tests.bench.vectors`: a Milvus server by each of its indexes, Milvus Lite, Faiss."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pymilvus import DataType, MilvusClient

from deploy.embedded.milvus import MilvusLite
from deploy.embedded.service import Service
from nightjar.settings import Settings
from nightjar.thresholds import MILVUS_BATCH_QUERIES, MIN_RECALL, RECALL_AT
from nightjar.vectors.connection import GRPC_OPTIONS
from nightjar.vectors.store import VectorStore

QUERIES = 1024
_TIMED_S = 3.0
"""So many CPU-seconds at least, unless all queries were asked ten times."""
_PROBES = (4, 8, 16, 32, 64, 128, 256)
_BREADTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 512)


@dataclass(frozen=True)
class Engine:
    """`search` gives for (n, d) queries the (n, RECALL_AT) numbers of vectors found, by one of the `settings`."""

    name: str
    settings: tuple[tuple[str, object], ...]
    search: Callable[[np.ndarray, object], np.ndarray]
    cpu: Callable[[], float]


def cpu_seconds(service: Service) -> float:
    """What a server's process has used up to now, of all cores."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def vectors_of(rows: pa.Table) -> np.ndarray:
    """(n, d) float32."""
    return rows["vector"].combine_chunks().flatten().to_numpy().reshape(rows.num_rows, -1)


def exact(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The numbers of the nearest, by comparing with all."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index.search(queries, RECALL_AT)[1]


def measured(engine: Engine, queries: np.ndarray, nearest: np.ndarray) -> tuple[str, float, float]:
    """The least setting that finds enough (else the last), its recall, and queries a CPU-second."""
    best: tuple[str, object, float] = ("", None, 0.0)
    for setting, value in engine.settings:
        found = engine.search(queries, value)
        shares = [len(set(a) & set(b)) / RECALL_AT for a, b in zip(found.tolist(), nearest.tolist(), strict=True)]
        best = setting, value, float(np.mean(shares))
        if best[2] >= MIN_RECALL:
            break
    before, asked = engine.cpu(), 0
    while engine.cpu() - before < _TIMED_S and asked < 10 * len(queries):
        for start in range(0, len(queries), MILVUS_BATCH_QUERIES):
            engine.search(queries[start : start + MILVUS_BATCH_QUERIES], best[1])
        asked += len(queries)
    return best[0], best[2], asked / (engine.cpu() - before)


def wait_for_index(client: MilvusClient, name: str, rows: int) -> None:
    while True:
        seen = client.describe_index(name, "vector")
        if int(seen["total_rows"]) >= rows and not int(seen["pending_index_rows"]):
            return
        time.sleep(0.2)


def all_of(settings: Settings, server: Service, lite: MilvusLite, vectors: np.ndarray) -> Iterator[Engine]:
    """Each when it is built, which the one before it need not be any more; `server` holds the vectors already."""
    yield from _faiss(vectors)
    with VectorStore(settings) as store:
        yield from _server(store.milvus.client, store.collection("tracks"), server, len(vectors))
    server.stop()
    lite.start()
    lite.wait()
    yield from _lite(lite, vectors)


def _faiss(vectors: np.ndarray) -> Iterator[Engine]:
    import faiss

    faiss.omp_set_num_threads(1)
    size, lists = vectors.shape[1], _lists(len(vectors))
    inner = faiss.METRIC_INNER_PRODUCT
    flat = faiss.IndexFlatIP(size)
    flat.add(vectors)
    yield Engine("Faiss, all", (("", None),), lambda asked, _: flat.search(asked, RECALL_AT)[1], time.process_time)
    ivf = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, lists, inner)
    ivf.train(vectors[np.random.default_rng(0).permutation(len(vectors))[: 40 * lists]])
    ivf.add(vectors)

    def by_lists(asked: np.ndarray, probes: object) -> np.ndarray:
        ivf.nprobe = probes
        return ivf.search(asked, RECALL_AT)[1]

    yield Engine("Faiss, IVF", _steps("nprobe", _PROBES), by_lists, time.process_time)
    graph = faiss.IndexHNSWFlat(size, 18, inner)
    graph.hnsw.efConstruction = 240
    graph.add(vectors)

    def by_graph(asked: np.ndarray, breadth: object) -> np.ndarray:
        graph.hnsw.efSearch = breadth
        return graph.search(asked, RECALL_AT)[1]

    yield Engine("Faiss, HNSW", _steps("ef", _BREADTHS), by_graph, time.process_time)


def _server(client: MilvusClient, name: str, server: Service, rows: int) -> Iterator[Engine]:
    lists = {"nlist": _lists(rows)}
    for kind, build, key, steps in (
        ("AUTOINDEX", {}, "level", (1,)),
        ("HNSW", {"M": 18, "efConstruction": 240}, "ef", _BREADTHS),
        ("IVF_FLAT", lists, "nprobe", _PROBES),
        ("IVF_SQ8", lists, "nprobe", _PROBES),
    ):
        if kind != "AUTOINDEX":  # the vectors were loaded with it
            client.release_collection(name)
            client.drop_index(name, "vector")
            index = MilvusClient.prepare_index_params()
            index.add_index("vector", index_type=kind, metric_type="COSINE", params=build)
            client.create_index(name, index)
            wait_for_index(client, name, rows)
            client.load_collection(name, timeout=600)

        def search(asked: np.ndarray, value: object, key: str = key) -> np.ndarray:
            return _milvus(client, name, asked, {key: value})

        yield Engine(f"Milvus server, {kind}", _steps(key, steps), search, lambda: cpu_seconds(server))


def _lite(lite: MilvusLite, vectors: np.ndarray) -> Iterator[Engine]:
    client = MilvusClient(lite.uri, timeout=600, grpc_options=GRPC_OPTIONS)
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=72)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    for kind, build, steps in (
        ("FLAT", {}, (("", {}),)),
        ("IVF_FLAT", {"nlist": _lists(len(vectors))}, tuple((f"nprobe {each}", {"nprobe": each}) for each in _PROBES)),
    ):
        client.drop_collection("bench")
        client.create_collection("bench", schema=schema)
        for start in range(0, len(vectors), 10_000):
            some = enumerate(vectors[start : start + 10_000], start)
            client.insert("bench", [{"id": f"song-{number:08d}", "vector": each} for number, each in some])
        client.flush("bench")
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type=kind, metric_type="COSINE", params=build)
        client.create_index("bench", index)
        client.load_collection("bench")
        yield Engine(
            f"Milvus Lite, {kind}",
            steps,
            lambda asked, params: _milvus(client, "bench", asked, params),
            lambda: cpu_seconds(lite),
        )
    client.close()


def _milvus(client: MilvusClient, name: str, asked: np.ndarray, params: dict) -> np.ndarray:
    said = {"metric_type": "COSINE", "params": params}
    found = []
    for start in range(0, len(asked), MILVUS_BATCH_QUERIES):
        part = list(asked[start : start + MILVUS_BATCH_QUERIES])
        lists = client.search(name, data=part, limit=RECALL_AT, search_params=said)
        found += [[int(hit["id"][-8:]) for hit in hits] for hits in lists]
    return np.array(found)


def _steps(name: str, values: tuple[int, ...]) -> tuple[tuple[str, object], ...]:
    return tuple((f"{name} {each}", each) for each in values)


def _lists(rows: int) -> int:
    """Four times the square root, as Faiss and Milvus advise."""
    return int(4 * rows**0.5)
