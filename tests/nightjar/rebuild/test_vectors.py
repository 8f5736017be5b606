"""Milvus wiped, damaged or half filled, and built again from the lake: what it holds and finds is what it was."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import live
from nightjar.rebuild.vectors import rebuild_vectors
from nightjar.settings import Settings
from nightjar.takedowns.steps import forget, purge_takedowns
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, UPLOADS, vector
from tests.nightjar.takedowns import world

ALIASES = {"tracks": "tracks__nightjar_pair_x2d_2", "windows": "windows__nightjar_pair_x2d_2"}


def quiet(_: str) -> None: ...


def held(settings, milvus) -> dict:
    """Counts by day, every key with its vector, the answer to a search for every song, and the aliases."""
    with VectorStore(settings) as store:
        counts = {(kind, day): store.count(kind, day) for kind in KINDS for day in DAYS}
        counts |= {kind: store.count(kind) for kind in KINDS}
        rows = {
            kind: {
                key: vector.tolist()
                for day in DAYS
                for names, vectors in store.day_vectors(kind, day)
                for key, vector in zip(names, vectors, strict=True)
            }
            for kind in KINDS
        }
        asked = np.array([vector(upload.sound, upload.track_id, 0.3) for upload in UPLOADS])
        found = {
            kind: [[each._replace(similarity=round(each.similarity, 5)) for each in hits] for hits in answers]
            for kind in KINDS
            for answers in [store.search(asked, 8, kind=kind)]
        }
    aliases = {kind: milvus.describe_alias(kind)["collection_name"] for kind in KINDS}
    return {"counts": counts, "rows": rows, "found": found, "aliases": aliases}


def wipe(milvus) -> None:
    for name in milvus.list_collections():
        for alias in milvus.list_aliases(name).get("aliases", []):
            milvus.drop_alias(alias)
        milvus.drop_collection(name)


def test_an_empty_milvus_holds_and_finds_what_it_did(loaded, milvus):
    before, bucket = held(loaded, milvus), world.contents(loaded)
    wipe(milvus)
    said: list[str] = []
    found = rebuild_vectors(loaded, say=said.append)
    songs, windows = before["counts"]["tracks"], before["counts"]["windows"]
    assert found == {
        **{"model": loaded.model, "live": True, "days": 3, "tracks": songs, "windows": windows},
        **{"written": songs + windows, "removed": 0, "moved": True, "recall": {"tracks": 1.0, "windows": 1.0}},
    }
    assert (songs, len(said)) == (len(UPLOADS), 3)
    assert said[0].startswith("2026-11-20 (1 of 3): 3 songs and 36 windows; 39 vectors written, 0 removed")
    assert held(loaded, milvus) == before
    assert before["aliases"] == ALIASES
    assert rebuild_vectors(loaded, say=quiet) == found | {"written": 0, "moved": False}
    assert held(loaded, milvus) == before
    assert world.contents(loaded) == bucket


def test_what_is_missing_wrong_or_too_much_is_put_right_and_the_rest_stays(loaded, milvus, monkeypatch):
    before, lake = held(loaded, milvus), Lake(loaded)
    with VectorStore(loaded) as store:
        songs = lake.read(Partition("embeddings", DAYS[1], loaded.model))
        turned = songs.slice(0, 1).set_column(2, "vector", [[(-songs["vector"][0].values.to_numpy()).tolist()]])
        store.upsert("tracks", turned)
        moved = songs.slice(1, 1).set_column(1, "day", [[DAYS[0]]])
        store.upsert("tracks", moved)
        store.upsert("tracks", turned.set_column(0, "track_id", [["stranger"]]))
        strange = songs.slice(0, 2).set_column(1, "day", [["2026-12-24"] * 2])
        store.upsert("tracks", strange.set_column(0, "track_id", [["from-another", "time"]]))
        store.delete_day_except("windows", DAYS[2], lake.read(Partition("windows", DAYS[2], loaded.model)).slice(5))
    assert held(loaded, milvus) != before
    written: list[tuple[str, list[str]]] = []
    real = VectorStore.upsert

    def noted(self, kind, rows):
        written.append((kind, rows["track_id"].to_pylist()))
        real(self, kind, rows)

    monkeypatch.setattr(VectorStore, "upsert", noted)
    found = rebuild_vectors(loaded, say=quiet)
    assert (found["written"], found["removed"], found["moved"]) == (2 + 5, 4, False)
    assert sorted(each for kind, ids in written if kind == "tracks" for each in ids) == ["alpha-again", "beta-begin"]
    assert held(loaded, milvus) == before


def test_half_of_the_rows_lost_and_one_collection(loaded, milvus):
    before, lake = held(loaded, milvus), Lake(loaded)
    with VectorStore(loaded) as store:
        for kind in KINDS:
            for day in DAYS:
                rows = lake.read(Partition(TABLES[kind], day, loaded.model))
                store.delete_day_except(kind, day, rows.take(list(range(0, rows.num_rows, 2))))
    found = rebuild_vectors(loaded, say=quiet)
    assert found["written"] == sum((before["counts"][kind, day]) // 2 for kind in KINDS for day in DAYS)
    assert held(loaded, milvus) == before
    milvus.drop_alias("windows")
    milvus.drop_collection(ALIASES["windows"])
    found = rebuild_vectors(loaded, say=quiet)
    assert (found["written"], found["moved"]) == (before["counts"]["windows"], True)
    assert held(loaded, milvus) == before


@pytest.mark.parametrize("step", [1, *(pytest.param(each, marks=pytest.mark.services) for each in (0, 4, 6))])
def test_killed_in_the_middle_the_next_ends_right(loaded, milvus, step):
    """Before the first write, between a day's windows and its songs, between days, and before the aliases."""
    before = held(loaded, milvus)
    wipe(milvus)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_rebuild_and_die, args=(dict(os.environ), step))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not any(milvus.list_aliases(name).get("aliases") for name in milvus.list_collections())
    found = rebuild_vectors(loaded, say=quiet)
    assert held(loaded, milvus) == before
    whole = before["counts"]["tracks"] + before["counts"]["windows"]
    assert found["written"] == whole if step == 0 else found["written"] < whole
    assert found["moved"]


