"""What the vector store promises, on every Milvus alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from nightjar import schemas
from nightjar.errors import NightjarError
from nightjar.vectors import connection
from nightjar.vectors.store import Hit, VectorStore

DAYS = ("2026-11-20", "2026-11-21")
DIMENSION = 8


def songs(day: str, *names: str, seed: int = 0) -> pa.Table:
    """Rows of `embeddings` with random vectors of length 1."""
    made = np.random.default_rng(seed).standard_normal((len(names), DIMENSION))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    rows = zip(names, made.astype(np.float32), strict=True)
    return schemas.table("embeddings", [{"track_id": name, "day": day, "vector": vector} for name, vector in rows])


def windows(day: str, name: str, count: int) -> pa.Table:
    vectors = songs(day, *(f"{name}{number}" for number in range(count)), seed=count)["vector"].to_pylist()
    rows = [
        {"track_id": name, "day": day, "window": number, "start_s": 3.0 * number, "vector": vector}
        for number, vector in enumerate(vectors)
    ]
    return schemas.table("windows", rows)


def vectors(rows: pa.Table) -> np.ndarray:
    return np.stack(rows["vector"].to_numpy(zero_copy_only=False))


@pytest.fixture
def store(settings, milvus):
    with VectorStore(settings) as made:
        made.ensure(DIMENSION)
        yield made


def test_songs_are_found_by_similarity_and_day(store):
    first, second = songs(DAYS[0], "a", "b", "c"), songs(DAYS[1], "d", "e", seed=1)
    store.upsert("tracks", first)
    store.upsert("tracks", second)
    [hits] = store.search(vectors(first)[:1], 10)
    cosines = np.concatenate([vectors(first), vectors(second)]) @ vectors(first)[0]
    assert [hit.track_id for hit in hits] == ["abcde"[i] for i in np.argsort(-cosines)]
    assert [hit.similarity for hit in hits] == pytest.approx(sorted(cosines, reverse=True), abs=1e-5)
    assert hits[0] == Hit("a", pytest.approx(1.0, abs=1e-5), DAYS[0], None)
    [early] = store.search(vectors(second)[:1], 10, DAYS[0])
    assert {hit.track_id for hit in early} == {"a", "b", "c"}
    assert store.search(vectors(first)[:0], 10) == []


def test_collections_that_a_restart_left_unloaded_are_loaded_by_reading(store, settings, milvus):
    store.upsert("tracks", rows := songs(DAYS[0], "a", "b"))
    store.upsert("windows", windows(DAYS[0], "a", 2))
    for ask in (
        lambda made: made.search(vectors(rows)[:1], 1)[0][0].track_id == "a",
        lambda made: list(made.vectors_of(["b"])) == ["b"],
        lambda made: made.count("windows") == 2,
        lambda made: made.delete_tracks(["b"]) == 1,
    ):
        for kind in ("tracks", "windows"):
            milvus.release_collection(store.collection(kind))
        with VectorStore(settings) as anew:
            assert ask(anew)


def test_many_queries_are_asked_in_batches(store, monkeypatch):
    monkeypatch.setattr("nightjar.vectors.store.MILVUS_BATCH_QUERIES", 7)
    monkeypatch.setattr("nightjar.vectors.store.MILVUS_BATCH_BYTES", 1000)
    monkeypatch.setattr("nightjar.vectors.store.MILVUS_BATCH_IDS", 3)
    names = [f"s{number:02d}" for number in range(20)]
    rows = songs(DAYS[0], *names)
    store.upsert("tracks", rows)
    assert [hits[0].track_id for hits in store.search(vectors(rows), 2, own=names)] == names
    found = store.vectors_of([*names, "unknown"])
    assert sorted(found) == names
    assert np.allclose(np.stack([found[name] for name in names]), vectors(rows), atol=1e-6)
    store.delete_tracks([*names[:10], "unknown"])
    assert store.count() == 10


def test_windows_carry_their_number(store):
    rows = windows(DAYS[0], "a", 12)
    store.upsert("windows", rows)
    [hits] = store.search(vectors(rows)[11:], 1, kind="windows")
    assert (hits[0].track_id, hits[0].window) == ("a", 11)


def test_an_upsert_replaces_and_what_vanished_goes(store):
    store.upsert("tracks", songs(DAYS[0], "a", "b", "c"))
    store.upsert("tracks", songs(DAYS[1], "z"))
    again = songs(DAYS[0], "a", "b", seed=5)
    store.upsert("tracks", again)
    assert store.delete_day_except("tracks", DAYS[0], again) == 1
    assert store.delete_day_except("tracks", DAYS[0], again) == 0
    assert (store.count(), store.count(day=DAYS[0]), store.count(upto_day=DAYS[0])) == (3, 2, 2)
    assert np.allclose(store.vectors_of(["a"])["a"], vectors(again)[0], atol=1e-6)
    store.upsert("windows", windows(DAYS[0], "a", 5))
    shorter = windows(DAYS[0], "a", 3)
    store.upsert("windows", shorter)
    assert store.delete_day_except("windows", DAYS[0], shorter) == 2
    assert store.count("windows", DAYS[0]) == 3


def test_pages_of_a_day_are_all_read(store, monkeypatch):
    monkeypatch.setattr("nightjar.vectors.store.MILVUS_MAX_LIMIT", 10)
    rows = songs(DAYS[0], *(f"s{number:02d}" for number in range(35)))
    store.upsert("tracks", rows)
    assert store.delete_day_except("tracks", DAYS[0], rows.slice(0, 4)) == 31


def test_the_aliases_move_by_an_explicit_act_only(store, settings, milvus):
    store.upsert("tracks", songs(DAYS[0], "a"))
    assert not store.is_live()
    store.make_live()
    assert store.is_live()
    with VectorStore(replace(settings, model="other-2")) as other:
        assert not other.exists()
        with pytest.raises(NightjarError, match="no vectors of other-2"):
            other.make_live()
        other.ensure(3)
        assert not other.is_live()
        assert other.count() == 0
        other.make_live()
        assert other.is_live()
    assert not store.is_live()
    assert store.count() == 1
    store.ensure(DIMENSION)
    assert not store.is_live()
    assert milvus.describe_alias("tracks")["collection_name"] == "tracks__other_x2d_2"


def test_models_with_like_names_do_not_share_a_collection(store, settings, milvus):
    milvus.create_collection("others__x", dimension=4)
    names = set()
    for model in ("a-1", "a_1", "a.1"):
        with VectorStore(replace(settings, model=model)) as other:
            names.add(other.collection("tracks"))
            other.ensure(3)
            assert model in other.models()
    assert len(names) == 3
    assert store.models() == sorted(["a-1", "a_1", "a.1", settings.model])


def test_another_dimension_is_refused(store):
    with pytest.raises(NightjarError, match="dimension 8, these have 9"):
        store.ensure(9)


def test_before_the_first_load_there_is_nothing(settings, milvus):
    with VectorStore(settings) as store:
        assert not store.exists()
        assert store.count() == 0
        assert store.search(np.eye(2, 4, dtype=np.float32), 5) == [[], []]
        with pytest.raises(NightjarError, match="no vectors of"):
            store.search(np.eye(1, 4, dtype=np.float32), 5, own=["a"])


def test_an_address_without_milvus_is_named(settings, monkeypatch):
    monkeypatch.setattr(connection, "MILVUS_CONNECT_S", 0.0)
    with pytest.raises(NightjarError, match=r"http://127\.0\.0\.1:1 failed") as failed:
        VectorStore(replace(settings, milvus_uri="http://127.0.0.1:1"))
    assert "NIGHTJAR_MILVUS_URI" in failed.value.remedy


def test_wrong_requests_are_named(store):
    with pytest.raises(NightjarError, match="kind 'albums'"):
        store.count("albums")
    with pytest.raises(NightjarError, match="a search for 0 vectors"):
        store.search(np.eye(1, DIMENSION), 0)
    with pytest.raises(NightjarError, match=r"Milvus at .* failed"):
        store.upsert("tracks", songs(DAYS[0], "x" * 80))


def test_a_short_answer_is_asked_for_again(store, monkeypatch):
    """What a cluster does while a query node joins: empty and short lists, and no error."""
    monkeypatch.setattr(connection, "MILVUS_RETRY_S", (0.0, 0.0, 0.0))
    rows = songs(DAYS[0], "a", "b", "c")
    store.upsert("tracks", rows)
    real, asked = store._search, []

    def short(*arguments: object) -> list[list[Hit]]:
        asked.append(arguments)
        whole = real(*arguments)
        cut = {1: [[] for _ in whole], 2: [hits[:1] for hits in whole]}
        return cut.get(len(asked), whole)

    monkeypatch.setattr(store, "_search", short)
    assert len(store.search(vectors(rows)[:1], 3)[0]) == 3
    assert len(asked) == 3


def test_a_song_that_does_not_find_itself_is_an_error(store, monkeypatch):
    monkeypatch.setattr(connection, "MILVUS_RETRY_S", (0.0,))
    rows = songs(DAYS[0], "a", "b", "c")
    store.upsert("tracks", rows)
    with pytest.raises(NightjarError, match="keeps missing vectors"):
        store.search(vectors(rows)[:1], 3, own=["gone"])


def test_a_song_among_more_copies_than_were_asked_for_has_found_itself(store):
    one = songs(DAYS[0], "a")
    for name in "abcd":
        store.upsert("tracks", one.set_column(0, "track_id", pa.array([name])))
    assert len(store.search(vectors(one), 2, own=["d"])[0]) == 2
