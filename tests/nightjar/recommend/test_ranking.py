"""Scores, filters, re-ranking and whole lists of made-up users, against rules written down independently."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from nightjar.errors import NightjarError
from nightjar.recommend import cold, filters, invariants, ranking, rerank, score
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.filters import User
from nightjar.recommend.invariants import InvariantBroken
from nightjar.recommend.library import Forgotten
from nightjar.recommend.score import Neighbours
from nightjar.thresholds import (
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_UPLOADER,
    VARIETY,
)
from tests.nightjar.recommend import small


def user(seeds=(), weights=(), heard=(), uploader=-1) -> User:
    return User(
        "u", np.array(seeds, dtype=np.int64), np.array(weights, dtype=float), np.array(heard, dtype=np.int64), uploader
    )


# --- filters ----------------------------------------------------------------------------------------------------------
def test_each_filter():
    library = small.library(
        {
            "copy": ("2026-11-21", "x", None),
            "first": ("2026-11-20", "x", None),
            "gone": ("2026-11-20", "x", None),
            "his": ("2026-11-20", "left", None),
            "mine": ("2026-11-20", "u", None),
            "new": ("2026-11-22", None, None),
        },
        copies={"first": "first", "copy": "first"},
        forgotten=Forgotten(frozenset({"gone"}), frozenset({"left"})),
    )
    rows = dict(zip(library.ids.tolist(), range(6), strict=True))
    everything = np.arange(6)

    def reasons(who: User) -> dict[str, str]:
        codes = filters.blocked(library, who, everything)
        return {each: filters.REASONS[code][0] for each, code in zip(library.ids, codes, strict=True) if code}

    always = {"copy": "copy", "gone": "taken_down", "his": "taken_down"}
    assert reasons(user()) == always
    assert reasons(user(uploader=library.uploaders["u"])) == always | {"mine": "own_upload"}
    assert reasons(user(heard=[rows["copy"]])) == always | {"first": "heard"}
    assert reasons(user(heard=[rows["new"]])) == always | {"new": "heard"}


def test_a_library_leaves_out_rejects_and_normalises_artists():
    songs = {
        each: ("2026-11-20", None, artist) for each, artist in zip("abcd", ("Ann", " ann ", "", None), strict=True)
    }
    library = small.library(songs, rejected=("c",))
    assert library.ids.tolist() == ["a", "b", "d"]
    assert library.artist.tolist() == [0, 0, -1]
    assert library.uploader.tolist() == [-1, -1, -1]
    assert library.rows(["d", "c", "a"]).tolist() == [2, -1, 0]


def test_a_group_of_a_lost_song_is_an_error():
    with pytest.raises(NightjarError, match=r"group of a has .* not in the library: z.*sweep_duplicates"):
        small.library({"a": ("2026-11-20", None, None)}, copies={"a": "z"})


# --- re-ranking -------------------------------------------------------------------------------------------------------
def pool(relevance, vectors=None, **columns) -> rerank.Pool:
    count = len(relevance)
    vectors = np.eye(count) if vectors is None else np.array(vectors, dtype=float)
    unknown, no = np.full(count, -1, dtype=np.int32), np.zeros(count, dtype=bool)
    given_columns = {name: np.array(values) for name, values in columns.items()}
    defaults = {"uploader": unknown, "artist": unknown, "fresh": no, "filler": no}
    return rerank.Pool(np.arange(count), np.array(relevance, dtype=float), vectors, **defaults | given_columns)


def test_variety_takes_an_unlike_song_before_a_like_one():
    assert rerank.rerank(pool([1.0, 0.95, 0.9], [[1, 0], [1, 0], [0, 1]]), 0) == [0, 2, 1]
    assert (1 - VARIETY) * 0.05 < VARIETY  # else the case shows nothing


def test_fresh_songs_get_their_share_of_every_beginning():
    fresh = [False] * 6 + [True] * 2
    assert rerank.rerank(pool(np.linspace(1, 0.3, 8), fresh=fresh), 0.25) == [0, 1, 2, 6, 3, 4, 5, 7]


def test_fillers_come_last_but_may_be_the_fresh_ones():
    columns = {"filler": [False, False, True, True], "fresh": [False, False, False, True]}
    assert rerank.rerank(pool([0.2, 0.1, 1.0, 0.5], **columns), 0) == [0, 1, 2, 3]
    assert rerank.rerank(pool([0.2, 0.1, 1.0, 0.5], **columns), 0.5) == [0, 3, 1, 2]


def test_caps():
    many = MAX_PER_UPLOADER + 5
    chosen = rerank.rerank(pool(np.linspace(1, 0.5, many), uploader=[0] * (many - 1) + [1]), 0)
    assert chosen == [*range(MAX_PER_UPLOADER), many - 1]
    many = MAX_PER_ARTIST + 5
    assert len(rerank.rerank(pool(np.ones(many), artist=[3] * many), 0)) == MAX_PER_ARTIST
    assert len(rerank.rerank(pool(np.ones(many)), 0)) == many  # unknown ones are not one artist


def test_an_empty_pool():
    assert rerank.rerank(pool([], np.zeros((0, 4))), 0.5) == []


# --- new users --------------------------------------------------------------------------------------------------------
def test_popular_and_fresh():
    library = small.library(
        {
            "old": ("2026-01-01", None, None),
            "played": ("2026-01-01", None, None),
            "played_copy": ("2026-01-02", None, None),
            "today": (small.DAY, None, None),
            "yesterday": ("2026-11-21", None, None),
        },
        copies={"played": "played", "played_copy": "played"},
    )
    taste = pd.DataFrame({"user_id": ["a", "a", "b", "c"], "song": [1, 2, 2, 0], "weight": [1.0, 1.0, 0.5, -1.0]})
    counts = cold.listeners(library, taste)
    assert counts.tolist() == [0, 2, 0, 0, 0]  # two people, one of them by both copies; a skip is no listener
    made = cold.rank(library, counts)
    assert library.ids[made.songs].tolist() == ["played", "today", "yesterday"]
    assert made.relevance.tolist() == [1.0, 0.5, 0.49]


# --- invariants -------------------------------------------------------------------------------------------------------
LIBRARY = small.library(
    {
        "a": ("2026-11-20", "x", None),
        "b": ("2026-11-20", "y", None),
        "c": ("2026-11-20", "u", None),
        "d": ("2026-11-20", "z", None),
    }
    | {f"e{number:02d}": ("2026-11-20", "busy", "star") for number in range(12)},
    copies={"a": "a", "b": "a"},
    forgotten=Forgotten(frozenset({"d"})),
)


@pytest.mark.parametrize(
    ("songs", "ranks", "who", "rule"),
    [
        ([0, 4], [1, 3], user(), "e00: rank 3 stands at place 2"),
        ([4, 5, 4], [1, 2, 3], user(), "e00: it, or another song of its duplicate group, is there twice"),
        ([0, 1], [1, 2], user(), "b: it, or another song of its duplicate group, is there twice"),
        ([0], [1], user(heard=[1]), "a: it, or another of its duplicate group, was heard"),
        ([2], [1], user(uploader=LIBRARY.uploaders["u"]), "c: it is the user's own upload"),
        ([3], [1], user(), "d: it is taken down"),
        ([-1], [1], user(), "row -1: it is not in the library"),
        (list(range(4, 15)), list(range(1, 12)), user(), "e10: its uploader has too many songs"),
        ([4] * 101, list(range(1, 102)), user(), "e00"),
    ],
)
def test_a_broken_rule_names_user_track_and_rule(songs, ranks, who, rule):
    with pytest.raises(InvariantBroken, match="the list of user 'u' breaks a rule at track") as raised:
        invariants.check(LIBRARY, who, songs, ranks)
    assert rule in raised.value.message


def test_a_good_list_passes():
    invariants.check(LIBRARY, user(heard=[2]), [0, *range(4, 14)], range(1, 12))
    invariants.check(LIBRARY, User.new(), [], [])


# --- whole lists ------------------------------------------------------------------------------------------------------
@st.composite
def nights(draw):
    """A made-up context and its users: random songs, groups, uploaders, neighbours and listens."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(1, 60))
    days = [f"2026-11-{number:02d}" for number in range(1, 23)]
    names = [f"s{number:03d}" for number in range(size)]
    songs = {
        each: (days[rng.integers(22)], ["u0", "u1", "x", None][rng.integers(4)], ["P", "Q", None][rng.integers(3)])
        for each in names
    }
    copies = {}
    for _ in range(draw(st.integers(0, 5))):
        members = sorted({names[each] for each in rng.integers(size, size=3)} - set(copies))
        copies |= {each: members[0] for each in members if len(members) > 1}
    gone = frozenset(str(each) for each in rng.choice(names, draw(st.integers(0, 3))))
    covers = [(names[a], names[b]) for a, b in rng.integers(size, size=(draw(st.integers(0, 40)), 2))]
    library = small.library(songs, copies=copies, forgotten=Forgotten(gone), covers=covers)
    raw = rng.standard_normal((size, 8))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    similar, played = (
        csr_array(np.round(np.where(rng.random((size, size)) < 0.3, rng.random((size, size)), 0), 6)) for _ in range(2)
    )
    tastes = (0.1 * rng.standard_normal((size, 3))).astype(np.float32)
    taste = pd.DataFrame(
        [
            (f"u{number}", song, round(float(rng.normal(0.5)), 6))
            for number in range(4)
            for song in np.flatnonzero(rng.random(size) < 0.15).tolist()
            if not library.removed[song]
        ],
        columns=["user_id", "song", "weight"],
    ).astype({"song": int, "weight": float})
    counts = cold.listeners(library, taste)
    behaviour = Behaviour.of(csr_array(0.05 * played), tastes, counts)
    context = ranking.Context(library, Neighbours.of(similar, behaviour), cold.rank(library, counts), counts, vectors)
    users = []
    for name in ("u0", "u1", "u2", "u3"):
        own = taste[taste["user_id"] == name]
        heard, weight = own["song"].to_numpy(dtype=np.int64), own["weight"].to_numpy(dtype=float)
        users.append(User(name, heard, weight, heard, library.uploaders.get(name, -1)))
    return context, users