def _rebuild_and_die(environ: dict[str, str], step: int) -> None:
    """Six writes, then the aliases: it does not live longer than `step` of them."""
    os.environ.update(environ)
    done = 0

    def dying(method):
        def wrapped(*arguments):
            nonlocal done
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return method(*arguments)

        return wrapped

    VectorStore.upsert, VectorStore.make_live = dying(VectorStore.upsert), dying(VectorStore.make_live)
    rebuild_vectors(Settings.load(), say=quiet)


def test_a_collection_whose_maker_was_killed_gets_its_index(loaded, milvus):
    before = held(loaded, milvus)
    wipe(milvus)
    with VectorStore(loaded) as store:
        store.ensure(nights.DIMENSION)
        milvus.release_collection(ALIASES["tracks"])
        milvus.drop_index(ALIASES["tracks"], "vector")
    rebuild_vectors(loaded, say=quiet)
    assert milvus.list_indexes(ALIASES["tracks"]) == ["vector"]
    assert held(loaded, milvus) == before


def test_what_is_taken_down_does_not_come_back(settings, milvus, kv, monkeypatch):
    """Neither before the night clears the lake, nor after it; nor if it is taken down, or wholly purged, meanwhile."""
    world.make(settings)
    gone = {"gamma", "beta"}
    forget(settings, ["gamma"], ["bob"])
    before = held(settings, milvus)
    assert gone.isdisjoint(before["rows"]["tracks"])
    wipe(milvus)
    rebuild_vectors(settings, say=quiet)
    assert held(settings, milvus) == before
    purge_takedowns(settings, DAYS[2])
    wipe(milvus)
    rebuild_vectors(settings, say=quiet)
    assert held(settings, milvus) == before

    wipe(milvus)
    real = VectorStore.upsert

    def late(self, kind, rows):
        if kind == "tracks" and "delta" in rows["track_id"].to_pylist():
            monkeypatch.setattr(VectorStore, "upsert", real)
            forget(settings, ["delta"])
            purge_takedowns(settings, DAYS[2])
        real(self, kind, rows)

    monkeypatch.setattr(VectorStore, "upsert", late)
    rebuild_vectors(settings, say=quiet)
    assert (gone | {"delta"}).isdisjoint(world.loaded(settings))
    assert len(set(world.loaded(settings))) == len(UPLOADS) - 3


