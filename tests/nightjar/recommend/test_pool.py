"""The pool that re-ranking chooses from, against the plain rule: candidates one by one, best first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend.cold import Cold
from nightjar.recommend.pool import pool_of
from nightjar.recommend.quantized import WIDTH, room
from nightjar.recommend.related import Related
from nightjar.recommend.rerank import ARTIST, FACTS, FAMILY, FRESH, HOLDS, OFFERED, UPLOADER, Songs
from nightjar.recommend.score import Found, _key, _promising, block, score_of, slot_of, song_of
from nightjar.thresholds import MAX_PER_ARTIST, MAX_PER_FAMILY, MAX_PER_UPLOADER, RANK_POOL, RANK_POOL_FRESH

SIZE = 900


@given(st.integers(0, 2**32), st.integers(0, 700), st.sampled_from([0.0, 0.05, 0.4]), st.sampled_from([8, 300]))
@settings(max_examples=40, deadline=None)
def test_the_pool_is_that_of_the_plain_rule(seed, count, fresh_share, codes):
    rng = np.random.default_rng(seed)
    facts = np.empty((SIZE, FACTS), np.int32)
    for kind in (UPLOADER, ARTIST, FAMILY):
        facts[:, kind] = rng.integers(-1, codes, SIZE)
    facts[:, FRESH], facts[:, OFFERED] = rng.random(SIZE) < fresh_share, rng.random(SIZE) < 0.95
    whole, held = rng.integers(0, SIZE, (2, 60))
    holds = Related.pairs(SIZE, whole, held)
    facts[:, HOLDS] = np.diff(holds.starts) > 0
    songs = Songs(facts, room(SIZE), np.zeros(SIZE, np.float32), Related.none(SIZE), holds, Related.none(SIZE))
    found, tally = Found.room(SIZE), Found.room(0)
    asked = rng.permutation(SIZE)[:count]
    block(
        found, asked[count // 2 :]
    )  # what was heard is among the candidates here, to see that it decides what holds it
    for song in asked[: count // 2]:
        slot = slot_of(found, song)
        found.slots[slot]["song"], found.slots[slot]["sum"] = song, 1.0
    known = {*asked[count // 2 :].tolist(), *np.flatnonzero(facts[:, UPLOADER] == 3).tolist()}
    keys = np.array([_key(song, scored) for song, scored in zip(asked, rng.random(count), strict=True)], np.uint64)

    best_first, seen, expected, fresh = np.sort(keys), {}, [], 0
    for song in map(song_of, best_first):
        is_fresh = facts[song, FRESH]
        if len(expected) >= RANK_POOL and (fresh >= RANK_POOL_FRESH or not is_fresh):
            continue
        if facts[song, OFFERED] and facts[song, UPLOADER] != 3 and not known & set(holds.of(song).tolist()):
            within = True
            for kind, cap in ((UPLOADER, MAX_PER_UPLOADER), (ARTIST, MAX_PER_ARTIST), (FAMILY, MAX_PER_FAMILY)):
                if facts[song, kind] >= 0:
                    seen[kind, facts[song, kind]] = seen.get((kind, facts[song, kind]), 0) + 1
                    within &= seen[kind, facts[song, kind]] <= 2 * cap
            if within:
                expected.append(song)
                fresh += is_fresh

    made, scores = pool_of(songs, Cold(np.zeros(0, np.int64), np.zeros(0)), 3, found, keys, tally)
    assert made.songs.tolist() == expected
    assert made.own == len(scores) == len(expected)
    assert (np.diff(scores) <= 0).all()
    assert (tally.slots["song"] == -1).all()


@given(st.integers(0, 2**32), st.integers(0, 400), st.integers(1, 300), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_promising_are_the_best(seed, count, wanted, alike):
    rng = np.random.default_rng(seed)
    scores = np.full(count, 0.3) if alike else rng.normal(0, 1, count) * 10.0 ** rng.integers(-9, 9, count)
    found = Found.room(count)
    asked = rng.permutation(1000)[:count]
    used = block(found, asked)
    for song, scored in zip(asked, scores, strict=True):
        found.slots["sum"][slot_of(found, song)] = scored
    keys = np.sort(_promising(found, found.used[:used], wanted))
    positive = scores > 0
    order = np.lexsort((asked[positive], -scores[positive].astype(np.float32)))[:wanted]
    assert [song_of(key) for key in keys] == asked[positive][order].tolist()
    assert np.array_equal([score_of(key) for key in keys], scores[positive][order].astype(np.float32))


def test_rows_begin_at_a_line_of_the_cache():
    for size in (0, 1, 7, 1000):
        rows = room(size)
        assert rows.shape == (size, WIDTH)
        assert not rows.any()
        assert size == 0 or rows.ctypes.data % 64 == 0
