"""What sweeping a night costs as the library grows: `python -m tests.bench.sweep [--library N,N,...] [--new N]`.

The same new songs are swept by the real `sweep_duplicates` against libraries of several sizes, in a real object store;
each sweep has a process of its own, so that its peak memory is its own. The library is made to measure (see `library`).
Three things are apart:

- the sweep by prints: the index, and the verdicts on what it proposes; without what vectors propose;
- vectors: what Milvus Lite, which compares each with all, takes for a sample of the new songs, and how many candidates
  it gives; for libraries up to `--vectors` songs only, since larger ones take it too long to load;
- the exact scan, the alternative to any index: a sample of pairs compared by `Query.best`, times the number of pairs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from deploy.embedded import ports
from deploy.embedded.milvus import MilvusLite
from deploy.embedded.seaweedfs import SeaweedFS
from nightjar.duplicates import candidates, proposals
from nightjar.duplicates.library import Library, prints_at_speeds
from nightjar.duplicates.match import Query
from nightjar.lake import Lake, Partition
from nightjar.settings import CLOUD_ACCOUNT, FIRST_MODEL, Settings
from nightjar.vectors.store import VectorStore
from tests.bench.library import DAY_SONGS, NEW_DAY, Maker
from tests.bench.stages import measured

_SAMPLE_SONGS, _SAMPLE_LIBRARY = 20, 500
"""New songs, and songs of the library, that the exact scan is measured with."""
_SAMPLE_VECTORS = 64
"""New songs whose vectors are searched for."""


def main() -> int:
    asked = _arguments()
    if asked.measure:
        logging.basicConfig(level=logging.ERROR)
        measure = {"sweep": _sweep, "scan": _scan, "vectors": _vectors}[asked.measure]
        print(json.dumps(measure(Settings.load(dict(os.environ)))))
        return 0
    sizes = sorted(int(size) for size in asked.library.split(","))
    if any(size % DAY_SONGS for size in sizes):
        raise SystemExit(f"sizes of libraries must be multiples of {DAY_SONGS}, the songs of a day")
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        _serve(Path(folder), asked, sizes)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sweep", description=__doc__.splitlines()[0])
    parser.add_argument("--library", default="10000,100000,1000000", help="songs of the libraries")
    parser.add_argument("--new", type=int, default=10_000, help="songs of the night")
    parser.add_argument("--seconds", type=float, default=40, help="length of a song")
    parser.add_argument("--vectors", type=int, default=10_000, help="the largest library to be loaded into Milvus Lite")
    parser.add_argument("--measure", choices=("sweep", "scan", "vectors"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _serve(folder: Path, asked: argparse.Namespace, sizes: list[int]) -> None:
    """Start the servers, let the library grow, and measure at each size."""
    keys = {"AWS_ACCESS_KEY_ID": "nightjar-bench", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
    chosen = ports.choose((*SeaweedFS.port_names, *MilvusLite.port_names), {})
    store, milvus = SeaweedFS(folder, chosen, keys, "nightjar"), MilvusLite(folder, chosen, token="")
    settings = Settings(s3_endpoint=store.endpoint, milvus_uri=milvus.uri, model=FIRST_MODEL)
    for name in CLOUD_ACCOUNT:
        os.environ.pop(name, None)
    os.environ.update(keys | settings.environment() | ports.past_proxies(os.environ))
    try:
        for service in (store, milvus):
            service.start()
            service.wait()
        _grow(Maker(settings, round((asked.seconds - 2.7) / 0.1238)), asked, sizes)
    finally:
        for service in (store, milvus):
            service.stop()


def _grow(maker: Maker, asked: argparse.Namespace, sizes: list[int]) -> None:
    settings, lake = maker.settings, Lake(maker.settings)
    copies, days = maker.new_day(asked.new), 0
    print(f"{asked.new:,} new songs of {maker.words} words at all speeds, {copies:,} of them copies\n", flush=True)
    rows = []
    for size in sizes:
        begun = time.perf_counter()
        with VectorStore(settings) as vectors:
            for days in range(days, size // DAY_SONGS):  # noqa: B020 - goes on where the last size ended
                day = maker.library_day(days)
                proposals._write_keys(lake, settings.model, day)
                if size <= asked.vectors:
                    _load(maker, vectors, day)
        days = size // DAY_SONGS
        made = time.perf_counter() - begun
        found = _child("sweep") | {"library": size}
        if size == sizes[0]:
            scan = _child("scan")["rate"]
        found |= {"scan": asked.new * size / scan}
        found |= _child("vectors") if size <= asked.vectors else {}
        rows.append(found)
        _print(found, asked.new, copies, made)
    _print_margins(rows, asked.new)


def _load(maker: Maker, vectors: VectorStore, day: str) -> None:
    """Load the song vectors of a day into Milvus."""
    names = Lake(maker.settings).read(Partition("tracks", day), ["track_id"])["track_id"].to_pylist()
    rows = maker.vectors(day, names)
    vectors.ensure(len(rows["vector"][0]))
    vectors.upsert("tracks", rows)


def _child(measure: str) -> dict:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "tests.bench.sweep", "--measure", measure]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# --- in processes of their own ----------------------------------------------------------------------------------------
def _sweep(settings: Settings) -> dict:
    """One sweep by prints, whose traces are removed again."""
    found = measured(settings, NEW_DAY)
    lake = Lake(settings)
    for table in ("duplicate_pairs", "duplicate_groups", "print_keys"):
        lake.remove(Partition(table, NEW_DAY, settings.model))
    return found


def _scan(settings: Settings) -> dict:
    """Comparisons a second of the exact scan, on one core."""
    lake = Lake(settings)
    day = lake.days("fingerprints", model=settings.model)[0]
    older = lake.read(Partition("fingerprints", day, settings.model), ["mix"])["mix"][:_SAMPLE_LIBRARY]
    older = older.to_numpy(zero_copy_only=False)
    wanted = Library.read(lake, [NEW_DAY]).of_day(NEW_DAY)[-_SAMPLE_SONGS:]
    new = next(prints_at_speeds(lake, settings.model, NEW_DAY, set(wanted), 1))
    queries = [Query([song.mix, *(each.mix for each in song.speeds)]) for song in new.values()]
    queries[0].best(older[0])
    begun = time.process_time()
    for query in queries:
        for mix in older:
            query.best(mix)
    return {"rate": len(queries) * len(older) / (time.process_time() - begun)}


def _vectors(settings: Settings) -> dict:
    """Seconds that Milvus takes for a new song, and the candidates that it gives."""
    rows = Lake(settings).read(Partition("embeddings", NEW_DAY, settings.model))
    chosen = rows.take(np.linspace(0, rows.num_rows - 1, min(_SAMPLE_VECTORS, rows.num_rows)).astype(int))
    with VectorStore(settings) as store:
        store.delete_day_except("tracks", NEW_DAY, chosen)
        store.upsert("tracks", chosen)  # a search starts from stored vectors
        begun = time.perf_counter()
        found = candidates.find(store, "tracks", chosen, NEW_DAY, [])
        seconds = time.perf_counter() - begun
        store.delete_tracks(chosen["track_id"].to_pylist())
    return {"vector_s": seconds / chosen.num_rows, "vector_candidates": len(found) / chosen.num_rows}


# --- the table --------------------------------------------------------------------------------------------------------
def _print(found: dict, new: int, copies: int, made: float) -> None:
    library, compared = found["library"], found["summary"]["candidates"]
    print(f"--- {library:,} songs in the library (made in {made:.0f} s) ---")
    print(f"{'by prints':<56}{'seconds':>9}{'processor s':>13}")
    for stage, (wall, processor) in [*found["stages"].items(), ("in all", found["seconds"])]:
        print(f"  {stage:<54}{wall:9.2f}{processor:13.2f}")
    right = sum(found["summary"][kind] for kind in ("duplicate", "altered", "fragment"))
    print(f"  {found['peak_mb']:,.0f} MB at most; {compared:,} pairs compared of {new * library:,}; ", end="")
    print(f"{right:,} pairs found, {copies:,} are true")
    verdict = found["stages"]["verdicts"][1] / max(1, compared)
    if "vector_s" in found:
        near, asking = found["vector_candidates"] * new, found["vector_s"] * new
        print(f"{'by song vectors, Milvus Lite, from a sample':<56}{asking:9.1f}")
        print(f"  {f'verdicts on {near:,.0f} candidates, at what one cost above':<63}{near * verdict:13.1f}")
    else:
        print("by song vectors: not measured")
    print(f"{'exact scan on one core, from a sample':<65}{found['scan']:13.0f}\n", flush=True)


def _print_margins(rows: list[dict], new: int) -> None:
    for less, more in pairwise(rows):
        songs = more["library"] - less["library"]
        (wall, processor), scan = np.subtract(more["seconds"], less["seconds"]), more["scan"] - less["scan"]
        print(f"each further song between {less['library']:,} and {more['library']:,}, for {new:,} new ones:", end=" ")
        print(f"{1e6 * wall / songs:.0f} us ({1e6 * processor / songs:.0f} of the processor's) and", end=" ")
        print(f"{1e6 * (more['peak_mb'] - less['peak_mb']) / songs:.0f} bytes", end=" ")
        print(f"by prints; {1e6 * scan / songs:,.0f} us by an exact scan")


if __name__ == "__main__":
    sys.exit(main())
