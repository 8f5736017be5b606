"""Answers of the store from which a segment is missing, as while a query node joins: they are asked for again."""

from __future__ import annotations

import numpy as np
import pytest

from nightjar.errors import NightjarError
from nightjar.objects import Objects
from nightjar.vectors.sentinels import Notes
from nightjar.vectors.store import VectorStore
from tests.nightjar.vectors.test_store import DAYS, DIMENSION, songs, vectors

OLD, NEW = songs(DAYS[0], *(f"a{number:02d}" for number in range(20))), songs(DAYS[1], "b1", "b2", "b3", seed=1)


@pytest.fixture
def store(settings, milvus):
    """Milvus Lite, too, must prove its answers here."""
    with VectorStore(settings) as made:
        made._wholeness._notes = Notes(Objects(settings))
        made.ensure(DIMENSION)
        for day, rows in zip(DAYS, (OLD, NEW), strict=True):
            made.upsert("tracks", rows)
            made.attest("tracks", day, rows)
        yield made


@pytest.fixture
def joining(store, monkeypatch):
    """The first three answers lack the older day."""
    left, before = [3], store._client

    def lacking(method):
        def answer(name, **wanted):
            if left[0]:
                left[0] -= 1
                wanted["filter"] = f"day > 20261120 and ({wanted.get('filter') or 'day > 0'})"
            return method(name, **wanted)

        return answer

    monkeypatch.setattr("nightjar.vectors.connection.MILVUS_RETRY_S", (0.01,) * 10)
    for name in ("search", "query"):
        monkeypatch.setattr(before, name, lacking(getattr(before, name)))
    return left


def test_a_search_finds_what_is_nearest(store, joining):
    exact = np.argsort(-(vectors(OLD) @ vectors(OLD)[3]))
    [hits] = store.search(vectors(OLD)[3:4], 5)
    assert joining == [0]
    near = [hit for hit in hits if hit.day == DAYS[0]]
    assert [hit.track_id for hit in near] == [f"a{at:02d}" for at in exact[: len(near)]]
    assert hits[0].track_id == "a03"
    assert len(hits) == 5, "sentinels are no hits"


def test_an_early_search_asks_for_early_sentinels(store):
    [hits] = store.search(vectors(NEW)[:1], 30, DAYS[0])
    assert len(hits) == 20


def test_vectors_are_found_by_their_ids(store, joining):
    assert sorted(store.vectors_of(["a03", "b1", "nobody"])) == ["a03", "b1"]
    assert joining == [0]


def test_a_song_that_is_taken_down_is_asked_for_no_more(store):
    assert store.delete_tracks(["a00", "a19", "b1"]) == 3
    [hits] = store.search(vectors(OLD)[:1], 30)
    assert len(hits) == 20


def test_a_day_that_is_loaded_with_fewer_songs(store):
    fewer = NEW.slice(0, 1)
    store.upsert("tracks", fewer)
    assert store.delete_day_except("tracks", DAYS[1], fewer) == 2
    store.attest("tracks", DAYS[1], fewer)
    assert store._wholeness.notes.read(store.collection("tracks"))[DAYS[1]] == ["b1"]
    assert len(store.search(vectors(OLD)[:1], 30)[0]) == 21


def test_keys_are_all_found_however_many_there_are(store, joining, monkeypatch):
    monkeypatch.setattr("nightjar.vectors.store.MILVUS_MAX_LIMIT", 9)
    keys = OLD["track_id"].to_pylist()
    assert sorted(store.day_keys("tracks", DAYS[0])) == keys
    assert sorted(store.day_keys("tracks", DAYS[0], keys)) == keys
    assert store.count() == 23
    assert store.delete_day_except("tracks", DAYS[0], OLD.slice(2)) == 2
    assert store.other_days("tracks", [DAYS[0]]) == [DAYS[1]]
    assert store.other_days("tracks", DAYS) == []


def test_a_day_from_which_a_song_is_missing_is_an_error(store):
    with pytest.raises(NightjarError, match="holds 20 vectors of 2026-11-20 instead of 21"):
        store.delete_day_except("tracks", DAYS[0], songs(DAYS[0], *OLD["track_id"].to_pylist(), "lost"))


def test_counts_come_from_an_answer_that_proves_itself(store, joining):
    assert store.count() == 23
    assert store.count(day=DAYS[0]) == 20
    assert joining == [0]
