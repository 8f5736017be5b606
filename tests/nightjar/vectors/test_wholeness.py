"""When an answer counts, by what a cluster says of itself: here in an order that a test decides."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from nightjar.thresholds import MILVUS_JOIN_S, MILVUS_SAMPLES
from nightjar.vectors import connection, wholeness
from nightjar.vectors.wholeness import Wholeness

BOTH, ONE, REJOINED = ((1, "c", 10), (2, "c", 11)), ("901",), ((1, "c", 12), (2, "c", 11))


class Cluster:
    """Says who answers, and gives the counts in turn, the last one for ever."""

    def __init__(self, leaders: tuple | None, *counts: int) -> None:
        self.now, self.counted, self.started = leaders, 0, {}
        self.client = SimpleNamespace(query=None)
        self.gives(*counts)

    def gives(self, *counts: int) -> None:
        self._counts = chain(counts, repeat(counts[-1] if counts else 0))

    def leaders(self, name: str) -> tuple | None:
        return self.now

    def ages(self) -> dict[int, float]:
        return self.started

    def call(self, *_: object, **__: object) -> list[dict]:
        self.counted += 1
        return [{"count(*)": next(self._counts)}]


@pytest.fixture
def clock(monkeypatch):
    moment = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(wholeness, "time", SimpleNamespace(monotonic=lambda: moment.now))
    return moment


def test_milvus_without_query_nodes_is_believed(clock):
    cluster = Cluster(None)
    assert Wholeness(cluster).holds("c")
    assert cluster.counted == 0


def test_counts_must_agree_until_joining_would_be_over(clock):
    cluster = Cluster(BOTH, 900)
    watch = Wholeness(cluster)
    assert watch.holds("c")
    assert cluster.counted == MILVUS_SAMPLES
    cluster.gives(900, 900, 600, 900)
    assert not watch.holds("c")
    clock.now += MILVUS_JOIN_S + 1
    cluster.gives(900)
    counted = cluster.counted
    assert watch.holds("c")
    assert cluster.counted == counted


def test_an_answer_during_which_the_nodes_changed_does_not_count(clock):
    cluster = Cluster(BOTH, 900)
    watch = Wholeness(cluster)
    assert watch.holds("c")
    clock.now += 1000
    for leaders in (ONE, REJOINED):
        cluster.now = leaders
        assert not watch.holds("c")
        assert watch.holds("c")
        clock.now += 1
    cluster.gives(900, 600)
    assert not watch.holds("c")


def test_a_single_node_that_comes_back_with_fewer_is_not_believed_so_soon(clock):
    cluster = Cluster(BOTH[:1], 900)
    watch = Wholeness(cluster)
    assert watch.holds("c")
    cluster.now = REJOINED[:1]
    cluster.gives(600)
    assert [watch.holds("c") for _ in range(3)] == [False] * 3
    cluster.gives(900)
    assert watch.holds("c")
    cluster.gives(600)  # others may remove vectors
    clock.now += MILVUS_JOIN_S + 1
    assert watch.holds("c")


def test_own_writes_may_lower_the_count(clock):
    cluster = Cluster(BOTH, 900)
    watch = Wholeness(cluster)
    assert watch.holds("c")
    watch.written("c")
    cluster.gives(890)
    assert watch.holds("c")


def test_who_knows_no_count_waits_until_a_node_that_has_just_started_has_joined(clock):
    cluster = Cluster(BOTH, 900)
    cluster.started = {10: 3600.0, 11: 2.0}
    assert not Wholeness(cluster).holds("c")  # the counts agree, as they do where all come from the one that joins
    cluster.started[11] = MILVUS_JOIN_S
    assert Wholeness(cluster).holds("c")
    watch = Wholeness(cluster)
    assert watch.holds("c")
    cluster.now, cluster.started = REJOINED, {12: 1.0, 11: 3600.0}
    assert not watch.holds("c")
    assert watch.holds("c")  # there must be 900, and there are
    watch.written("c")
    assert not watch.holds("c")


def test_a_timestamp_of_milvus():
    at = datetime(2026, 11, 25, 16, 15, tzinfo=UTC).timestamp()
    assert connection._milliseconds((int(at * 1000) << 18) + 7) == at * 1000


def test_when_a_node_started():
    wanted = datetime(2026, 11, 25, 14, 53, 5, tzinfo=UTC).timestamp()
    assert connection._moment("2026-11-25 14:53:05.818236949 +0000 UTC") == wanted
    assert connection._moment("2026-11-25 22:53:05.8 +0800 CST m=+0.012") == wanted
