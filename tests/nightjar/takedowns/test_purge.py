"""The purge on a real lake, Milvus and key-value store: no trace, nothing else touched, whoever is killed where."""

from __future__ import annotations

import json
import logging
from itertools import count

import numpy as np
import pytest

from nightjar import schemas
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import Objects
from nightjar.takedowns import ledger, parts, purge
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.steps import purge_takedowns
from tests.nightjar.duplicates.nights import DAYS, take_down
from tests.nightjar.takedowns import world

NEXT = "2026-11-23"


@pytest.fixture
def made(settings, milvus, kv):
    world.make(settings)
    return settings


def groups(settings, day: str = DAYS[-1]) -> dict[str, str]:
    rows = Lake(settings).read(Partition("duplicate_groups", day, settings.model)).to_pylist()
    return {row["track_id"]: row["canonical_id"] for row in rows}


@pytest.mark.parametrize(
    ("what", "ids"), [({"tracks": ["alpha"]}, ["alpha"]), ({"users": ["ann"]}, ["ann", "alpha"])], ids=["song", "user"]
)
def test_no_trace_is_left_and_nothing_else_is_touched(made, what, ids, caplog):
    caplog.set_level(logging.INFO, "nightjar")
    take_down(made, DAYS[2], **what)
    tables = {each.split("/")[1] for each in world.traces(made, *ids) if each.startswith("lake/")}
    assert tables == set(schemas.TABLES) - {"takedowns", "exports"} | {"claims"}, "the test sees all of them"
    before, named = world.contents(made), world.traces(made, *ids)
    found = purge_takedowns(made, DAYS[2])
    assert world.traces(made, *ids) == set()
    assert (found["tracks"], found["users"]) == (1, len(what.get("users", [])))
    assert found["partitions"] > 20
    assert found["rows"] > 30
    assert found["lists"]
    assert found["vectors"] == 13, "of the song and its windows"
    assert f"purge_takedowns {DAYS[2]}: " in caplog.text
    after = world.contents(made)
    partitions = {key.rpartition("/")[0].removesuffix("/_staged") for key in named}
    untouched = {
        key
        for key in before
        if not key.startswith(("stems/", "published/"))
        and key.rpartition("/")[0].removesuffix("/_staged") not in partitions
    }
    assert len(untouched) > 20
    assert {key: before[key] for key in untouched} == {key: after.get(key) for key in untouched}
    for key in (key for key in before if key.startswith("published/")):
        was, became = (json.loads(each[key]) for each in (before, after))
        assert {name for name in was if was[name] != became[name]} <= {"users", "source"}
    assert after.keys() - before.keys() <= {k for k in after if k.startswith(("lake/", "forgotten/"))}


def test_the_copies_of_a_canonical_song_are_still_offered_as_one(made):
    take_down(made, DAYS[2], ["alpha", "beta"])
    purge_takedowns(made, DAYS[2])
    assert groups(made) == dict.fromkeys(("alpha-again", "alpha-same"), "alpha-again")
    assert groups(made, DAYS[1]) == {}
    pairs = Lake(made).read_days("duplicate_pairs", DAYS, model=made.model).to_pylist()
    assert {(row["a"], row["b"]) for row in pairs} == {
        ("alpha-again", "alpha-same"),
        ("alpha-again", "alpha-cover"),
        ("alpha-same", "alpha-cover"),
    }
    world.rank(made, DAYS[2])
    songs = set(Lake(made).read(Partition("lists", DAYS[2], made.model))["track_id"].to_pylist())
    assert "alpha-again" in songs
    assert not songs & {"alpha", "alpha-same", "beta"}


def test_audio_that_another_song_has_too_stays_until_that_is_forgotten(made):
    def audio() -> set[str]:
        return {key for key in world.contents(made) if key.startswith("stems/")}

    whole = audio()
    take_down(made, DAYS[2], ["alpha"])
    assert purge_takedowns(made, DAYS[2])["audio"] == 0
    assert audio() == whole
    take_down(made, NEXT, ["alpha-same", "gamma"])
    assert purge_takedowns(made, NEXT)["audio"] == 4
    assert len(audio()) == len(whole) - 4


