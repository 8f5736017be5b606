"""Re-ranking: variety, caps, fillers and fresh songs, against plain maximal marginal relevance."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend import rerank
from nightjar.recommend.quantized import WIDTH, quantize
from nightjar.recommend.related import Related
from nightjar.thresholds import (
    BEGINNING,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_FAMILY_IN_BEGINNING,
    MAX_PER_UPLOADER,
    VARIETY,
)


def reranked(relevance, fresh_share=0.0, vectors=None, own=None, **columns) -> list[int]:
    """The positions chosen of a pool, whose songs are as unlike as can be unless `vectors` says otherwise."""
    count = len(relevance)
    vectors = np.eye(count)[:, :WIDTH] if vectors is None else np.array(vectors, dtype=float)
    return rerank.rerank(*pool(relevance, vectors, count if own is None else own, **columns), fresh_share).tolist()


def pool(relevance, vectors, own, families=(), holds=(), **columns) -> tuple[rerank.Pool, rerank.Songs]:
    count = len(relevance)
    facts = np.full((count, rerank.FACTS), -1, np.int32)
    facts[:, rerank.FRESH], facts[:, rerank.OFFERED] = 0, 1
    pairs = np.array([(each, other) for family in families for each in family for other in family - {each}], int)
    covers = Related.pairs(count, *pairs.reshape(-1, 2).T)
    for family in families:
        facts[sorted(family), rerank.FAMILY] = min(family)
    held = Related.pairs(count, *np.array(holds, int).reshape(-1, 2).T)
    facts[:, rerank.HOLDS] = np.diff(held.starts) > 0
    for name, values in columns.items():
        facts[:, getattr(rerank, name.upper())] = values
    songs = rerank.Songs(facts, *quantize(vectors), covers, held, Related.none(len(facts)))
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


def test_a_family_has_its_places_in_the_beginning_and_on_the_list():
    """The best songs of all share one backing track, and few of them are covers of each other."""
    many, others = MAX_PER_FAMILY + 5, 40
    relevance = np.linspace(1, 0.1, many + others)
    chosen = reranked(relevance, family=[0] * many + [-1] * others)
    at = [place for place, each in enumerate(chosen) if each < many]
    assert len(chosen) == others + MAX_PER_FAMILY
    assert at == [*range(MAX_PER_FAMILY_IN_BEGINNING), *range(BEGINNING, BEGINNING + MAX_PER_FAMILY - len(at[:2]))]
    assert reranked(relevance[:many], family=[0] * many) == [*range(MAX_PER_FAMILY_IN_BEGINNING)]  # nothing to fill up
    alone = reranked(relevance, family=list(range(many)) + [-1] * others)  # a family of one has no cap
    assert alone == [*range(many + others)]


def test_a_family_that_is_the_whole_beginning_leaves_room_for_fresh_songs():
    fresh = [False] * 30 + [True] * 10
    chosen = reranked(np.linspace(1, 0.5, 40), 0.2, family=[-1] * 30 + [7] * 10, fresh=fresh)
    assert [place for place, each in enumerate(chosen) if each >= 30] == [4, 9, 20, 21, 24]
    assert len(chosen) == 35


def test_a_song_that_holds_others_gives_way_to_them():
    relevance = [1.0, 0.9, 0.8, 0.7]
    assert reranked(relevance, holds=[(0, 2)]) == [1, 2, 3]  # also where it is the better one
    assert reranked(relevance, holds=[(2, 0), (2, 1)]) == [0, 1, 3]
    assert reranked(relevance, holds=[(0, 2)], own=2) == [1, 2, 3]  # or what it holds is a filler
    assert reranked(relevance[:2], holds=[(0, 1)]) == [1]
    assert reranked(relevance, holds=[(0, 1), (1, 2)]) == [2, 3]


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
    families = [set(each) for each in np.array_split(rng.permutation(count)[: count // 2], 1 + count // 25)]
    families = [family for family in families if len(family) > 1]
    holds = [(int(a), int(b)) for a, b in rng.integers(0, count, (3, 2)) if a != b]
    made, songs = pool(relevance, vectors, own, families, holds, fresh=fresh, uploader=uploader)
    cosines = np.float32(songs.sketch.astype(int) @ songs.sketch.T.astype(int)) * songs.scale[:, None] * songs.scale
    chosen: list[int] = []
    while len(chosen) < min(count, LIST_LENGTH):
        left = [
            at
            for at in range(count)
            if at not in chosen
            and at not in {whole for whole, _ in holds}
            and _has_room([family for family in families if at in family], chosen)
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


def _has_room(families: list[set[int]], chosen: list[int]) -> bool:
    most = MAX_PER_FAMILY_IN_BEGINNING if len(chosen) < BEGINNING else MAX_PER_FAMILY
    return all(len(family & set(chosen)) < most for family in families)