def test_a_candidate_comes_back_beside_the_live_one(loaded, milvus):
    other = replace(loaded, model="other-2")
    for day in DAYS[:2]:
        nights.write_day(other, day)
        load_vectors(other, day)
    before, theirs = held(loaded, milvus), held(other, milvus)
    wipe(milvus)
    rebuild_vectors(loaded, say=quiet)
    found = rebuild_vectors(loaded, "other-2", say=quiet)
    assert (found["live"], found["moved"], found["days"]) == (False, False, 2)
    assert held(other, milvus) == theirs
    assert held(loaded, milvus) == before
    assert live.read(Lake(loaded).objects).model == loaded.model


def test_a_day_that_a_night_loads_meanwhile_is_not_taken_for_a_stranger(loaded, milvus):
    later = "2026-11-23"
    uploads = [replace(each, day=later, track_id=f"{each.track_id}-later") for each in UPLOADS[:2]]

    def say(line: str) -> None:
        if line.startswith(DAYS[2]):
            nights.write_day(loaded, later, uploads)
            load_vectors(loaded, later)

    assert rebuild_vectors(loaded, say=say)["removed"] == 0
    with VectorStore(loaded) as store:
        assert store.count("tracks", later) == 2


def test_a_search_that_finds_too_little_moves_no_alias(loaded, milvus, monkeypatch):
    wipe(milvus)
    real = VectorStore._search

    def poor(self, kind, vectors, limit, wanted):
        """As many as were asked for, the nearest two of them again and again."""
        return [(hits[:3] * limit)[:limit] for hits in real(self, kind, vectors, limit, wanted)]

    with monkeypatch.context() as patched:
        patched.setattr(VectorStore, "_search", poor)
        with pytest.raises(NightjarError, match=r"in tracks__\S+ find \d\d% of what is nearest, not 95%"):
            rebuild_vectors(loaded, say=quiet)
    assert not any(milvus.list_aliases(name).get("aliases") for name in milvus.list_collections())
    assert rebuild_vectors(loaded, say=quiet)["moved"]


def test_a_store_that_does_not_keep_what_it_is_given_is_named(loaded, milvus, monkeypatch):
    wipe(milvus)
    real = VectorStore.upsert
    monkeypatch.setattr(VectorStore, "upsert", lambda self, kind, rows: real(self, kind, rows.slice(1)))
    with pytest.raises(NightjarError, match=r"tracks__\S+ holds 2 vectors of 2026-11-20 instead of 3"):
        rebuild_vectors(loaded, say=quiet)


def test_days_without_songs_and_a_lake_without_days(settings, milvus):
    with pytest.raises(NightjarError, match="no day is embedded by a model 'nightjar_pair-2'"):
        rebuild_vectors(settings, say=quiet)
    nights.write_day(settings, DAYS[0], [])
    assert rebuild_vectors(settings, say=quiet)["tracks"] == 0
    assert milvus.list_collections() == []
    nights.write_day(settings, DAYS[1])
    loaded = load_vectors(settings, DAYS[1])
    Lake(settings).write(Partition("embeddings", DAYS[1], settings.model), schemas.table("embeddings", []))
    Lake(settings).write(Partition("windows", DAYS[1], settings.model), schemas.table("windows", []))
    assert rebuild_vectors(settings, say=quiet)["removed"] == loaded["tracks"] + loaded["windows"]


def test_the_command(loaded, milvus, capsys):
    wipe(milvus)
    assert main(["rebuild", "vectors"]) == 0
    said = capsys.readouterr()
    assert "Milvus holds 10 songs and" in said.out
    assert "The aliases lead to them now." in said.out
    assert len(said.err.splitlines()) == 3
    assert main(["rebuild", "vectors", "--model", loaded.model, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 0
    assert main(["rebuild", "vectors", "--model", "unknown-1"]) == 1
    assert "no day is embedded by a model 'unknown-1'" in capsys.readouterr().err
