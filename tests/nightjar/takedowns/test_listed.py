"""Takedowns find the lists of a song by the lake, look into no other list, and search the store where they must."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from nightjar.lake import Lake
from nightjar.publish import records
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.publish.versions import owner
from nightjar.takedowns import published as takedowns
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.steps import forget, purge_takedowns
from nightjar.thresholds import KV_CHUNK
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import list_key

DAYS = ["2026-11-20", "2026-11-21"]
USERS = KV_CHUNK + 40
LAST = f"u{USERS - 1:03d}"


def song(day: str, user: str, rank: int = 2) -> str:
    return f"{day}_a_{user}_{rank}"


@pytest.fixture
def published(settings, milvus, kv) -> list[str]:
    """Two versions, each of which is more than a chunk of the store."""
    made = []
    for day in DAYS:
        lists.write(settings, day, users=USERS)
        made.append(publish_lists(settings, day)["version"])
    return made


@pytest.fixture
def looked_into(monkeypatch) -> list[str]:
    """The keys that the store is asked to read, or to search."""
    seen: list[str] = []
    read, holding = Store.read, Store.holding

    def reads(self, keys):
        keys = list(keys)
        seen.extend(keys)
        return read(self, keys)

    def searches(self, keys, parts):
        seen.extend(keys)
        return holding(self, keys, parts)

    monkeypatch.setattr(Store, "read", reads)
    monkeypatch.setattr(Store, "holding", searches)
    return seen


def bodies(kv) -> bytes:
    return b"".join(kv.mget(list(kv.scan_iter("nightjar:2*"))))


def remove(settings, *tracks: str, users: tuple[str, ...] = ()) -> int:
    with closing(Store(settings)) as store:
        return takedowns.remove(Lake(settings), store, Forgotten(frozenset(tracks), frozenset(users)))


def test_only_the_lists_of_a_song_are_looked_into(settings, kv, published, looked_into):
    gone = [song(DAYS[0], "u007"), song(DAYS[1], LAST), song(DAYS[1], "new")]
    assert remove(settings, *gone, users=("u008",)) == 5
    found = {owner(key) for key in looked_into}
    of_users = {(version, "u008") for version in published}
    assert found == of_users | {(published[0], "u007"), (published[1], LAST), (published[1], "")}
    assert not any(each.encode() in bodies(kv) for each in gone)
    assert remove(settings, *gone, users=("u008",)) == 0


def test_more_songs_than_are_worth_searching_for(settings, kv, published, looked_into):
    gone = [song(DAYS[1], f"u{number:03d}", rank) for number in range(40) for rank in (1, 2)]
    assert remove(settings, *gone) == 40
    assert len({owner(key) for key in looked_into}) == 40


def test_after_a_purge_the_lake_still_knows_whose_lists_they_were(settings, kv, published, looked_into):
    for number in (3, 4):
        forget(settings, [song(day, f"u{number:03d}") for day in DAYS], [f"u02{number}"])
        purge_takedowns(settings, DAYS[1])
        for day in DAYS:
            (record,) = (
                each
                for name in records.all_versions(Lake(settings).objects)
                if (each := records.read(Lake(settings).objects, name)).version.startswith(day)
            )
            assert record.source not in ("", record.version)
    looked_into.clear()
    gone = [song(day, "u005") for day in DAYS]
    assert forget(settings, gone)["lists"] == 2
    assert {owner(key)[1] for key in looked_into} == {"u005"}
    assert not any(each.encode() in bodies(kv) for each in gone)


def _no_model(settings, version: str) -> None:
    """As of a Nightjar that did not record whose lists they are."""
    objects = Lake(settings).objects
    record = json.loads(objects.get(records.where(version)))
    del record["model"], record["source"]
    objects.put(records.where(version), json.dumps(record).encode())


def _ranked_again(settings, version: str) -> None:
    lists.write(settings, version[:10], edition="again")


def _no_lists(settings, version: str) -> None:
    from nightjar.lake import Partition

    Lake(settings).remove(Partition("lists", version[:10], settings.model))


def _no_record(settings, version: str) -> None:
    Lake(settings).objects.delete(records.where(version))


def _killed_purge(settings, version: str) -> None:
    """One that had written down what the lists would be called, and not replaced the parts."""
    with pytest.MonkeyPatch.context() as patch:
        plain = records.follow
        patch.setattr(records, "follow", lambda objects, before, after: plain(objects, before, f"{after[:-1]}x"))
        forget(settings, [song(version[:10], "u030")])
        purge_takedowns(settings, DAYS[1])


@pytest.mark.parametrize("damage", [_no_model, _ranked_again, _no_lists, _no_record, _killed_purge])
@pytest.mark.parametrize("which", [0, 1])
def test_where_the_lake_does_not_know_it_the_store_is_searched(settings, kv, published, damage, which):
    damage(settings, published[which])
    gone = [song(day, user) for day in DAYS for user in ("u006", "new")]
    assert remove(settings, *gone, users=("u009",)) == 6
    assert not any(each.encode() in bodies(kv) for each in gone)
    assert not kv.exists(*(list_key(version, "u009") for version in published))


def test_of_a_store_from_a_backup_what_was_purged_is_taken_down_again(settings, kv, published):
    backup = {key: kv.get(key) for key in kv.scan_iter()}
    gone = song(DAYS[1], "u003")
    forget(settings, [gone], ["u004"])
    purge_takedowns(settings, DAYS[1])
    kv.flushall()
    kv.mset(backup)
    assert gone.encode() in bodies(kv)
    assert forget(settings, [gone], ["u004"])["lists"] == 3
    assert gone.encode() not in bodies(kv)
    assert not kv.exists(*(list_key(version, "u004") for version in published))


def test_a_takedown_succeeds_in_a_full_store(settings, kv, published):
    """Also in one that does not say yet whose it is, and where the store must be searched."""
    kv.delete("nightjar:owner")
    _no_model(settings, published[0])
    gone = [song(day, user) for day in DAYS for user in ("u003", "new")]
    kv.config_set("maxmemory", 1)
    try:
        assert forget(settings, gone, ["u004"])["lists"] == 6
        purge_takedowns(settings, DAYS[1])
    finally:
        kv.config_set("maxmemory", 0)
    assert not any(each.encode() in bodies(kv) for each in gone)
    assert not kv.exists(*(list_key(version, "u004") for version in published))


def test_a_version_that_begins_while_a_song_is_taken_down_is_looked_through(settings, kv, published, monkeypatch):
    """The takedown has seen which versions there are, and a publish that began before it writes another one."""
    day, plain = "2026-11-22", records.all_versions
    lists.write(settings, day, users=USERS)
    gone = song(day, "u003")

    def late(objects):
        found = plain(objects)
        monkeypatch.setattr(records, "all_versions", plain)
        publish_lists(replace(settings), day)
        return found

    monkeypatch.setattr(records, "all_versions", late)
    assert remove(settings, gone) == 1
    assert gone.encode() not in bodies(kv)
