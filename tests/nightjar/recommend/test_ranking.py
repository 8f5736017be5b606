"""Scores, filters, re-ranking and whole lists of made-up users, against rules written down independently."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from nightjar.errors import NightjarError
from nightjar.recommend import cold, filters, invariants, ranking
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.filters import User
from nightjar.recommend.invariants import InvariantBroken
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.ranking import Users
from nightjar.recommend.reasons import SOURCES
from nightjar.schemas import NEW_USERS
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import (
    BEGINNING,
    LIST_LENGTH,
    MAX_PER_ARTIST,
    MAX_PER_FAMILY,
    MAX_PER_FAMILY_IN_BEGINNING,
    MAX_PER_UPLOADER,
)
from tests.nightjar.recommend import small


def user(heard=(), weights=None, uploader=-1) -> User:
    heard = np.array(heard, dtype=np.int64)
    return User("u", heard, np.ones(len(heard)) if weights is None else np.array(weights, dtype=float), uploader)


# --- filters ----------------------------------------------------------------------------------------------------------
def test_each_filter():
    library = small.library(
        {
            "copy": ("2026-11-21", "again", None),
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
    assert reasons(user(uploader=library.uploaders["again"])) == always | {"first": "own_upload"}, "its copy is theirs"
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


def test_an_artist_is_a_name_as_it_looks():
    names = ("ABBA", "ＡＢＢＡ", "A B B A", "AB\u200bBA", " abba", "\u00a0Abba", "𝐀𝐁𝐁𝐀")
    others = ("Straße", "STRASSE", "été", "e\u0301te\u0301", "कि", "कु")
    songs = {f"{at:02d}": ("2026-11-20", None, name) for at, name in enumerate(names + others)}
    artist = small.library(songs).artist.tolist()
    assert len(set(artist[: len(names)])) == 1
    straße, strasse, composed, decomposed, ki, ku = artist[len(names) :]
    assert (straße == strasse, composed == decomposed, ki == ku) == (True, True, False)
    assert len(set(artist)) == 5


def test_a_group_of_a_lost_song_is_an_error():
    with pytest.raises(NightjarError, match=r"group of a has .* not in the library: z.*sweep_duplicates"):
        small.library({"a": ("2026-11-20", None, None)}, copies={"a": "z"})


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
    tastes = pd.DataFrame({"user": [0, 1, 2], "song": [1, 1, 0], "weight": [1.0, 0.5, -1.0]})
    counts = cold.listeners(library, tastes)
    assert counts.tolist() == [0, 2, 0, 0, 0]  # a skip is no listener
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


def lists(*each: list[int]) -> ranking.Lists:
    songs = np.array([song for one in each for song in one], np.int32)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in each])])
    return ranking.Lists(starts, songs, np.zeros(len(songs)), np.zeros(len(songs)), np.zeros((len(songs), 3)))


@pytest.mark.parametrize(
    ("songs", "who", "rule"),
    [
        ([4, 5, 4], user(), "e00: it, or another song of its duplicate group, is there twice"),
        ([0, 1], user(), "b: it, or another song of its duplicate group, is there twice"),
        ([0], user(heard=[1]), "a: it, or another of its duplicate group, was heard"),
        ([2], user(uploader=LIBRARY.uploaders["u"]), "c: it, or another of its duplicate group, is the user's own"),
        ([0], user(uploader=LIBRARY.uploaders["y"]), "a: it, or another of its duplicate group, is the user's own"),
        ([3], user(), "d: it is taken down"),
        ([-1], user(), "row -1: it is not in the library"),
        (list(range(4, 15)), user(), "e10: its uploader has too many songs"),
        ([4] * 101, user(), "e00: the list is longer than it may be"),
    ],
)
def test_a_broken_rule_names_user_track_and_rule(songs, who, rule):
    users = Users.of([user(heard=[0]), who])
    with pytest.raises(InvariantBroken, match="the list of user 'u' breaks a rule at track") as raised:
        invariants.check(LIBRARY, ["good", "u"], users, lists([4, 5, 6], songs))
    assert rule in raised.value.message


def test_good_lists_pass():
    users = Users.of([user(heard=[2]), user(uploader=LIBRARY.uploaders["u"])])
    invariants.check(LIBRARY, ["u", "v"], users, lists([0, *range(4, 14)], [0, 4]))
    invariants.check(LIBRARY, ["", "v"], Users.of([User.new(), user(heard=[5])]), lists([], []))


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
    whole = [(names[a], names[b]) for a, b in rng.integers(size, size=(draw(st.integers(0, 6)), 2))]
    share = draw(st.sampled_from([30.0, 60.0]))
    library = small.library(
        songs, copies=copies, forgotten=Forgotten(gone), covers=covers, contains=whole, overlap_s=share
    )
    raw = rng.standard_normal((size, 8))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    offered = library.offered
    similar, played = (
        csr_array(np.where((rng.random((size, size)) < 0.3) & offered, rng.random((size, size)), 0)) for _ in range(2)
    )
    users, counts = [], np.zeros(size, np.int64)
    for name in ("u0", "u1", "u2", "u3"):
        heard = np.flatnonzero((rng.random(size) < 0.15) & (library.canonical == np.arange(size)) & ~library.removed)
        weights = rng.normal(0.5, size=len(heard)).astype(np.float32)
        counts[heard[weights > 0]] += 1
        users.append(User(name, heard, weights, library.uploaders.get(name, -1)))
    behaviour = Behaviour(csr_array(0.05 * played), (0.1 * rng.standard_normal((size, 3))).astype(np.float32), counts)
    return small.context(library, Neighbours.of(similar, behaviour), cold.rank(library, counts), vectors), users


def entries_of(made: ranking.Lists) -> list[list[tuple[int, float, str, list[int]]]]:
    """Of each list song, score, source and because."""
    each = zip(made.songs, made.scores, made.sources, made.because, strict=True)
    flat = [(int(song), float(score), SOURCES[source], why[why >= 0].tolist()) for song, score, source, why in each]
    return [flat[a:b] for a, b in pairwise(made.starts)]


@given(nights())
@settings(max_examples=60, deadline=None)
def test_every_list_keeps_the_invariants_and_says_why(night):
    context, users = night
    names = [NEW_USERS, *(who.user_id for who in users)]
    arrays = Users.of(users)
    made = ranking.rank(context, arrays).behind(ranking.rank_new_users(context))
    invariants.check(context.library, names, arrays.with_new(), made)
    for who, entries in zip([User.new(), *users], entries_of(made), strict=True):
        assert len(entries) <= LIST_LENGTH
        for song, score, source, because in entries:
            assert 0 <= score <= 1, song
            assert set(because) <= set(who.heard.tolist())
            assert bool(because) == (source in ("similar", "co_listened", "both"))


@given(nights())
@settings(max_examples=30, deadline=None)
def test_users_need_nothing_from_each_other(night):
    context, users = night
    together = entries_of(ranking.rank(context, Users.of(users)))
    assert [entries_of(ranking.rank(context, Users.of([who])))[0] for who in users] == together


@given(nights())
@settings(max_examples=30, deadline=None)
def test_a_list_is_short_only_where_nothing_is_left(night):
    context, users = night
    everything, related = np.arange(len(context.library)), context.library.related
    for who, entries in zip(users, entries_of(ranking.rank(context, Users.of(users))), strict=True):
        on = {entry[0] for entry in entries}
        free = everything[filters.blocked(context.library, who, everything) == filters.FREE]
        candidates, _ = ranking.considered(context.neighbours, who.heard, who.weights)
        for song in (set(free.tolist()) - on) & (set(candidates.tolist()) | set(context.cold.songs.tolist())):
            capped = [
                sum(codes[each] == codes[song] for each in on) >= cap
                for codes, cap in (
                    (context.library.uploader, MAX_PER_UPLOADER),
                    (context.library.artist, MAX_PER_ARTIST),
                    (related.family, MAX_PER_FAMILY if len(on) >= BEGINNING else MAX_PER_FAMILY_IN_BEGINNING),
                )
                if codes[song] >= 0
            ]
            beside_cover = entries and song in related.covers.of(entries[-1][0])
            gives_way = len(related.holds.of(song))
            assert any(capped) or beside_cover or gives_way, context.library.ids[song]
