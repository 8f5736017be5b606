"""Lists for a million people: `python -m tests.bench.rank [--users N,N,...] [--songs N]`.

Made-up songs in clusters, each with 100 neighbours, most of them in its own; people with 50 seeds of four clusters; one
song in 20 fresh, ten of an uploader and ten of an artist. They are ranked shard by shard, two at a time as two Airflow
tasks would be, and all invariants asserted. Beside it, on the same table and seeds, a sample by `implicit`'s
ItemItemRecommender.recommend, which scores and leaves out what was heard, and does no more. Seconds of ours are wall
time of two cores; ratios are of one core's time per person, each the best of three on the same people.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

from nightjar.recommend import invariants, ranking, tables
from nightjar.recommend.cold import Cold
from nightjar.recommend.library import Library
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.quantized import WIDTH, quantize, room
from nightjar.recommend.ranking import Context, Users
from nightjar.recommend.related import Relations
from nightjar.recommend.score import Found, block, candidates, clear, signed
from nightjar.thresholds import COLD_POOL, NEIGHBOURS_PER_SEED, SEEDS_PER_USER

CLUSTER = 2000
"""Songs that are played together."""
STRAY = 0.2
"""Share of a song's neighbours that are of any cluster."""
TASTES = 4
"""Clusters that one person plays."""
SHARD = 50_000
SAMPLE = 4000
"""People of whom the time of one core is taken."""
_SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", default="10000,100000,1000000")
    parser.add_argument("--songs", type=int, default=1_000_000)
    asked = parser.parse_args()
    context = world(asked.songs)
    ranking.rank(context, people(asked.songs, 10, 0))  # compiles
    _compare(context, people(asked.songs, SAMPLE, 1))
    for number in map(int, asked.users.split(",")):
        begun = time.perf_counter()
        with ThreadPoolExecutor(2) as cores:
            shards = [(shard, min(SHARD, number - shard)) for shard in range(0, number, SHARD)]
            entries = sum(cores.map(lambda shard: _shard(context, *shard), shards))
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{number:>9,} people: {seconds:6.1f} s, {1e6 * seconds / number:5.0f} us a person, ", end="")
        print(f"{entries / number:.1f} songs a list, {peak:.1f} GB at most", flush=True)


def world(size: int) -> Context:
    """The same size gives the same songs."""
    rng = np.random.default_rng(_SEED)
    cluster = np.arange(size) // CLUSTER
    songs = cluster[:, None] * CLUSTER + rng.integers(0, CLUSTER, (size, NEIGHBOURS_PER_SEED), dtype=np.int32)
    stray = rng.random(songs.shape, np.float32) < STRAY
    songs[stray] = rng.integers(0, size, int(stray.sum()))
    songs = np.sort(np.minimum(songs, size - 1).astype(np.int32), axis=1)
    says = 0.05 * rng.random(songs.shape, np.float32) ** 3
    tastes = room(size)
    tastes[:] = rng.integers(-60, 60, tastes.shape, np.int8)
    starts = np.arange(size + 1, dtype=np.int64) * NEIGHBOURS_PER_SEED
    neighbours = Neighbours.with_reach(
        *(starts, songs.ravel(), 0.3 * says.ravel(), 0.7 * says.ravel(), tastes),
        *(np.full(size, 3e-4, np.float32), rng.integers(0, 1000, size)),
    )
    centres = rng.standard_normal((int(cluster[-1]) + 1, WIDTH)).astype(np.float32)
    vectors = centres[cluster] + rng.standard_normal((size, WIDTH), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cold = Cold(np.sort(rng.choice(size, 2 * COLD_POOL, replace=False)), np.linspace(1, 0.1, 2 * COLD_POOL))
    return Context.of(_library(size, rng), neighbours, cold, *quantize(vectors))


def _library(size: int, rng: np.random.Generator) -> Library:
    rows = np.arange(size, dtype=np.int32)
    return Library(
        ids=np.array([f"song{row:07d}" for row in rows], dtype=object),
        age_days=np.where(rng.random(size) < 0.05, 0, 100).astype(np.int32),
        duration_s=np.full(size, 200.0),
        uploader=rng.integers(0, size // 10, size, dtype=np.int32),
        artist=rng.integers(-1, size // 10, size, dtype=np.int32),
        canonical=rows,
        removed=np.zeros(size, bool),
        related=Relations.none(size),
        uploaders={},
    )


def people(size: int, number: int, seed: int) -> Users:
    """So many people with SEEDS_PER_USER songs each."""
    rng = np.random.default_rng([_SEED, seed])
    clusters = rng.integers(0, -(-size // CLUSTER), (number, TASTES))
    of = np.take_along_axis(clusters, rng.integers(0, TASTES, (number, SEEDS_PER_USER)), 1)
    heard = np.minimum(of * CLUSTER + rng.integers(0, CLUSTER, of.shape), size - 1)
    heard = np.sort(heard, axis=1).astype(np.int32)
    starts = np.arange(number + 1, dtype=np.int64) * SEEDS_PER_USER
    return Users(starts, heard.ravel(), rng.random(heard.size, np.float32), np.full(number, -1, np.int32))


def _shard(context: Context, first: int, number: int) -> int:
    users = people(len(context.library), number, 2 + first)
    made = ranking.rank(context, users)
    invariants.check(context.library, [f"u{first + user}" for user in range(number)], users, made)
    return len(made.songs)


def _compare(context: Context, users: Users) -> None:
    scoring = _best(lambda: _score(context.neighbours, users, Found.room(SEEDS_PER_USER)))
    whole = _best(lambda: ranking.rank(context, users))
    theirs = _best(_implicit(context.neighbours, users))
    made = ranking.rank(context, users)
    names = [f"u{user}" for user in range(len(users.uploader))]
    checking = _best(lambda: invariants.check(context.library, names, users, made))
    rows = _best(lambda: tables.list_rows(context.library, names, made))
    for name, seconds in (
        ("implicit, scores alone", theirs),
        ("ours, scores alone", scoring),
        ("ours, whole lists with reasons", whole),
        ("invariants", checking),
        ("rows for the lake", rows),
    ):
        print(f"{name:<32}{1e6 * seconds / len(users.uploader):6.0f} us a person, {seconds / theirs:.2f} of implicit")


def _best(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        begun = time.thread_time()
        run()
        taken.append(time.thread_time() - begun)
    return min(taken)


def _implicit(neighbours: Neighbours, users: Users) -> Callable[[], object]:
    from implicit.nearest_neighbours import ItemItemRecommender, NearestNeighboursScorer

    size = len(neighbours.unit)
    says = (neighbours.sound + neighbours.played).astype(np.float64)
    model = ItemItemRecommender(K=NEIGHBOURS_PER_SEED)
    model.similarity = csr_matrix((says, neighbours.songs, neighbours.starts), shape=(size, size))
    model.scorer = NearestNeighboursScorer(model.similarity)
    seeds = csr_matrix((users.weights.astype(np.float64), users.heard, users.starts), shape=(len(users.uploader), size))
    return lambda: model.recommend(np.arange(len(users.uploader)), seeds, N=100)


@njit(nogil=True)
def _score(neighbours, users, found):
    """Candidates and their scores of everybody."""
    count = 0
    for user in range(len(users.uploader)):
        heard = users.heard[users.starts[user] : users.starts[user + 1]]
        weights = signed(users.weights[users.starts[user] : users.starts[user + 1]])
        keys, used = candidates(neighbours, heard, weights, found, block(found, heard))
        count += len(keys)
        clear(found, used)
    return count


if __name__ == "__main__":
    main()
