"""Variety by maximal marginal relevance, as in production, beside a determinantal point process:
`python -m tests.bench.variety [--people N]`.

Both choose from the same RANK_POOL candidates, those of the production scoring in the world of `sound`, and see the
same relevance and cosines; no caps, covers or fresh songs. The process is the greedy one of Chen, Zhang and Zhou
(2018), with the kernel q_i cos_ij q_j and q = exp(trust / 2 * relevance): the larger `trust`, the more relevance
decides. For each VARIETY it gets the trust at which its mean NDCG@10 is the same, found by halving; so what is left to
compare is how alike the songs of a list are, how many songs are reached, and the time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nightjar.evaluate.recommendations import methods, metrics
from nightjar.recommend import rerank
from nightjar.recommend.quantized import principal_axes, quantize
from nightjar.recommend.related import Related
from nightjar.thresholds import LIST_LENGTH, RANK_POOL, VARIETY
from tests.bench import sound
from tests.bench.sound import World

VARIETIES = (0.1, VARIETY, 0.6)
_TRUST = (0.1, 1000.0)
_HALVINGS = 8
_LEAST = 1e-9
"""Below this a song adds nothing to what is spanned: the rest of the list goes by relevance."""

Choose = Callable[["Pool"], list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=500, help="so many get lists")
    asked = parser.parse_args()
    made = sound.world(2000, 20_000, list(sound.LEVELS)[-1])
    people = np.flatnonzero(np.diff(made.wanted.indptr))[: asked.people]
    pools = _pools(made, people)
    print(
        f"{'':<22}{'NDCG@10':>26}{'recall@50':>11}{'alike@10':>10}{'@50':>7}{'@100':>7}{'songs@10':>10}{'@100':>8}{'us':>8}"
    )
    _show("relevance alone", made, people, pools, lambda pool: list(range(min(LIST_LENGTH, len(pool.songs)))))
    for variety in VARIETIES:
        ours = _show(f"MMR {variety}", made, people, pools, _mmr(made, variety))
        trust = _same_ndcg(made, people, pools, float(ours["ndcg@10"].mean()))
        theirs = _show(f"DPP, trust {trust:.1f}", made, people, pools, _dpp(trust))
        for measure in ("ndcg@10", "recall@50"):
            less = metrics.mean(theirs[measure] - ours[measure])
            print("  {}, DPP less MMR: {:+.4f} ({:+.4f} to {:+.4f})".format(measure, less["mean"], *less["interval"]))


@dataclass(frozen=True)
class Pool:
    """Candidates, best first."""

    songs: np.ndarray  # (m,)
    relevance: np.ndarray  # (m,), 0 to 1
    vectors: np.ndarray  # (m, d)


def _pools(made: World, people: np.ndarray) -> list[Pool]:
    brought = methods.candidates(made.plays, made.known(), made.similar())
    pools = []
    for user in people:
        songs, scores = (each[:RANK_POOL] for each in made.unheard(user, brought))
        pools.append(Pool(songs, scores / scores.max(initial=1e-9), made.vectors[songs]))
    return pools


def _mmr(made: World, variety: float) -> Choose:
    """Production's, as with another VARIETY: what counts is how large relevance is beside the cosines."""
    scale = (1 - variety) / variety * VARIETY / (1 - VARIETY)
    facts = np.full((len(made.vectors), rerank.FACTS), -1, np.int32)
    facts[:, rerank.FRESH], facts[:, rerank.OFFERED], facts[:, rerank.HOLDS] = 0, 1, 0
    nothing = Related.none(len(facts))
    songs = rerank.Songs(facts, *quantize(made.vectors @ principal_axes(made.vectors)), nothing, nothing, nothing)

    def choose(pool: Pool) -> list[int]:
        rows = pool.songs.astype(np.int32)
        return rerank.rerank(
            rerank.Pool(rows, (scale * pool.relevance).astype(np.float32), facts[rows], len(rows)), songs, 0.0
        ).tolist()

    return choose


def _dpp(trust: float) -> Choose:
    def choose(pool: Pool) -> list[int]:
        vectors = pool.vectors.astype(np.float64)
        return greedy(vectors @ vectors.T, np.exp(trust / 2 * (pool.relevance - 1)), LIST_LENGTH)

    return choose


def greedy(cosines: np.ndarray, quality: np.ndarray, most: int) -> list[int]:
    """Rows in the order in which each adds most to the logarithm of the determinant of q_i cos_ij q_j of those before.

    A Cholesky decomposition that grows by a row a step: `left` is the square of what of each vector is not spanned
    yet. Scaling by quality is a factor of its own, so that the decomposition is that of the cosines alone.
    """
    count = min(most, len(quality))
    rows = np.zeros((count, len(quality)))
    left = np.diag(cosines).copy()
    free = np.ones(len(quality), bool)
    weight = quality**2
    chosen: list[int] = []
    for step in range(count):
        gain = np.where(free & (left > _LEAST), weight * left, -1.0)
        best = int(gain.argmax())
        if gain[best] < 0:
            return [*chosen, *np.flatnonzero(free)[: count - step].tolist()]
        chosen.append(best)
        free[best] = False
        rows[step] = (cosines[best] - rows[:step, best] @ rows[:step]) / np.sqrt(left[best])
        left = left - rows[step] ** 2
    return chosen


def _same_ndcg(made: World, people: np.ndarray, pools: list[Pool], wanted: float) -> float:
    low, high = np.log(_TRUST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        ndcg = _measured(made, people, _lists(pools, _dpp(float(np.exp(middle)))))["ndcg@10"].mean()
        low, high = (middle, high) if ndcg < wanted else (low, middle)
    return float(np.exp(high))


def _lists(pools: list[Pool], choose: Choose) -> np.ndarray:
    made = np.full((len(pools), max(metrics.CUTS)), metrics.NONE, np.int64)
    for row, pool in enumerate(pools):
        chosen = choose(pool)
        made[row, : len(chosen)] = pool.songs[chosen]
    return made


def _measured(made: World, people: np.ndarray, lists: np.ndarray) -> dict[str, np.ndarray]:
    return metrics.per_user(lists, made.wanted[people], np.zeros(len(people), np.int64))


def _show(name: str, made: World, people: np.ndarray, pools: list[Pool], choose: Choose) -> dict:
    begun = time.process_time()
    lists = _lists(pools, choose)
    each = 1e6 * (time.process_time() - begun) / len(pools)
    found = _measured(made, people, lists)
    ndcg = metrics.mean(found["ndcg@10"])
    told = "{:.4f} ({:.4f} to {:.4f})".format(ndcg["mean"], *ndcg["interval"])
    alike = [_alike(made.vectors, lists[:, :cut]) for cut in metrics.CUTS]
    songs = [len(np.unique(shown[shown != metrics.NONE])) for shown in (lists[:, :10], lists)]
    print(
        f"{name:<22}{told:>26}{found['recall@50'].mean():>11.4f}{alike[0]:>10.3f}{alike[1]:>7.3f}{alike[2]:>7.3f}",
        end="",
    )
    print(f"{songs[0]:>10,}{songs[1]:>8,}{each:>8,.0f}", flush=True)
    return found


def _alike(vectors: np.ndarray, lists: np.ndarray) -> float:
    """Mean cosine of two songs of one list."""
    total = pairs = 0.0
    for songs in lists:
        own = vectors[songs[songs != metrics.NONE]].astype(np.float64)
        total += float((own.sum(axis=0) ** 2).sum() - len(own))
        pairs += len(own) * (len(own) - 1)
    return total / max(pairs, 1)


if __name__ == "__main__":
    main()