def test_a_second_purge_reads_nothing_and_changes_nothing(made, monkeypatch):
    take_down(made, DAYS[2], ["alpha"], ["bob"])
    first = purge_takedowns(made, DAYS[2])
    after = world.contents(made)

    def no(*_):
        raise AssertionError("it looks again")

    monkeypatch.setattr(parts, "read", no)
    monkeypatch.setattr(parts, "stored", no)
    for day in (DAYS[2], NEXT):
        assert set(purge_takedowns(made, day).values()) == {0}
    assert world.contents(made) == after
    assert first["tracks"] == 2, "and the song that bob uploaded"


def test_who_is_purged_in_vain_is_known(made, lake, caplog):
    """By a wrong case, and an id of nothing; neither by songs nor users of whom there is a trace, whoever is killed."""
    take_down(made, DAYS[2], ["alpha", "ALPHA"], ["ann", "nobody"])
    named = purge.find(lake, Forgotten(frozenset({"alpha"})), purge.all_parts(lake))
    assert purge.traces(lake, named, Forgotten(frozenset({"alpha", "ALPHA"}))) == Forgotten(frozenset({"alpha"}))
    purge_takedowns(made, DAYS[2])
    assert ledger.in_vain(lake.objects) == Forgotten(frozenset({"ALPHA"}), frozenset({"nobody"}))
    assert "2 ids name no track or user that is known: are they right? The first: ALPHA" in caplog.text


def test_the_first_takedown_of_all_may_be_in_vain(settings, lake):
    ledger.mark_found(lake.objects, Forgotten())
    ledger.mark_purged(lake.objects, Forgotten(frozenset({"S001"})))
    assert ledger.in_vain(lake.objects) == Forgotten(frozenset({"S001"}))


def test_of_whom_was_purged_before_it_was_noted_nothing_is_said(made, lake):
    ledger.mark_purged(lake.objects, Forgotten(frozenset({"long-gone"})))
    take_down(made, DAYS[2], ["long-gone", "gamma"])
    assert ledger.in_vain(lake.objects) == Forgotten()
    purge_takedowns(made, DAYS[2])
    assert ledger.in_vain(lake.objects) == Forgotten()


def test_the_takedowns_of_a_later_night_are_purged_from_the_days_before(made):
    for number, song in enumerate(("gamma", "delta", "epsilon")):
        take_down(made, f"2026-12-0{number + 1}", [song])
        purge_takedowns(made, f"2026-12-0{number + 1}")
        assert world.traces(made, song) == set()
    assert world.traces(made, "alpha-cover"), "others are there"


class Killed(BaseException):
    """As -9, for what is left behind."""


@pytest.mark.parametrize("further", [4, pytest.param(1, marks=pytest.mark.services)])
def test_killed_anywhere_and_run_again_it_ends_the_same(made, monkeypatch, further):
    """Each run is killed so many writes later than the one before, until one ends."""
    take_down(made, DAYS[2], ["beta"], ["ann"])
    before, objects = world.contents(made), Lake(made).objects
    purge_takedowns(made, DAYS[2])
    after = world.contents(made)
    for key in after.keys() - before.keys():
        objects.delete(key)
    for key in before:
        if after.get(key) != before[key]:
            objects.put(key, before[key])
    assert world.contents(made) == before
    plain = {name: getattr(Objects, name) for name in ("put", "delete")}
    for last in count(1, further):
        steps = count(1)

        def dying(method, steps=steps, last=last):
            def wrapped(*arguments, **named):
                if next(steps) == last:
                    raise Killed
                return method(*arguments, **named)

            return wrapped

        for name, method in plain.items():
            monkeypatch.setattr(Objects, name, dying(method))
        try:
            purge_takedowns(made, DAYS[2])
            break
        except Killed:
            continue
    assert last > 10
    assert world.contents(made) == after
    assert world.traces(made, "beta", "ann", "alpha") == set()


