"""Re-ranking: variety, caps, fillers and fresh songs, against plain maximal marginal relevance."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend import rerank
from nightjar.recommend.library import Covers
from nightjar.recommend.quantized import WIDTH, quantize
from nightjar.thresholds import LIST_LENGTH, MAX_PER_ARTIST, MAX_PER_UPLOADER, VARIETY


def reranked(relevance, fresh_share=0.0, vectors=None, own=None, **columns) -> list[int]:
    """The positions chosen of a pool, whose songs are as unlike as can be unless `vectors` says otherwise."""
    count = len(relevance)
    vectors = np.eye(count)[:, :WIDTH] if vectors is None else np.array(vectors, dtype=float)
    return rerank.rerank(*pool(relevance, vectors, count if own is None else own, **columns), fresh_share).tolist()


def pool(relevance, vectors, own, families=(), **columns) -> tuple[rerank.Pool, rerank.Songs]:
    count = len(relevance)
    facts = np.full((count, 5), -1, np.int32)
    facts[:, rerank.FRESH], facts[:, rerank.OFFERED] = 0, 1
    for name, values in columns.items():
        facts[:, getattr(rerank, name.upper())] = values
    covers = {each: sorted(family - {each}) for family in families for each in family}
    for each, others in covers.items():
        facts[each, rerank.FAMILY] = min(each, *others)
    counts = [len(covers.get(each, ())) for each in range(count)]
    others = np.array([other for each in range(count) for other in covers.get(each, ())], np.int32)
    relation = Covers(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), others)
    songs = rerank.Songs(facts, *quantize(vectors), relation)
    return rerank.Pool(np.arange(count, dtype=np.int32), np.array(relevance, np.float32), facts, own), songs


def test_variety_takes_an_unlike_song_before_a_like_one():
    assert reranked([1.0, 0.95, 0.9], vectors=[[1, 0], [1, 0], [0, 1]]) == [0, 2, 1]
    assert (1 - VARIETY) * 0.05 < VARIETY  # else the case shows nothing


def test_fresh_songs_get_their_share_of_every_beginning():
    fresh = [False] * 6 + [True] * 2
    assert reranked(np.linspace(1, 0.3, 8), 0.25, fresh=fresh) == [0, 1, 2, 6, 3, 4, 5, 7]


def test_fillers_come_last_but_may_be_the_fresh_ones():
    assert reranked([0.2, 0.1, 1.0, 0.5], own=2) == [0, 1, 2, 3]
    assert reranked([0.2, 0.1, 1.0, 0.5], 0.5, own=2, fresh=[False, False, False, True]) == [0, 3, 1, 2]


def test_among_fillers_alone_all_are_looked_at():
    like, unlike = [[1, 0]] * 20, [[0, 1]]
    assert reranked([1.0, *[0.9] * 20], own=0, vectors=like + unlike)[:2] == [0, 20]


def test_caps():
    many = MAX_PER_UPLOADER + 5
    chosen = reranked(np.linspace(1, 0.5, many), uploader=[0] * (many - 1) + [1])
    assert chosen == [*range(MAX_PER_UPLOADER), many - 1]
    many = MAX_PER_ARTIST + 5
    assert len(reranked(np.ones(many), artist=[3] * many)) == MAX_PER_ARTIST
    assert len(reranked(np.ones(many))) == many  # unknown ones are not one artist


def test_an_empty_pool():
    assert reranked([], 0.5, vectors=np.zeros((0, 4))) == []


@given(st.integers(0, 2**32), st.integers(1, 180), st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=80, deadline=None)
def test_the_lazy_choice_is_that_of_plain_mmr(seed, count, own_share, fresh_share):
    """Against every value computed anew at each step."""
    rng = np.random.default_rng(seed)
    own = int(own_share * count)
    relevance = np.concatenate([np.sort(rng.random(own))[::-1], np.sort(rng.random(count - own))[::-1]]).round(2)
    vectors = rng.standard_normal((count, 6)) + rng.standard_normal((3, 6))[rng.integers(0, 3, count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fresh, uploader = rng.random(count) < 0.2, rng.integers(-1, 6, count)
    families = [{int(a), int(b)} for a, b in [rng.integers(0, count, 2)] if a != b]
    made, songs = pool(relevance, vectors, own, families, fresh=fresh, uploader=uploader)
    cosines = np.float32(songs.sketch.astype(int) @ songs.sketch.T.astype(int)) * songs.scale[:, None] * songs.scale
    chosen: list[int] = []
    while len(chosen) < min(count, LIST_LENGTH):
        left = [
            at
            for at in range(count)
            if at not in chosen
            and (uploader[at] < 0 or sum(uploader[each] == uploader[at] for each in chosen) < MAX_PER_UPLOADER)
            and not (chosen and any({at, chosen[-1]} <= family for family in families))
        ]
        needed = sum(fresh[chosen]) < int((len(chosen) + 1) * fresh_share + 1e-9)
        kinds = [[at for at in left if at < own], [at for at in left if at >= own]]
        kinds = [[at for at in kind if fresh[at]] for kind in kinds if needed] + kinds
        kind = next((kind for kind in kinds if kind), [])
        if not kind:
            break
        worth = [
            np.float32(1 - VARIETY) * made.relevance[at]
            - np.float32(VARIETY) * max([np.float32(0), *(cosines[at, each] for each in chosen)])
            for at in kind
        ]
        chosen.append(kind[int(np.argmax(worth))])
    assert rerank.rerank(made, songs, fresh_share).tolist() == chosen
