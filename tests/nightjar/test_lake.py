"""The lake on a real object store: whole or not there, the same bytes again, whatever happens in between."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.errors import NightjarError, PartitionMissing, SchemaMismatch
from nightjar.lake import Lake, Manifest, Part, Partition
from nightjar.settings import REPOSITORY

DAY = "2026-11-20"
GROUPS = Partition("duplicate_groups", DAY, "m")


def groups(*names: str, canonical: str = "c") -> pa.Table:
    return schemas.table("duplicate_groups", [{"track_id": name, "canonical_id": canonical} for name in names])


def stored(lake: Lake, prefix: str = "lake/") -> dict[str, bytes]:
    return {seen.key: lake.objects.get(seen.key) for seen in lake.objects.list(prefix)}


def ids(rows: pa.Table) -> list[str]:
    return rows["track_id"].to_pylist()


# --- whole or not there ----------------------------------------------------------------------------------------------
def test_staged_parts_are_invisible_until_the_commit(lake):
    lake.write_part(GROUPS, 0, groups("b", "a"))
    lake.write_part(GROUPS, 1, groups("d"))
    assert not lake.exists(GROUPS)
    with pytest.raises(PartitionMissing, match=r"dt=2026-11-20/model=m is not committed\. See the run of"):
        lake.read(GROUPS)
    assert lake.commit(GROUPS, 2).rows == 3
    assert ids(lake.read(GROUPS)) == ["a", "b", "d"]


def test_a_lake_of_before_has_nulls_in_the_columns_that_came_since(lake, monkeypatch):
    tracks = Partition("tracks", DAY)
    now = schemas.TABLES["tracks"]
    before = now.remove(now.get_field_index("container"))
    row = {name: None if kind.nullable else 1 for name, kind in zip(before.names, before, strict=True)}
    row |= dict.fromkeys(("track_id", "day", "key", "sha256", "codec"), "a") | {
        "uploaded_at": datetime(2026, 11, 20, tzinfo=UTC)
    }
    with monkeypatch.context() as earlier:
        earlier.setitem(schemas.TABLES, "tracks", before)
        lake.write(tracks, schemas.table("tracks", [row]))
    assert lake.read(tracks).schema.equals(now)
    assert lake.read(tracks)["container"].to_pylist() == [None]
    assert lake.read(tracks, ["container", "track_id"]).to_pylist() == [{"container": None, "track_id": "a"}]


def test_a_missing_shard_stops_the_commit(lake):
    lake.write_part(GROUPS, 1, groups("a"))
    with pytest.raises(NightjarError, match=r"shard 0 of 2 was never staged\. Clear the mapped task of that shard"):
        lake.commit(GROUPS, 2)
    assert not lake.exists(GROUPS)


def test_a_second_commit_replaces_the_first_and_sweeps_it(lake):
    for shard, name in enumerate("abc"):
        lake.write_part(GROUPS, shard, groups(name))
    lake.commit(GROUPS, 3)
    lake.write_part(GROUPS, 0, groups("z"))
    lake.commit(GROUPS, 1)
    assert ids(lake.read(GROUPS)) == ["z"]
    assert len(stored(lake)) == 3  # the part, its receipt, the manifest


def test_partitions_beside_each_other_are_not_touched(lake):
    others = [Partition("duplicate_groups", DAY, "m2"), Partition("duplicate_groups", "2026-11-21", "m")]
    for other in others:
        lake.write(other, groups("x"))
    lake.write(GROUPS, groups("a"))
    lake.write(GROUPS, groups("b"))
    lake.remove(GROUPS)
    assert not lake.exists(GROUPS)
    assert stored(lake, GROUPS.prefix) == {}
    assert [ids(lake.read(other)) for other in others] == [["x"], ["x"]]


def test_an_empty_table_is_a_committed_partition(lake):
    lake.write(GROUPS, groups())
    assert lake.exists(GROUPS)
    assert lake.read(GROUPS).schema.equals(schemas.DUPLICATE_GROUPS)


# --- the same bytes --------------------------------------------------------------------------------------------------
def test_the_same_rows_give_the_same_bytes_in_any_order_and_process(lake, settings):
    lake.write(GROUPS, groups(*"abcdef"))
    before = stored(lake)
    lake.write(GROUPS, groups(*"fedcba"))
    assert stored(lake) == before
    script = (
        "from nightjar.lake import *; from nightjar import schemas; from nightjar.settings import Settings\n"
        "rows = [{'track_id': name, 'canonical_id': 'c'} for name in 'cabfde']\n"
        "rows, partition = schemas.table('duplicate_groups', rows), Partition('duplicate_groups', '2026-11-20', 'm')\n"
        "Lake(Settings.load()).write(partition, rows)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=REPOSITORY / "plugins", timeout=120)
    assert stored(lake) == before


# --- several writers and readers -------------------------------------------------------------------------------------
def test_a_part_that_another_writer_swept_is_noticed_before_the_commit(lake):
    lake.write(GROUPS, groups("a"))
    lake.write_part(GROUPS, 0, groups("b"))
    part = lake.staged(GROUPS, 1).parts[0]
    lake.objects.delete(GROUPS.prefix + part.name)
    with pytest.raises(NightjarError, match=r"is gone: a run or a purge replaced it\. Run the partition's task again"):
        lake.commit(GROUPS, 1)
    assert ids(lake.read(GROUPS)) == ["a"]


def test_a_reader_sees_the_old_rows_or_the_new_while_they_are_replaced(lake, settings):
    versions = [tuple(f"{letter}{number}" for number in range(4)) for letter in "ab"]

    def write(version: int) -> None:
        rows = versions[version]
        for shard in range(4):
            lake.write_part(GROUPS, shard, groups(rows[shard]))
        lake.commit(GROUPS, 4)

    write(0)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [write(round_ % 2) for round_ in range(12)])
        reader, seen = Lake(settings), set()
        while not writing.done():
            seen.add(tuple(ids(reader.read(GROUPS))))
        writing.result()
    assert seen <= set(versions)


def test_a_reader_whose_parts_are_replaced_under_it_reads_again(lake, monkeypatch):
    lake.write(GROUPS, groups("old"))
    get = type(lake.objects).get
    once = [True]

    def interrupted(self, key):
        if key.endswith(".parquet") and once:
            once.clear()
            lake.write(GROUPS, groups("new"))
        return get(self, key)

    monkeypatch.setattr(type(lake.objects), "get", interrupted)
    assert ids(lake.read(GROUPS)) == ["new"]


KILLED = """
import os, signal, sys
from nightjar.lake import Lake, Partition
from nightjar.objects import Objects
from nightjar import schemas
from nightjar.settings import Settings
left = int(sys.argv[1])
def dying(method):
    def wrapped(*arguments, **named):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return method(*arguments, **named)
    return wrapped