def test_staged_parts_are_purged_before_anybody_commits_them(made, lake):
    """A killed run may have left them, or one that is under way goes on with them."""
    partition, late = Partition("listens", NEXT), Partition("listens", DAYS[0])
    staged = lake.read(late)
    for shard in range(2):
        lake.write_part(partition, shard, staged.slice(shard * 2))
    lake.objects.put(f"{late.prefix}part-0007-0123456789ab.parquet", lake.objects.get(_first_part(lake, late)))
    take_down(made, DAYS[2], ["alpha"])
    purge_takedowns(made, DAYS[2])
    assert world.traces(made, "alpha") == set()
    lake.commit(partition, 2)
    kept = [row for row in [*staged.to_pylist(), *staged.slice(2).to_pylist()] if row["track_id"] != "alpha"]
    assert lake.read(partition).to_pylist() == kept
    lake.commit(late, 1)  # clearing the task that commits is still possible
    assert lake.read(late).to_pylist() == [row for row in staged.to_pylist() if row["track_id"] != "alpha"]


def _first_part(lake: Lake, partition: Partition) -> str:
    return partition.prefix + lake.manifest(partition).parts[0].name


def test_parts_of_rows_by_number_are_renumbered_together(settings, lake):
    partition = Partition("similar", DAYS[0], settings.model)
    songs = [f"s{number}" for number in range(6)]
    rows = [
        {"track_id": s, "neighbours": [(i + 1) % 6, (i + 2) % 6], "cosines": [1.0, 0.5]} for i, s in enumerate(songs)
    ]
    for shard in range(2):
        lake.write_part(partition, shard, schemas.table("similar", rows[3 * shard : 3 * shard + 3]))
    lake.commit(partition, 2)
    forgotten = Forgotten(frozenset({"s1"}))
    found = purge.find(lake, forgotten, parts.stored(lake, "similar"))
    assert [list(each) for each in found.values()] == [[lake.manifest(partition).parts[0].name]]
    assert purge.clear(lake, found, forgotten)["rows"] == 1
    made = lake.read(partition).to_pylist()
    names = [row["track_id"] for row in made]
    assert {row["track_id"]: [names[each] for each in row["neighbours"]] for row in made} == {
        "s0": ["s2"],
        "s2": ["s3", "s4"],
        "s3": ["s4", "s5"],
        "s4": ["s5", "s0"],
        "s5": ["s0"],
    }
    assert len(lake.manifest(partition).parts) == 2
    assert lake.commit(partition, 2).rows == 5, "the receipts name the new parts"


def test_only_the_columns_that_name_somebody_are_fetched(settings, lake, monkeypatch):
    vectors = np.random.default_rng(1).standard_normal((4000, 200)).astype(np.float32)
    rows = [
        {"track_id": f"t{at // 40:03d}", "day": DAYS[0], "window": at % 40, "start_s": 1.0, "vector": vector}
        for at, vector in enumerate(vectors)
    ]
    partition = Partition("windows", DAYS[0], settings.model)
    size = lake.write(partition, schemas.table("windows", rows)).parts[0].size
    fetched = []
    plain = Objects.part_of
    monkeypatch.setattr(Objects, "part_of", lambda *of: fetched.append(plain(*of)) or fetched[-1])
    stored = parts.stored(lake, "windows")
    assert list(purge.find(lake, Forgotten(frozenset({"t099"})), stored)) == [partition]
    assert purge.find(lake, Forgotten(frozenset({"t100"})), stored) == {}
    assert size > 2**21
    assert sum(map(len, fetched)) < 0.2 * size


def test_a_part_that_went_while_it_was_committed_is_said_and_committing_again_puts_it_right(lake):
    partition = Partition("rejects", DAYS[0], stage="ingest")
    row = {"key": "k", "track_id": "alpha", "stage": "ingest", "reason": "empty", "detail": ""}
    rows = schemas.table("rejects", [row])
    lake.write(partition, rows)
    (part,) = lake.manifest(partition).parts
    lake.objects.delete(f"{partition.prefix}{part.name}")
    with pytest.raises(NightjarError, match=r"a purge changed .*rejects.* Run the task again"):
        purge.tidy(lake, [partition])
    lake.write(partition, rows)
    assert purge.tidy(lake, [partition]) == 0
