"""When an answer counts: a cluster of which a test says who answers, and from which days' vectors."""

from __future__ import annotations

import re
from itertools import chain, repeat

import numpy as np
import pytest

from nightjar.errors import NightjarError
from nightjar.objects import Objects
from nightjar.thresholds import MILVUS_SAMPLES
from nightjar.vectors.hits import Hit
from nightjar.vectors.sentinels import Notes, Sentinels, chosen
from nightjar.vectors.wholeness import Wholeness

NAME = "tracks__a"
VECTORS = {f"{letter}{number}": np.full(4, number, np.float32) for letter in "ab" for number in range(5)}
DAYS = {"2026-11-20": [f"a{number}" for number in range(5)], "2026-11-21": [f"b{number}" for number in range(5)]}
WHOLE, JOINING = frozenset("ab"), frozenset("b")


class Cluster:
    """Whoever answers knows the songs of some letters only. The last of them answers for ever."""

    lite, client = False, type("Client", (), {"query": "query"})
    tries = 4

    def __init__(self) -> None:
        self.asked, self.there = 0, set(VECTORS)
        self.answers(WHOLE)

    def answers(self, *letters: frozenset[str]) -> None:
        self._turns = chain(letters, repeat(letters[-1]))

    def call(self, method: str, name: str, **wanted: object) -> list[dict]:
        self.asked += 1
        known = next(self._turns)
        ids = re.findall(r'"(\w+)"', wanted["filter"])
        return [{"id": each, "vector": VECTORS[each]} for each in ids if each in self.there and each[0] in known]

    def until(self, complete, ask, what):
        for _ in range(self.tries):
            if complete(answer := ask()):
                return answer
        raise NightjarError(f"{what} keeps missing vectors", "")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def wholeness(cluster, settings) -> Wholeness:
    made = Wholeness(cluster, settings)
    for day, keys in DAYS.items():
        made.attest(NAME, day, keys)
    return made


def asking(cluster: Cluster, wholeness: Wholeness, *wanted: str) -> list[str]:
    """The ids of `wanted` that an answer has which proves itself."""

    def ask(sentinels: Sentinels) -> list[str]:
        ids = ", ".join(f'"{each}"' for each in (*wanted, *sentinels.keys))
        return [row["id"] for row in cluster.call("query", NAME, filter=ids)]

    found = wholeness.proven(NAME, ask, lambda keys, sentinels: sentinels.are_among(keys))
    return [each for each in found if each in wanted]


def test_the_first_and_the_last_of_a_day_are_its_sentinels(wholeness):
    assert list(wholeness.sentinels(NAME).keys) == ["a0", "a4", "b0", "b4"]
    assert list(wholeness.sentinels(NAME).upto("2026-11-20").keys) == ["a0", "a4"]
    assert wholeness.sentinels(NAME).upto("2026-11-19").find_themselves([], 10)


def test_an_answer_that_lacks_a_days_sentinels_is_asked_for_again(cluster, wholeness):
    assert asking(cluster, wholeness, "a1", "b1", "a9") == ["a1", "b1"]
    cluster.answers(JOINING, JOINING, WHOLE)
    assert asking(cluster, wholeness, "a1") == ["a1"]
    cluster.answers(JOINING)
    with pytest.raises(NightjarError, match="keeps missing"):
        asking(cluster, wholeness, "a1")


def test_sentinels_are_not_learnt_from_a_node_that_lacks_some(cluster, wholeness):
    cluster.answers(JOINING, WHOLE)
    assert asking(cluster, wholeness, "a1") == ["a1"]


def test_what_is_taken_down_is_no_sentinel(cluster, wholeness, settings):
    with wholeness.without(NAME, ["a0", "a1"]):
        cluster.there -= {"a0", "a1"}
        Notes(Objects(settings)).add(NAME, "2026-11-20", DAYS["2026-11-20"])  # by another process, which loads the day
    assert list(wholeness.sentinels(NAME).keys) == ["a4", "b0", "b4"]


def test_another_process_notices_that_a_sentinel_was_taken_down(cluster, wholeness, settings):
    other = Wholeness(cluster, settings)
    assert asking(cluster, other, "a1") == ["a1"]
    with wholeness.without(NAME, ["a0"]):
        cluster.there -= {"a0"}
    assert asking(cluster, other, "a1") == ["a1"]


def test_what_was_taken_down_before_it_is_attested_is_no_sentinel(cluster, wholeness):
    cluster.there -= {"b0"}
    wholeness.attest(NAME, "2026-11-21", DAYS["2026-11-21"])
    assert list(wholeness.sentinels(NAME).keys) == ["a0", "a4", "b4"]


def test_windows_go_with_their_song(settings):
    notes = Notes(Objects(settings))
    notes.add("windows__a", "2026-11-20", ["x#0000", "x#0001", "y#0000"])
    notes.remove("windows__a", ["x"])
    assert notes.read("windows__a") == {"2026-11-20": ["y#0000"]}
    notes.add("windows__a", "2026-11-21", [])
    assert notes.read("windows__a") == {"2026-11-20": ["y#0000"]}
    notes.remove("windows__a", ["y#0000"])
    assert notes.read("windows__a") == {}


def test_a_collection_that_is_made_anew_has_none(cluster, wholeness):
    wholeness.begin_anew(NAME)
    cluster.answers(JOINING)
    assert wholeness.sentinels(NAME).keys == []
    assert asking(cluster, wholeness, "a1") == []


def test_a_count_counts_if_all_that_are_asked_at_once_agree(wholeness):
    told, asked = chain([900] * 11, [600], repeat(900)), []

    def ask() -> int:
        asked.append(1)
        return next(told)

    assert wholeness.agreed(NAME, ask) == 900
    assert len(asked) == 2 * MILVUS_SAMPLES


def test_milvus_lite_is_believed(cluster, settings):
    cluster.lite = True
    lite = Wholeness(cluster, settings)
    lite.attest(NAME, "2026-11-22", ["nobody"])
    with lite.without(NAME, ["nobody"]):
        lite.begin_anew(NAME)
    told = iter((7, 8))
    assert lite.agreed(NAME, lambda: next(told)) == 7
    assert lite.sentinels(NAME).keys == []
    assert cluster.asked == 0


# --- pure -------------------------------------------------------------------------------------------------------------
def test_the_newest_days_are_chosen_and_evenly_those_before():
    days = [f"2026-{number:03d}" for number in range(100)]
    found = list(chosen({day: ["k"] for day in days}))
    assert found[-8:] == days[-8:]
    assert found[:8] == [days[at] for at in (0, 13, 26, 39, 52, 65, 78, 91)]
    assert list(chosen({day: ["k"] for day in days[:5]})) == days[:5]
    assert chosen({}) == {}


def test_of_each_day_one_sentinel_must_find_itself():
    sentinels = Sentinels(["a", "b", "c#0002"], ["1", "1", "2"], np.zeros((3, 4), np.float32))
    itself, window = Hit("b", 1.0, "1"), Hit("c", 0.9995, "2", 2)
    other, near = Hit("x", 0.9, "1"), Hit("x", 1.0, "1")
    assert sentinels.find_themselves([[other], [other, itself], [window]], 2)
    assert not sentinels.find_themselves([[other], [other, itself], [other]], 2)
    assert not sentinels.find_themselves([[other], [other], [window]], 2)
    assert not sentinels.find_themselves([[other], [itself], [Hit("c", 1.0, "2", 3)]], 2), "another window"
    assert sentinels.find_themselves([[near, near], [], [window]], 2), "as many copies as were asked for"
    assert not sentinels.find_themselves([[near], [], [window]], 2)