@given(nights())
@settings(max_examples=60, deadline=None)
def test_every_list_keeps_the_invariants_and_says_why(night):
    context, users = night
    lists = [(who, ranking.rank(context, who).entries) for who in users]
    lists.append((User.new(), ranking.rank_new_users(context).entries))
    for who, entries in lists:
        songs = [entry.song for entry in entries]
        invariants.check(context.library, who, songs, range(1, len(songs) + 1))
        assert len(songs) <= LIST_LENGTH
        for entry in entries:
            assert 0 <= entry.score <= 1
            assert set(entry.because) <= set(who.seeds.tolist())
            assert bool(entry.because) == (entry.source in ("similar", "co_listened", "both"))


@given(nights())
@settings(max_examples=30, deadline=None)
def test_a_list_is_short_only_where_nothing_is_left(night):
    context, users = night
    everything = np.arange(len(context.library))
    for who in users:
        entries = ranking.rank(context, who).entries
        on = {entry.song for entry in entries}
        free = everything[filters.blocked(context.library, who, everything) == filters.FREE]
        candidates, _ = score.candidates(context.neighbours, who.seeds, who.weights)
        for song in (set(free.tolist()) - on) & (set(candidates.tolist()) | set(context.cold.songs.tolist())):
            capped = [
                sum(codes[each] == codes[song] for each in on) >= cap
                for codes, cap in (
                    (context.library.uploader, MAX_PER_UPLOADER),
                    (context.library.artist, MAX_PER_ARTIST),
                )
                if codes[song] >= 0
            ]
            beside_cover = entries and song in context.library.covers.of(entries[-1].song)
            assert any(capped) or beside_cover, context.library.ids[song]
