"""The key-value store wiped or damaged, and built again from the lake: what readers see is what they saw."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal

import pytest

from nightjar import held, schemas
from nightjar.cli import main
from nightjar.errors import GateClosed, NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.publish import records
from nightjar.publish.rollback import go_to
from nightjar.publish.steps import publish_lists
from nightjar.rebuild.lists import rebuild_lists
from nightjar.settings import REPOSITORY, Settings
from nightjar.takedowns.steps import forget, purge_takedowns
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import OWNER, POINTER, list_key, new_users_key
from tests.nightjar.takedowns import world

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]
KEYS = 2 + 2 * (lists.USERS + 1)


@pytest.fixture
def published(settings, kv) -> list[str]:
    """The versions of three days; the store has the last two."""
    made = []
    for day in DAYS:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    return made


def everything(kv) -> dict[bytes, bytes]:
    return {key: kv.get(key) for key in kv.scan_iter("*")}


def songs(kv) -> bytes:
    return b"".join(body for key, body in everything(kv).items() if key not in (POINTER.encode(), OWNER.encode()))


def test_an_empty_store_comes_back_byte_by_byte_with_its_way_back(settings, kv, published):
    before, bucket = everything(kv), world.contents(settings)
    assert len(before) == KEYS
    kv.flushall()
    found = rebuild_lists(settings)
    assert found == {
        **{"version": published[2], "lists": lists.USERS, "previous": published[1], "current": published[2]},
        **{"moved": True, "written": KEYS - 2, "removed": 0},
    }
    assert everything(kv) == before
    assert world.contents(settings) == bucket
    assert rebuild_lists(settings) == found | {"moved": False, "written": 0}
    assert go_to(settings)["current"] == published[1]
    assert go_to(settings, published[2])["moved"]
    assert publish_lists(settings, DAYS[2])["moved"] is False
    assert everything(kv) == before


def test_a_damaged_store_is_mended_and_what_is_right_is_not_written(settings, kv, published):
    before = everything(kv)
    lost = sorted(set(before) - {POINTER.encode(), OWNER.encode()})[::2]
    kv.delete(*lost)
    wrong = list_key(published[2], "u007")
    same_length = kv.get(wrong)[:-1] + b"\xff" if kv.exists(wrong) else b"x"
    kv.set(wrong, same_length)
    kv.set(list_key(published[2], "stranger"), b"\x01")  # of a store from a backup
    kv.set(list_key("2026-11-01.abcdef01", "u001"), b"\x01")
    kv.set("another:key", b"of somebody else")
    found = rebuild_lists(settings)
    assert found["written"] == len({*lost, wrong.encode()})
    assert (found["removed"], found["moved"]) == (2, False)
    assert kv.getdel("another:key") == b"of somebody else"
    assert everything(kv) == before
    kv.delete(POINTER)
    assert rebuild_lists(settings)["moved"]
    kv.set(POINTER, "2026-11-01.abcdef01")
    assert rebuild_lists(settings)["moved"]
    assert everything(kv) == before


def test_lists_from_which_a_person_went_back_do_not_come_back(settings, kv, published):
    go_to(settings)
    kv.flushall()
    assert rebuild_lists(settings)["version"] == published[1]
    assert kv.get(POINTER).decode() == published[1]
    assert not list(kv.scan_iter(f"nightjar:{published[2]}*"))
    kv.flushall()
    assert rebuild_lists(settings, DAYS[2])["previous"] == published[1]
    assert kv.get(POINTER).decode() == published[2]


def test_what_is_taken_down_in_between_does_not_come_back(settings, milvus, kv, published):
    """Neither before the night has cleared the lake nor after it; nor from a backup of the store."""
    song, user = f"{DAYS[2]}_a_u003_2", "u005"
    backup = everything(kv)
    forget(settings, [song], [user])
    shall = everything(kv)
    assert song.encode() in backup[list_key(published[2], "u003").encode()]
    assert song.encode() not in songs(kv)
    kv.flushall()
    rebuild_lists(settings)
    assert everything(kv) == shall
    kv.flushall()
    kv.mset(backup)
    rebuild_lists(settings)
    assert everything(kv) == shall
    purge_takedowns(settings, DAYS[2])
    kv.flushall()
    kv.mset(backup)
    found = rebuild_lists(settings)
    assert found["version"] != published[2], "the lake has other bytes now"
    renamed = {found["version"]: published[2], found["previous"]: published[1]}

    def as_before(name: bytes) -> bytes:
        for new, old in renamed.items():
            name = name.replace(new.encode(), old.encode())
        return name

    assert {as_before(key): as_before(body) for key, body in everything(kv).items()} == shall
    assert sorted(records.all_versions(Lake(settings).objects)) == sorted(renamed)
    again = everything(kv)
    assert rebuild_lists(settings)["written"] == 0
    assert everything(kv) == again
    assert publish_lists(settings, DAYS[2])["moved"] is False


def test_killed_anywhere_the_next_rebuild_ends_the_same(settings, kv, published, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}:{REPOSITORY / 'plugins'}")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.nightjar.publish.warm"])
    before, bucket = everything(kv), world.contents(settings)
    killed, without_pointer = 0, 0
    for step in range(0, 200, 11):
        kv.flushall()
        process = context.Process(target=_rebuild_and_die, args=(dict(os.environ), step))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        killed += 1
        pointer = kv.get(POINTER)
        without_pointer += pointer is None
        assert pointer is None or {key: before[key] for key in before if published[2].encode() in key}.items() <= (
            everything(kv).items()
        ), "the pointer leads to whole lists"
        rebuild_lists(settings)
        assert everything(kv) == before
        assert world.contents(settings) == bucket
    else:
        raise AssertionError("it never ended")
    assert without_pointer
    assert killed > without_pointer, "some were killed after the pointer moved"


def _rebuild_and_die(environ: dict[str, str], step: int) -> None:
    os.environ.update(environ)
    lists.die_at(step)
    rebuild_lists(Settings.load())


def test_a_bucket_that_never_kept_which_version_was_live(settings, kv, published):
    before, objects = everything(kv), Lake(settings).objects
    objects.delete(records.SHOWN)
    kv.flushall()
    rebuild_lists(settings)
    assert everything(kv) == before
    for version in published[1:]:
        objects.delete(f"{records.RECORDS}{version}.json")
    kv.flushall()
    found = rebuild_lists(settings)
    assert (found["version"], found["previous"]) == (published[2], published[1])
    assert everything(kv) == before


def test_a_day_that_is_asked_for(settings, kv, published):
    with pytest.raises(NightjarError, match=f"the app reads {published[2]}, which is whole and newer than {DAYS[1]}"):
        rebuild_lists(settings, DAYS[1])
    kv.delete(new_users_key(published[2]))
    assert rebuild_lists(settings, DAYS[1])["previous"] == published[0]
    assert kv.get(POINTER).decode() == published[1]
    with pytest.raises(PartitionMissing, match=r"lists/dt=2026-11-25.* The newest are those of 2026-11-22: night"):
        rebuild_lists(settings, "2026-11-25")
    with pytest.raises(PartitionMissing, match=r"lists/dt=2026-11-19.* is not committed.* backfill"):
        rebuild_lists(settings, "2026-11-19")


def test_of_two_at_once_the_second_finds_the_pointer_there(settings, kv, published, monkeypatch):
    before = everything(kv)
    kv.flushall()
    real = records.move
    found = []

    def overtaken(*arguments):
        """Another rebuild, from beginning to end, right before the pointer moves."""
        monkeypatch.setattr(records, "move", real)
        found.append(rebuild_lists(settings))
        return real(*arguments)

    monkeypatch.setattr(records, "move", overtaken)
    found.append(rebuild_lists(settings))
    assert [each["moved"] for each in found] == [True, False]
    assert [each["current"] for each in found] == [published[2]] * 2
    assert everything(kv) == before
    assert records.shown(Lake(settings).objects) == published[2]


def test_lists_that_a_gate_held_back_stay_where_they_are(settings, kv, published):
    lists.write(settings, DAYS[2], users=3, edition="poor")
    with pytest.raises(GateClosed):
        publish_lists(settings, DAYS[2])
    kv.flushall()
    with pytest.raises(GateClosed, match=r"2026-11-22 were held back: .* nightjar publish 2026-11-22 --accept"):
        rebuild_lists(settings)
    assert kv.dbsize() == 0
    assert rebuild_lists(settings, DAYS[1])["version"] == published[1]
    kv.flushall()
    Lake(settings).objects.delete(f"held/{settings.model}/{DAYS[2]}")
    assert held.why(Lake(settings).objects, settings.model, DAYS[2]) is None
    with pytest.raises(GateClosed, match="3 users have a list still"):
        rebuild_lists(settings, DAYS[2])


def test_the_version_before_stays_if_only_the_store_has_it(settings, kv, published):
    Lake(settings).remove(Partition("lists", DAYS[1], settings.model))
    before = everything(kv)
    kv.delete(list_key(published[2], "u001"))
    assert rebuild_lists(settings)["previous"] == published[1], "the way back that go_to takes"
    assert everything(kv) == before
    assert go_to(settings)["current"] == published[1]


def test_lists_of_another_model_than_the_live_one_are_what_was_read(settings, kv, published):
    from dataclasses import replace

    before = everything(kv)
    kv.flushall()
    rebuild_lists(replace(settings, model="new-2"))
    assert everything(kv) == before


def test_a_lake_without_lists(settings, kv):
    with pytest.raises(NightjarError, match="the lake has no lists of the model"):
        rebuild_lists(settings)
    Lake(settings).write(Partition("lists", DAYS[0], settings.model), schemas.table("lists", []))
    rebuild_lists(settings)
    assert kv.get(new_users_key(kv.get(POINTER).decode())) == b"\x01"


def test_the_command(settings, kv, published, capsys):
    kv.flushall()
    assert main(["rebuild", "lists"]) == 0
    said = capsys.readouterr().out
    assert f"The app reads {lists.USERS} lists of {DAYS[2]}, as version {published[2]}" in said
    assert main(["rebuild", "lists", DAYS[2], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 0
    assert main(["rebuild", "lists", DAYS[0]]) == 1
    assert "newer than 2026-11-20" in capsys.readouterr().err
