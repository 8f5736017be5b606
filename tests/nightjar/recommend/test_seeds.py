"""Seeds: what a listen says."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.recommend import seeds
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import (
    DISLIKED_SEEDS_PER_USER,
    LIKE_WEIGHT,
    MOOD_HALF_LIFE_DAYS,
    SEEDS_PER_USER,
    SKIP_WEIGHT,
    TASTE_HALF_LIFE_DAYS,
)
from tests.nightjar.recommend import small

NOW = f"{small.DAY}T23:59:59.999999"


def weights(rows, library=None) -> dict[tuple[str, str], float]:
    library = library or small.plain(4)
    usable, _ = seeds.known(small.listens(rows), library, Forgotten())
    users, frame = seeds.taste([usable], small.DAY)
    return {
        (users[user], library.ids[song]): weight
        for user, song, weight in zip(frame["user"], frame["song"], frame["weight"].tolist(), strict=True)
    }


def test_share_heard_likes_skips_and_repeats():
    found = weights(
        [
            ("u", "a00", NOW, 100, "play"),
            ("u", "a01", NOW, 50, "play"),
            ("u", "a02", NOW, 10, "skip"),
            ("u", "a03", NOW, 500, "play"),
            ("u", "a03", NOW.replace(":59.", ":58."), 100, "play"),
            ("u", "a03", NOW.replace(":59.", ":57."), 100, "play"),
            ("u", "a03", NOW, 0, "like"),
            ("u", "a03", NOW.replace(":59.", ":58."), 0, "like"),
        ]
    )
    assert found["u", "a00"] == pytest.approx(1)
    assert found["u", "a01"] == pytest.approx(math.log2(1 + math.log2(1.5)), abs=1e-5)
    assert found["u", "a02"] == pytest.approx(-SKIP_WEIGHT * math.log2(1.9), abs=1e-5)
    assert found["u", "a03"] == pytest.approx(
        math.log2(1 + math.log2(4)) + LIKE_WEIGHT, abs=1e-5
    )  # three plays, one like


def test_age_fades_the_mood_fast_and_the_taste_slowly():
    for days in (2, 14):
        old = f"2026-11-{22 - days:02d}T23:59:59.999999"
        left = 0.5 * 0.5 ** (days / MOOD_HALF_LIFE_DAYS) + 0.5 * 0.5 ** (days / TASTE_HALF_LIFE_DAYS)
        assert weights([("u", "a00", old, 100, "play")])["u", "a00"] == pytest.approx(math.log2(1 + left), abs=1e-5)
    tomorrow = "2026-11-24T00:00:00"  # a phone whose clock is wrong
    assert weights([("u", "a00", tomorrow, 100, "play")])["u", "a00"] == pytest.approx(1)


def test_coming_back_to_a_song_says_more_than_leaving_it_on_repeat():
    on_repeat = [("u", "a00", f"2026-11-22T23:59:5{at}.999999", 100, "play") for at in range(3, 10)]
    days = (22, 22, 22, 22, 21, 21, 20)
    came_back = [("u", "a01", f"2026-11-{day}T23:59:5{at}", 100, "play") for at, day in enumerate(days)]
    found = weights([*on_repeat, *came_back])
    assert found["u", "a00"] == pytest.approx(math.log2(1 + math.log2(8)), abs=1e-5)
    assert found["u", "a01"] > found["u", "a00"]


def test_a_listen_that_the_exports_of_two_days_brought_counts_once():
    """Also where one cut its time off at milliseconds and the other at seconds."""
    library = small.plain(4)
    at = "2026-11-21T23:59:59"
    days = [
        [("u", "a00", f"{at}.123456", 100, "play"), ("u", "a01", f"{at}.5", 10, "skip")],
        [("u", "a00", f"{at}.123", 90, "play"), ("u", "a00", f"{at}.1", 0, "like")],
        [("u", "a00", at, 100, "play"), ("v", "a00", at, 100, "play"), ("u", "a01", at, 10, "skip")],
    ]

    def taste(days: list) -> dict:
        usable = [seeds.known(small.listens(rows), library, Forgotten())[0] for rows in days]
        users, frame = seeds.taste(usable, small.DAY)
        return {(users[row.user], row.song): row.weight for row in frame.itertuples()}

    once = [days[0], days[1][1:], days[2][1:2]]
    assert taste(days) == taste(days[::-1]) == taste([[*days[1], *days[0], *days[2]]]) == taste(once)


def test_strange_numbers_do_not_spread():
    found = weights(
        [("u", "a00", NOW, float("nan"), "play"), ("u", "a01", NOW, -5, "play"), ("u", "a02", NOW, 1e30, "play")]
    )
    assert found == {("u", "a00"): 0, ("u", "a01"): 0, ("u", "a02"): 1}


def test_what_cannot_be_used_is_counted():
    library = small.library(
        {"a": ("2026-11-22", "x", None), "b": ("2026-11-22", None, None)},
        forgotten=Forgotten(frozenset({"b"}), frozenset({"gone"})),
    )
    rows = [
        ("u", "a", NOW, 1, "play"),
        ("u", "b", NOW, 1, "play"),
        ("u", "c", NOW, 1, "play"),
        ("gone", "a", NOW, 1, "play"),
        ("", "a", NOW, 1, "play"),
        ("u", "a", NOW, 1, "dance"),
    ]
    usable, ignored = seeds.known(small.listens(rows), library, Forgotten(users=frozenset({"gone"})))
    assert ignored == 5
    assert usable["song"].tolist() == [0]


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w"]),
        st.sampled_from(["a00", "a01", "a02", "a03", "unknown"]),
        st.sampled_from([NOW, "2026-11-20T10:00:00", "2026-11-01T00:00:00"]),
        st.floats(0, 200, width=32),
        st.sampled_from(["play", "like", "skip"]),
    ),
    max_size=30,
)


@given(_ROWS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_listens_and_other_users_change_nothing(rows, rng: random.Random):
    shuffled = list(rows)
    rng.shuffle(shuffled)
    whole = weights(rows)
    assert weights(shuffled) == whole
    alone = {key: weight for key, weight in whole.items() if key[0] == "u"}
    assert weights([row for row in rows if row[0] == "u"]) == alone


@settings(deadline=None)  # the first call may compile
@given(st.lists(st.floats(-3, 3).map(lambda value: round(value, 2)), max_size=120))
def test_seeds_are_the_largest_of_both_signs(values):
    songs, found = seeds.choose(np.arange(len(values)), np.array(values))
    assert songs.tolist() == sorted(songs.tolist())
    assert [values[song] for song in songs] == found.tolist()
    liked, disliked = sorted(value for value in values if value > 0), sorted(value for value in values if value < 0)
    assert sorted(found[found > 0].tolist()) == liked[-SEEDS_PER_USER:]
    assert sorted(found[found < 0].tolist()) == disliked[:DISLIKED_SEEDS_PER_USER]
    assert 0 not in found
