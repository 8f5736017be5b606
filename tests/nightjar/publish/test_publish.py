"""Publishing into a real Valkey from a real lake."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from dataclasses import replace

import pytest

from nightjar.errors import GateClosed, NightjarError, PartitionMissing
from nightjar.lake import Lake
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.settings import REPOSITORY
from nightjar.thresholds import CHURN_MIN_LENGTH
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import OWNER, POINTER, list_key

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]


def versions_in(kv) -> set[str]:
    """The versions of which the store has any key."""
    return {key.decode().split(":")[1] for key in kv.scan_iter("nightjar:*") if key.decode() not in (POINTER, OWNER)}


def records_in(settings) -> set[str]:
    return {seen.key[len("published/") : -len(".json")] for seen in Lake(settings).objects.list("published/")}


def read(settings, user: str) -> set[str]:
    """The beginnings (day, edition, user) of the track ids that a user reads."""
    reader = Reader(settings.kv_url)
    try:
        return {each.track_id.rpartition("_")[0] for each in reader.recommend(user)}
    finally:
        reader.close()


def test_a_user_reads_their_list_and_others_that_of_new_users(settings, kv):
    assert read(settings, "u000") == set()
    lists.write(settings, DAYS[0])
    summary = publish_lists(settings, DAYS[0])
    assert (summary["lists"], summary["moved"], summary["current"]) == (lists.USERS, True, summary["version"])
    assert read(settings, "u007") == {f"{DAYS[0]}_a_u007"}
    assert read(settings, "somebody") == read(settings, "") == {f"{DAYS[0]}_a_new"}
    reader = Reader(settings.kv_url)
    assert [each.score for each in reader.recommend("u007")] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    reader.close()


def test_the_live_version_and_the_one_before_are_kept(settings, kv):
    made = []
    for day in DAYS:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
        assert versions_in(kv) == records_in(settings) == set(made[-2:])
    assert kv.dbsize() == 2 + 2 * (lists.USERS + 1)


def test_churn_is_the_share_of_a_list_that_is_new_on_it(settings, kv):
    lists.write(settings, DAYS[0])
    assert publish_lists(settings, DAYS[0])["churn"] is None
    assert publish_lists(settings, DAYS[0])["churn"] == 0
    lists.write(settings, DAYS[1])  # every track id says its day
    assert publish_lists(settings, DAYS[1])["churn"] == 1


def test_publishing_again_changes_nothing(settings, kv):
    lists.write(settings, DAYS[0])
    lists.write(settings, DAYS[1])
    publish_lists(settings, DAYS[0])
    first = publish_lists(settings, DAYS[1])
    before = {key: kv.get(key) for key in kv.scan_iter("*")}
    again = publish_lists(settings, DAYS[1])
    assert again == first | {"moved": False, "churn": 0}
    assert {key: kv.get(key) for key in kv.scan_iter("*")} == before
    assert records_in(settings) == versions_in(kv)


def test_a_live_version_that_lost_keys_is_mended(settings, kv):
    lists.write(settings, DAYS[0])
    version = publish_lists(settings, DAYS[0])["version"]
    kv.delete(list_key(version, "u003"))
    assert read(settings, "u003") == {f"{DAYS[0]}_a_new"}
    publish_lists(settings, DAYS[0])
    assert read(settings, "u003") == {f"{DAYS[0]}_a_u003"}


def test_a_damaged_live_list_holds_nothing_up(settings, kv):
    lists.write(settings, DAYS[0])
    version = publish_lists(settings, DAYS[0])["version"]
    kv.set(list_key(version, "u003"), b"\x07what")
    assert publish_lists(settings, DAYS[0])["churn"] == 0
    assert read(settings, "u003") == {f"{DAYS[0]}_a_u003"}


def test_an_older_day_never_replaces_a_newer(settings, kv, caplog):
    for day in (DAYS[2], DAYS[1]):
        lists.write(settings, day)
    live = publish_lists(settings, DAYS[2])["version"]
    with caplog.at_level(logging.INFO):
        summary = publish_lists(settings, DAYS[1])
    assert not summary["moved"]
    assert summary["current"] == live
    assert f"lists kept in the lake, the pointer stays at {live}" in caplog.text
    assert versions_in(kv) == records_in(settings) == {live}


def test_the_same_day_with_other_lists_replaces_it_and_back(settings, kv):
    made = []
    for edition in "aba":
        lists.write(settings, DAYS[0], edition=edition)
        made.append(publish_lists(settings, DAYS[0])["version"])
        assert read(settings, "u001") == {f"{DAYS[0]}_{edition}_u001"}
    assert made[0] == made[2] != made[1]
    assert versions_in(kv) == records_in(settings) == set(made)


def test_no_users_at_all(settings, kv):
    lists.write(settings, DAYS[0], users=0)
    assert publish_lists(settings, DAYS[0])["lists"] == 0
    assert read(settings, "u000") == {f"{DAYS[0]}_a_new"}


def test_an_empty_first_night_is_published_but_replaces_nothing(settings, kv):
    lists.write(settings, DAYS[0], users=0, new_users=0)
    publish_lists(settings, DAYS[0])
    assert read(settings, "u000") == set()
    lists.write(settings, DAYS[1])
    publish_lists(settings, DAYS[1])
    lists.write(settings, DAYS[2], users=0, new_users=0)
    with pytest.raises(GateClosed):
        publish_lists(settings, DAYS[2])
    assert read(settings, "u000") == {f"{DAYS[1]}_a_u000"}
    lists.write(settings, DAYS[2], users=1)
    with pytest.raises(GateClosed, match=f"1 users have a list.*nightjar publish {DAYS[2]} --accept"):
        publish_lists(settings, DAYS[2])
    assert publish_lists(settings, DAYS[2], accept=True)["moved"]
    assert read(settings, "u001") == {f"{DAYS[2]}_a_new"}


def test_a_night_of_all_other_songs_is_published_only_if_a_person_accepts_it(settings, kv):
    lists.write(settings, DAYS[0], length=CHURN_MIN_LENGTH)
    live = publish_lists(settings, DAYS[0])["version"]
    before = {key: kv.get(key) for key in kv.scan_iter("*")}
    lists.write(settings, DAYS[1], length=CHURN_MIN_LENGTH)  # every track id says its day
    with pytest.raises(GateClosed, match=rf"100% of a list are songs that were not on it in {live}, at most 90%"):
        publish_lists(settings, DAYS[1])
    assert {key: kv.get(key) for key in kv.scan_iter("*")} == before
    assert records_in(settings) == {live}
    accepted = publish_lists(settings, DAYS[1], accept=True)
    assert (accepted["moved"], accepted["churn"]) == (True, 1)
    assert read(settings, "u007") == {f"{DAYS[1]}_a_u007"}


def test_lists_that_were_never_committed(settings, kv):
    with pytest.raises(PartitionMissing, match="lists/dt=2026-11-20"):
        publish_lists(settings, DAYS[0])
    assert kv.dbsize() == 0


def test_a_store_that_would_evict_is_refused_before_the_first_write(settings, kv):
    lists.write(settings, DAYS[0])
    kv.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(NightjarError, match=r"allkeys-lru.*Set maxmemory-policy noeviction"):
            publish_lists(settings, DAYS[0])
    finally:
        kv.config_set("maxmemory-policy", "noeviction")
    assert kv.dbsize() == 0


def test_a_store_without_room_is_refused_before_the_first_write(settings, kv):
    lists.write(settings, DAYS[0])
    kv.config_set("maxmemory", kv.info("memory")["used_memory"] + 2000)
    try:
        with pytest.raises(NightjarError, match="has room for"):
            publish_lists(settings, DAYS[0])
    finally:
        kv.config_set("maxmemory", 0)
    assert kv.dbsize() == 0


def test_a_store_that_does_not_answer(settings, stack_ports):
    lists.write(settings, DAYS[0])
    nowhere = replace(settings, kv_url="redis://:hush@127.0.0.1:1/0")
    with pytest.raises(NightjarError, match=r"redis://127\.0\.0\.1:1 failed.*NIGHTJAR_KV_URL") as raised:
        publish_lists(nowhere, DAYS[0])
    assert "hush" not in str(raised.value)
    with pytest.raises(NightjarError, match=r"127\.0\.0\.1:1 failed"):
        Reader("redis://127.0.0.1:1/0")


def test_two_publishers_cannot_both_move_the_pointer(settings, kv, monkeypatch):
    lists.write(settings, DAYS[0])
    lists.write(settings, DAYS[1])
    first = publish_lists(settings, DAYS[0])["version"]
    lists.write(settings, DAYS[2])
    lists.overtake_next_move(settings, DAYS[2], monkeypatch)
    with pytest.raises(NightjarError, match="Another run published meanwhile"):
        publish_lists(settings, DAYS[1])
    assert read(settings, "u000") == {f"{DAYS[2]}_a_u000"}
    assert publish_lists(settings, DAYS[1])["moved"] is False
    assert first in versions_in(kv)
    assert versions_in(kv) == records_in(settings)


class Watching(threading.Thread):
    """Reads users' lists without pause, and notes every list that is missing, mixed, or older than one before."""

    def __init__(self, kv_url: str) -> None:
        super().__init__()
        self.reader, self.stopped = Reader(kv_url), threading.Event()
        self.reads, self.wrong, self.seen = 0, [], []

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                user = f"u{self.reads % lists.USERS:03d}"
                version, entries = self.reader.recommend_with_version(user)
                begins = {each.track_id.rpartition("_")[0] for each in entries}
                day = version.partition(".")[0]
                if len(entries) != lists.LENGTH or begins not in ({f"{day}_a_{user}"}, {f"{day}_b_{user}"}):
                    self.wrong.append((user, version, begins))
                if self.seen and version < self.seen[-1]:
                    self.wrong.append((user, version, f"after {self.seen[-1]}"))
                if not self.seen or version != self.seen[-1]:
                    self.seen.append(version)
                self.reads += 1
        except BaseException as error:
            self.wrong.append(error)
        finally:
            self.reader.close()


