"""A pointer that is lost or wrong, and a store that was emptied: the bucket knows what was live last."""

from __future__ import annotations

import logging

import pytest

from nightjar import clock
from nightjar.errors import GateClosed, NightjarError
from nightjar.lake import Lake
from nightjar.publish import records
from nightjar.publish.reader import Reader
from nightjar.publish.rollback import go_to
from nightjar.publish.scripts import NO_VERSION
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.rebuild.lists import rebuild_lists
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import POINTER, new_users_key

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]
FUTURE = "2099-01-01"


@pytest.fixture
def published(settings, kv) -> list[str]:
    """The versions of the first two days; the third has lists in the lake."""
    made = []
    for day in DAYS[:2]:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    lists.write(settings, DAYS[2])
    return made


def _rubbish(kv) -> None:
    kv.set(POINTER, "rubbish")


def _bytes(kv) -> None:
    kv.set(POINTER, b"\xff\xfe\x00")


def _never_published(kv) -> None:
    kv.set(POINTER, "2026-11-29.0123abcd")


def _future(kv) -> None:
    kv.set(POINTER, f"{FUTURE}.0123abcd")


def _no_date(kv) -> None:
    kv.set(POINTER, "9999-12-31.00000000")


def _of_another_type(kv) -> None:
    kv.delete(POINTER)
    kv.hset(POINTER, "version", "2026-11-21")


def _lost(kv) -> None:
    kv.delete(POINTER)


WRONG = [_rubbish, _bytes, _never_published, _future, _no_date, _of_another_type, _lost]


@pytest.mark.parametrize("damage", WRONG)
def test_the_next_night_goes_live_and_the_way_back_is_what_was_shown(settings, kv, published, damage, caplog):
    damage(kv)
    with caplog.at_level(logging.WARNING):
        made = publish_lists(settings, DAYS[2])
    assert ("never published: it is not obeyed" in caplog.text) == (damage is not _lost)
    assert (made["moved"], kv.get(POINTER).decode()) == (True, made["version"])
    assert go_to(settings)["current"] == published[1]


@pytest.mark.parametrize("damage", WRONG)
def test_an_older_day_brings_the_pointer_back_and_does_not_go_live(settings, kv, published, damage):
    damage(kv)
    lists.write(settings, DAYS[0], edition="b")
    found = publish_lists(settings, DAYS[0])
    assert (found["current"], found["moved"], found["lists"]) == (published[1], True, 0)
    assert kv.get(POINTER).decode() == published[1]
    assert publish_lists(settings, DAYS[0])["moved"] is False


@pytest.mark.parametrize("damage", WRONG)
def test_a_gate_compares_with_what_was_shown_and_nothing_is_removed(settings, kv, published, damage):
    lists.write(settings, DAYS[2], users=1)
    kept = {key: kv.get(key) for key in kv.scan_iter("nightjar:20*")}
    damage(kv)
    with pytest.raises(GateClosed, match=f"1 users have a list still, in {published[1]} {lists.USERS} had"):
        publish_lists(settings, DAYS[2])
    assert {key: kv.get(key) for key in kv.scan_iter("nightjar:20*")} == kept
    assert go_to(settings)["current"] == published[0]
    assert go_to(settings, published[1])["current"] == published[1]


@pytest.mark.parametrize("damage", WRONG)
def test_rebuild_sets_the_pointer_right_and_writes_nothing(settings, kv, published, damage):
    damage(kv)
    found = rebuild_lists(settings)
    assert (found["version"], found["moved"], found["written"]) == (published[1], True, 0)
    assert kv.get(POINTER).decode() == published[1]


def test_after_a_flush_an_older_day_does_not_go_live(settings, kv, published):
    kv.flushall()
    with pytest.raises(NightjarError, match=f"{DAYS[0]} is older than {published[1]}.* nightjar rebuild lists"):
        publish_lists(settings, DAYS[0])
    assert kv.dbsize() == 0
    lists.write(settings, DAYS[2], users=1)
    with pytest.raises(GateClosed, match="1 users have a list still"):
        publish_lists(settings, DAYS[2])
    assert kv.dbsize() == 0
    lists.write(settings, DAYS[2])
    assert publish_lists(settings, DAYS[2])["moved"]
    with pytest.raises(NightjarError, match=r"the version before .* is not in the store any more.* rebuild lists"):
        go_to(settings)
    rebuild_lists(settings)
    assert go_to(settings)["current"] == published[1]


def test_lists_of_a_day_after_today_are_refused(settings, kv, published):
    lists.write(settings, FUTURE)
    for refused in (publish_lists, rebuild_lists):
        with pytest.raises(NightjarError, match=f"{FUTURE} lies after today"):
            refused(settings, FUTURE)
    assert kv.get(POINTER).decode() == published[1]


def test_a_version_of_2099_that_went_live_holds_no_night_up(settings, kv, published, monkeypatch):
    lists.write(settings, FUTURE)
    with monkeypatch.context() as patched:  # as before such days were refused
        patched.setattr(clock, "today", lambda: FUTURE)
        patched.setattr(records, "today", lambda: FUTURE)
        future = publish_lists(settings, FUTURE)["version"]
    made = publish_lists(settings, DAYS[2])
    assert (made["moved"], made["current"]) == (True, made["version"])
    assert go_to(settings, future)["moved"]
    assert rebuild_lists(settings, DAYS[2])["moved"]
    assert records.shown(Lake(settings).objects) == made["version"]
    lists.write(settings, DAYS[3])
    publish_lists(settings, DAYS[3])
    assert not list(kv.scan_iter(f"nightjar:{FUTURE}*"))


def test_the_pointer_as_the_store_says_it(settings, kv):
    store = Store(settings)
    assert store.current() == ""
    assert not store.move(NO_VERSION, "2026-11-20.0123abcd")
    for damage in (_rubbish, _bytes, _of_another_type):
        damage(kv)
        assert store.current() == NO_VERSION
        assert not store.move("", "2026-11-20.0123abcd")
        assert store.move(NO_VERSION, "2026-11-20.0123abcd")
        assert store.current() == "2026-11-20.0123abcd"
        assert not store.move(NO_VERSION, "2026-11-21.0123abcd")
        assert not store.move("2026-11-20.0123abce", "2026-11-21.0123abcd")
    store.close()


@pytest.mark.parametrize("damage", WRONG[:-1])
def test_a_reader_says_what_to_do(settings, kv, published, damage):
    damage(kv)
    reader = Reader(settings.kv_url)
    with pytest.raises(NightjarError, match="nightjar rebuild lists"):
        reader.recommend("u001")
    reader.close()


def test_keys_of_other_programs_stay(settings, kv, published):
    from nightjar.takedowns import published as takedowns
    from nightjar.takedowns.forgotten import Forgotten

    others = ["nightjar:ab-test:list:user-1", "nightjar:prod:new-users", "nightjar:2026-11-21:list:u001", "nightjar:x"]
    kv.mset(dict.fromkeys(others, b"u001"))
    kv.hset("nightjar:hash", "list", "u001")
    song = f"{DAYS[1]}_a_u003_2"
    assert takedowns.remove(Lake(settings), Store(settings), Forgotten(frozenset({song, "u001"}))) == 1
    assert rebuild_lists(settings)["removed"] == 0
    assert kv.mget(others) == [b"u001"] * len(others)
    assert kv.hget("nightjar:hash", "list") == b"u001"
    assert kv.exists(new_users_key(published[1]))
