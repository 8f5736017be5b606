"""What the lake has lost is not taken out of Milvus as well: a rebuild says so before it changes anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.rebuild.vectors import rebuild_vectors
from nightjar.vectors.names import KINDS, TABLES
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, UPLOADS

LATER = "2026-11-23"


def quiet(_: str) -> None: ...


@pytest.fixture
def loaded(loaded):
    """Of the second of the three days nothing else than vectors and tracks is committed."""
    for table in ("fingerprints", "speed_prints"):
        Lake(loaded).remove(Partition(table, DAYS[1], loaded.model))
    return loaded


def counts(settings) -> dict[tuple[str, str], int]:
    with VectorStore(settings) as store:
        return {(kind, day): store.count(kind, day) for kind in KINDS for day in (*DAYS, LATER)}


def lose(settings, table: str, day: str) -> None:
    """The manifest alone, as by a wrong `aws s3 rm`."""
    objects = Lake(settings).objects
    objects.delete(Partition(table, day, settings.model).manifest_key)


@pytest.mark.parametrize("table", TABLES.values())
@pytest.mark.parametrize(
    ("day", "why"),
    [(DAYS[0], "speed_prints of that day is there"), (DAYS[1], "(windows|Milvus has vectors) of that day")],
)
def test_a_day_that_lost_its_vectors(loaded, capsys, table, day, why):
    before = counts(loaded)
    with VectorStore(loaded) as store:  # something to mend, that must stay as it is
        store.delete_day_except("tracks", DAYS[2], schemas.empty("embeddings"))
    damaged = counts(loaded)
    lose(loaded, table, day)
    lost = f"{table}/dt={day}/model={loaded.model} is not committed, though {why}"
    with pytest.raises(NightjarError, match=f"Milvus would lose what the lake has lost: {lost}.*backfill.*{day}"):
        rebuild_vectors(loaded, say=quiet)
    assert counts(loaded) == damaged != before
    assert main(["rebuild", "vectors"]) == 1
    assert f"{table}/dt={day}" in capsys.readouterr().err
    nights.write_day(loaded, day)  # the backfill
    assert rebuild_vectors(loaded, say=quiet)["removed"] == 0
    assert counts(loaded) == before


def test_an_empty_milvus_does_not_hide_the_loss(loaded, milvus):
    for name in milvus.list_collections():
        for alias in milvus.list_aliases(name).get("aliases", []):
            milvus.drop_alias(alias)
        milvus.drop_collection(name)
    for table in TABLES.values():
        for day in (DAYS[0], DAYS[2]):
            lose(loaded, table, day)
    with pytest.raises(NightjarError, match=r"windows/dt=2026-11-20\S+ is not committed, though .*, and 1 more\."):
        rebuild_vectors(loaded, say=quiet)
    assert milvus.list_collections() == []


def test_a_day_that_is_not_embedded_yet_or_just_being_committed_is_no_loss(loaded):
    before, lake = counts(loaded), Lake(loaded)
    uploads = [replace(each, day=LATER, track_id=f"{each.track_id}-later") for each in UPLOADS[:2]]
    nights.write_day(loaded, LATER, uploads)
    for table in ("speed_prints", "fingerprints", "windows"):
        lake.remove(Partition(table, LATER, loaded.model))
        if table == "windows":
            assert rebuild_vectors(loaded, say=quiet)["days"] == 3
    lake.remove(Partition("embeddings", LATER, loaded.model))
    assert rebuild_vectors(loaded, say=quiet)["days"] == 3
    assert counts(loaded) == before
    nights.write_day(loaded, LATER, uploads)
    assert rebuild_vectors(loaded, say=quiet)["days"] == 4
    assert counts(loaded)["tracks", LATER] == 2


def test_a_loss_that_comes_while_it_runs_is_noticed_before_anything_goes(loaded):
    before = counts(loaded)

    def say(line: str) -> None:
        if line.startswith(DAYS[2]):
            nights.write_day(loaded, LATER, [replace(UPLOADS[0], day=LATER, track_id="late")])
            load_vectors(loaded, LATER)
            lose(loaded, "embeddings", LATER)

    with pytest.raises(NightjarError, match=f"embeddings/dt={LATER}"):
        rebuild_vectors(loaded, say=say)
    assert counts(loaded) == before | {("tracks", LATER): 1, ("windows", LATER): counts(loaded)["windows", LATER]}
    assert counts(loaded)["windows", LATER] > 0