def kill_at(day: str, step: int) -> int:
    """Publish a day in a process that dies at its `step`th action; its exit status, negative for a signal."""
    context = multiprocessing.get_context("forkserver")  # imports once for all of them
    context.set_forkserver_preload(["tests.nightjar.publish.warm"])
    process = context.Process(target=lists.publish_and_die, args=(dict(os.environ), day, step))
    process.start()
    process.join()
    return process.exitcode


def test_killed_anywhere_no_reader_notices_and_the_next_run_ends_right(settings, kv, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}:{REPOSITORY / 'plugins'}")  # where the forkserver imports from
    for day in DAYS[:2]:
        lists.write(settings, day)
        publish_lists(settings, day)
    lists.write(settings, DAYS[2])
    lists.write(settings, DAYS[3], edition="a")
    watching = Watching(settings.kv_url)
    watching.start()
    try:
        # 0-5 the live lists, 6 record, 7-13 lists, 14-25 check, 26 and 27 pointer and, before it, its copy. Where the
        # record was there: 7-18 what is there, 19- lists, check, pointer. Once all lists are there 19 is the copy, 20
        # the pointer and 21 the first of the old version to go; once it has moved, 6-12 are the old version, 13 its
        # record.
        for step in (6, 8, 14, 19, 20, 19, 20, 21, 9, 13):
            assert kill_at(DAYS[2], step) == -9, step
        assert kill_at(DAYS[3], 22) == -9  # another day dies in the middle, over an unfinished one
        lists.write(settings, DAYS[3], edition="b")  # and is then ranked anew
        final = publish_lists(settings, DAYS[3])
    finally:
        watching.stopped.set()
        watching.join()
    assert watching.wrong == []
    assert watching.reads > 100
    assert watching.seen[0].startswith(DAYS[1])
    assert len(watching.seen) >= 2
    assert read(settings, "u011") == {f"{DAYS[3]}_b_u011"}
    assert versions_in(kv) == records_in(settings)
    assert {version.partition(".")[0] for version in versions_in(kv)} == set(DAYS[2:])
    assert final["version"] in versions_in(kv)
    assert kv.dbsize() == 2 + 2 * (lists.USERS + 1)