Objects.put, Objects.delete = dying(Objects.put), dying(Objects.delete)
lake, partition = Lake(Settings.load()), Partition("duplicate_groups", "2026-11-20", "m")
for shard, name in enumerate("xyz"):
    lake.write_part(partition, shard, schemas.table("duplicate_groups", [{"track_id": name, "canonical_id": "c"}]))
lake.commit(partition, 3)
"""


@pytest.mark.parametrize("writes", [0, 1, 4, 6, 7, 8, 9])
def test_a_writer_killed_before_any_write_loses_nothing(lake, writes):
    lake.write(GROUPS, groups("a", "b"))
    done = subprocess.run([sys.executable, "-c", KILLED, str(writes)], cwd=REPOSITORY / "plugins", timeout=120)
    committed = writes > 6  # six writes stage three shards, the seventh is the manifest
    assert ids(lake.read(GROUPS)) == (["x", "y", "z"] if committed else ["a", "b"])
    assert done.returncode in (0, -9)
    for shard, name in enumerate("xyz"):
        lake.write_part(GROUPS, shard, groups(name))
    lake.commit(GROUPS, 3)
    assert ids(lake.read(GROUPS)) == ["x", "y", "z"]
    assert len(stored(lake)) == 7


# --- what is read ----------------------------------------------------------------------------------------------------
def test_days_are_those_committed_of_the_model_up_to_one(lake):
    for day in ("2026-11-22", "2026-11-20", "2026-11-21"):
        lake.write(Partition("duplicate_groups", day, "m"), groups(day))
    lake.write(Partition("duplicate_groups", "2026-11-23", "other"), groups("x"))
    lake.write_part(Partition("duplicate_groups", "2026-11-24", "m"), 0, groups("x"))
    days = lake.days("duplicate_groups", model="m")
    assert days == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert lake.days("duplicate_groups", model="m", upto="2026-11-21") == days[:2]
    assert ids(lake.read_days("duplicate_groups", days[1:], model="m")) == days[1:]
    assert lake.read_days("duplicate_groups", [], model="m", columns=["track_id"]).column_names == ["track_id"]
    assert lake.days("tracks") == []


def test_only_the_columns_that_are_wanted_are_read(lake):
    lake.write(GROUPS, groups("a"))
    assert lake.read(GROUPS, ["canonical_id"]).to_pylist() == [{"canonical_id": "c"}]


def test_rows_that_do_not_fit_are_not_staged(lake):
    with pytest.raises(SchemaMismatch, match="lacks the column 'canonical_id'"):
        lake.write_part(GROUPS, 0, pa.table({"track_id": ["a"]}))
    assert stored(lake) == {}


@pytest.mark.parametrize(
    ("table", "model", "stage"),
    [("tracks", "m", None), ("duplicate_groups", None, None), ("rejects", None, None), ("rejects", "m", "ingest")],
)
def test_a_partition_fits_how_its_table_is_partitioned(table, model, stage):
    with pytest.raises(NightjarError, match="does not fit how"):
        Partition(table, DAY, model, stage)


def test_a_table_that_is_none_is_answered_with_those_that_are():
    with pytest.raises(NightjarError, match=r"there is no table 'songs'\. Tables: duplicate_groups, duplicate_pairs, "):
        Partition("songs", DAY)


def test_a_manifest_is_read_back():
    manifest = Manifest(3, [Part("part-0000-x.parquet", 3, 10, "y")])
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert json.loads(manifest.to_json())["rows"] == 3


_VALUES = {
    pa.string(): st.text(max_size=8),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.timestamp("us", tz="UTC"): st.integers(0, 4_000_000_000_000_000).map(
        lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    ),
    pa.list_(pa.string()): st.lists(st.text(max_size=4), max_size=3),
    pa.list_(pa.float32()): st.lists(st.floats(width=32, allow_nan=False), max_size=4),
    pa.list_(pa.int8()): st.lists(st.integers(-(2**7), 2**7 - 1), max_size=4),
    pa.list_(pa.int32()): st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    pa.list_(pa.uint32()): st.lists(st.integers(0, 2**32 - 1), max_size=4),
    schemas.DUPLICATE_PAIRS.field("spans").type: st.just([dict.fromkeys(("a_s", "b_s", "seconds", "similarity"), 0.5)]),
}


def _row(schema: pa.Schema) -> st.SearchStrategy[dict]:
    columns = {field.name: _VALUES[field.type] | (st.none() if field.nullable else st.nothing()) for field in schema}
    return st.fixed_dictionaries(columns)


@pytest.mark.parametrize("name", schemas.TABLES)
@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_every_table_comes_back_as_it_went_in(lake, name, data):
    key = schemas.TABLES[name].metadata[b"key"].decode().split()
    rows = data.draw(
        st.lists(_row(schemas.TABLES[name]), max_size=6, unique_by=lambda row: tuple(map(str, map(row.get, key))))
    )
    model, stage = "m" if name in schemas.BY_MODEL else None, "ingest" if name in schemas.BY_STAGE else None
    partition, table = Partition(name, DAY, model, stage), schemas.table(name, rows)
    lake.write(partition, table)
    read = lake.read(partition)
    assert read.schema.equals(schemas.TABLES[name])
    assert read.to_pylist() == table.to_pylist()
    assert all(row in read.to_pylist() for row in rows)
