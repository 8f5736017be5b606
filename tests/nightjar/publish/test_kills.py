"""Publishers that are killed at random moments, while readers read without pause."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nightjar.lake import Lake, Partition
from nightjar.publish.reader import Reader
from nightjar.publish.rollback import go_to
from nightjar.publish.versions import version_of
from nightjar.settings import REPOSITORY
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import OWNER, POINTER, list_key, new_users_key

USERS, LENGTH = 2000, 5
SEED = 20261122


class Truth:
    """The versions in the order in which they are published; a person may go back only within `going_back`."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.edition: dict[str, str] = {}
        self.turns = 0

    def made(self, version: str, edition: str) -> None:
        self.edition[version] = edition
        self.order.append(version)

    @contextmanager
    def going_back(self) -> Iterator[None]:
        self.turns += 1  # odd: the order says nothing
        yield
        self.turns += 1


class Watching(threading.Thread):
    """Reads the lists of some users, one of them unknown, and notes all that is not as it must be."""

    def __init__(self, kv_url: str, truth: Truth, users: list[str]) -> None:
        super().__init__()
        self.reader, self.truth, self.users = Reader(kv_url), truth, users
        self.stopped, self.wrong, self.seen, self.reads = threading.Event(), [], set(), 0

    def run(self) -> None:
        newest, turn = -1, 0
        try:
            while not self.stopped.is_set():
                user = self.users[self.reads % len(self.users)]
                before = self.truth.turns
                version, entries = self.reader.recommend_with_version(user)
                self._check(user, version, entries)
                place = self.truth.order.index(version)
                if before != turn:
                    newest, turn = -1, before
                if place < newest and before % 2 == 0 and self.truth.turns == before:
                    self.wrong.append(f"{user} read {version} after {self.truth.order[newest]}")
                newest = max(place, newest)
                self.reads += 1
        except BaseException as error:
            self.wrong.append(error)
        finally:
            self.reader.close()

    def _check(self, user: str, version: str, entries: list) -> None:
        self.seen.add(version)
        owner = user if user.startswith("u") else "new"
        expected = {f"{version.partition('.')[0]}_{self.truth.edition[version]}_{owner}"}
        if len(entries) != LENGTH or {each.track_id.rpartition("_")[0] for each in entries} != expected:
            self.wrong.append(f"{user} read {entries} in {version}")


class Publisher:
    """Publishes in processes of its own, which can be killed."""

    def __init__(self, settings, truth: Truth) -> None:
        self.settings, self.truth = settings, truth
        self.context = multiprocessing.get_context("forkserver")  # imports and compiles once for all of them
        self.context.set_forkserver_preload(["tests.nightjar.publish.warm"])

    def rank(self, day: str, edition: str) -> None:
        """Make the lists of a day anew."""
        lists.write(self.settings, day, USERS, edition)
        manifest = Lake(self.settings).manifest(Partition("lists", day, self.settings.model))
        self.truth.made(version_of(day, manifest.to_json()), edition)

    def publish(self, day: str, kill_after: float | None = None) -> tuple[int, float]:
        """The exit status of the process, negative for a signal, and how long it published."""
        begun = self.context.Event()
        process = self.context.Process(target=lists.publish, args=(dict(os.environ), day, begun))
        process.start()
        assert begun.wait(300)
        since = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        process.join()
        return process.exitcode, time.monotonic() - since


@pytest.mark.parametrize("kills", [15, pytest.param(50, marks=pytest.mark.services)])
def test_killed_at_random_moments_no_reader_notices(settings, kv, monkeypatch, kills):
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}:{REPOSITORY / 'plugins'}")  # where the forkserver imports from
    moments, truth = random.Random(SEED), Truth()
    publisher = Publisher(settings, truth)
    days = [f"2026-11-{day:02d}" for day in range(1, 28)]
    publisher.rank(days[0], "0")
    assert publisher.publish(days[0])[0] == 0
    watchers = [Watching(settings.kv_url, truth, users) for users in (["u000", "nobody"], ["u999", "u1999", "u777"])]
    for watching in watchers:
        watching.start()
    try:
        publisher.rank(days[1], "1")
        status, usual = publisher.publish(days[1])
        assert status == 0
        killed = tried = 0
        while killed < kills:
            if tried % 4 == 0:  # a day is killed some times, is ranked anew, and the next one comes over what is left
                publisher.rank(days[2 + tried // 8], str(2 + tried))
            status, took = publisher.publish(days[2 + tried // 8], moments.uniform(0, usual))
            assert status in (0, -9)
            usual = min(usual, took) if status == 0 else usual  # the first ones may have had a slower machine
            killed += status == -9
            tried += 1
            assert tried < 2 * kills
        day = days[2 + (tried - 1) // 8]
        publisher.publish(day)
        last = [version for version in truth.order if version.startswith(day)][-1]
        before = _there_and_back(settings, truth, watchers)
        assert kv.get(POINTER).decode() == last
        wanted = {new_users_key(version) for version in (last, before)}
        wanted |= {list_key(version, f"u{user:03d}") for version in (last, before) for user in range(USERS)}
        assert {key.decode() for key in kv.scan_iter("*", count=5000)} == wanted | {POINTER, OWNER}
        assert {seen.key for seen in Lake(settings).objects.list("published/")} == {
            f"published/{version}.json" for version in (last, before)
        }
    finally:
        for watching in watchers:
            watching.stopped.set()
            watching.join()
    assert [watching.wrong for watching in watchers] == [[], []]
    assert min(watching.reads for watching in watchers) > 20 * kills
    assert {truth.order[1], last, before} <= set.union(*(watching.seen for watching in watchers))


def _there_and_back(settings, truth: Truth, watchers: list[Watching]) -> str:
    """Go back to the version before, and forward again, each read by everybody; returns the version before."""
    with truth.going_back():
        gone = go_to(settings)
    assert truth.order.index(gone["current"]) < truth.order.index(gone["was"])
    _read_on(watchers)
    assert go_to(settings, gone["was"])["moved"]
    _read_on(watchers)
    return gone["current"]


def _read_on(watchers: list[Watching]) -> None:
    """Return when every watcher that still reads has read all its users' lists twice more."""
    wanted = {watching: watching.reads + 2 * len(watching.users) + 1 for watching in watchers}
    while any(watching.is_alive() and watching.reads < reads for watching, reads in wanted.items()):
        time.sleep(0.01)
