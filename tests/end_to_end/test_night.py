"""A whole demonstration by a real scheduler: killed in its middle, taken up again, found true, and repeated.

One story, told by the fixture `night`; the tests look at what it left. Needs the weights of the separation.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from deploy.demo.catalogue import REUPLOADED
from deploy.demo.judge import judge
from deploy.demo.nights import DAGS, Nights
from deploy.demo.progress import Progress
from deploy.demo.run import CORES, settings_for
from deploy.demo.truth import Truth
from deploy.demo.upload import upload
from deploy.embedded import processes
from deploy.embedded.stack import Stack
from nightjar.lake import Lake, Partition
from nightjar.schemas import NEW_USERS
from nightjar.settings import FIRST_MODEL
from tests.end_to_end import own_upload

SEPARATED_BEFORE_THE_KILL = 4
WITHIN_S = 3600.0


@dataclass(frozen=True)
class Night:
    """What the story left behind: the stack runs, and `first` and `second` are digests of the lake after each pass."""

    stack: Stack
    truth: Truth
    killed: int
    survivors: list
    went_on: bool
    first: dict[str, str]
    second: dict[str, str]

    @property
    def lake(self) -> Lake:
        return Lake(self.stack.settings)

    def rows(self, table: str, day: str) -> list[dict]:
        return self.lake.read(Partition(table, day, FIRST_MODEL)).to_pylist()


@pytest.fixture(scope="module")
def night(made, tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]) -> Iterator[Night]:
    truth = made.truth
    say(f"a night through Airflow: {len(truth.uploads)} uploads over {len(truth.days)} days")
    stack = Stack(tmp_path_factory.mktemp("night"), settings_for(truth), CORES)
    before = dict(os.environ)
    try:
        stack.up(say)
        stack.enter()
        lake = Lake(stack.settings)
        upload(lake.objects, made.directory, truth)
        nights = Nights(stack, truth.days)
        nights.begin()
        _until_separating(stack, nights, say)
        killed, survivors = _kill_everything(stack)
        say(f"killed all {killed} processes in the middle of the separation; starting again")
        stack.up(say)
        nights = Nights(stack, truth.days)
        went_on = not nights.begin()
        nights.watch(_changes(say), WITHIN_S)
        first = _digests(lake)
        say("three nights are done; the same backfill again")
        nights.begin()
        nights.watch(_changes(say), WITHIN_S)
        yield Night(stack, truth, killed, survivors, went_on, first, _digests(lake))
    finally:
        stack.down(say)
        os.environ.clear()
        os.environ.update(before)


def _until_separating(stack: Stack, nights: Nights, say: Callable[[str], None]) -> None:
    """Return when some songs are separated and others are being."""
    show, objects = _changes(say), Lake(stack.settings).objects
    deadline = time.monotonic() + WITHIN_S
    while len(objects.folders(f"stems/{stack.settings.separator}/")) < SEPARATED_BEFORE_THE_KILL:
        assert time.monotonic() < deadline, "no song was separated"
        show(nights.states())
        time.sleep(2)
    assert "running" in {run.state for (dag, _), run in nights.states().items() if dag == "embed_tracks"}


def _kill_everything(stack: Stack) -> tuple[int, list]:
    """SIGKILL to every process of the stack at once: how many there were, and which are left."""
    roots = [process for service in stack.services if (process := service.process)]
    doomed = {
        *roots,
        *processes.marked(f"{stack.data}:"),
        *(each for root in roots for each in processes.descendants(root)),
    }
    for process in doomed:
        with contextlib.suppress(ProcessLookupError):  # PostgreSQL's others end with its first
            os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while (left := [process for process in doomed if process.alive]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(doomed), left + processes.marked(f"{stack.data}:")


def _changes(say: Callable[[str], None]) -> Callable[[dict], None]:
    """Says which runs changed their state."""
    last: dict = {}

    def show(states: dict) -> None:
        for at, run in states.items():
            if run.state not in (last.get(at, "waiting"), "queued"):
                say(f"{at[1]} {at[0]} {run.state}")
            last[at] = run.state

    return show


def _digests(lake: Lake) -> dict[str, str]:
    """SHA-256 of every object that we wrote."""
    keys = [seen.key for prefix in ("lake/", "stems/") for seen in lake.objects.list(prefix)]
    return {key: hashlib.sha256(lake.objects.get(key)).hexdigest() for key in keys}


def test_the_kill_left_nothing_and_the_runs_went_on(night: Night):
    assert night.killed > 10
    assert night.survivors == []
    assert night.went_on


def test_what_was_planted_is_found_and_nothing_else(night: Night):
    pairs = [
        (row["a"], row["b"], row["verdict"])
        for day in night.truth.days
        for row in night.rows("duplicate_pairs", day)
        if row["verdict"] != "distinct"
    ]
    rejects = [
        (row["track_id"], row["reason"])
        for day in night.truth.days
        for stage in ("ingest", "embed")
        for row in night.lake.read(Partition("rejects", day, stage=stage)).to_pylist()
    ]
    groups = {row["track_id"]: row["canonical_id"] for row in night.rows("duplicate_groups", night.truth.days[-1])}
    verdict = judge(night.truth, pairs, rejects, groups)
    assert verdict.mistakes == ()
    assert verdict.planted >= 8


def test_every_song_of_every_day_is_embedded(night: Night):
    for day in night.truth.days:
        wanted = {song.track_id for song in night.truth.accepted if song.day == day}
        assert {row["track_id"] for row in night.rows("embeddings", day)} == wanted


def test_every_list_keeps_the_rules(night: Night):
    uploader = {song.track_id: song.uploader for song in night.truth.accepted}
    heard: dict[str, set[str]] = {}
    for day in night.truth.days:
        for listen in night.lake.read(Partition("listens", day)).to_pylist():
            if listen["kind"] == "play":
                heard.setdefault(listen["user_id"], set()).add(listen["track_id"])
        lists: dict[str, list[str]] = {}
        for row in night.rows("lists", day):
            lists.setdefault(row["user_id"], []).append(row["track_id"])
        assert set(heard) <= set(lists)
        canonical = {row["track_id"]: row["canonical_id"] for row in night.rows("duplicate_groups", day)}
        for user, songs in lists.items():
            kinds = [canonical.get(song, song) for song in songs]
            assert len(kinds) == len(set(kinds)), f"{user} gets one song twice"
            assert not {canonical.get(song, song) for song in heard.get(user, ())} & set(kinds), f"{user} heard one"
            assert user not in {uploader[song] for song in songs}, f"{user} gets an upload of their own"
            assert {song.day for song in night.truth.accepted if song.track_id in songs} <= {
                d for d in night.truth.days if d <= day
            }


def test_the_app_reads_the_last_day_from_the_key_value_store(night: Night):
    from nightjar.publish.reader import Reader

    day = night.truth.days[-1]
    lists: dict[str, list[str]] = {}
    for row in night.rows("lists", day):
        lists.setdefault(row["user_id"], []).append(row["track_id"])
    reader = Reader(night.stack.settings.kv_url)
    for user, songs in lists.items():
        version, read = reader.recommend_with_version(user)
        assert version.startswith(f"{day}.")
        assert [entry.track_id for entry in read] == songs
    assert [entry.track_id for entry in reader.recommend("nobody-knows")] == lists[NEW_USERS]
    reader.close()


def test_a_second_backfill_gives_the_same_bytes(night: Night):
    assert len(night.first) > 100
    assert night.second == night.first


def test_progress_counts_the_songs_that_are_separated(night: Night, made):
    said, settings = io.StringIO(), night.stack.settings
    with Progress(Console(file=said), made.directory, night.truth, night.lake.objects, settings.separator) as progress:
        progress.show(Nights(night.stack, night.truth.days).states())
    files = {row["sha256"] for day in night.truth.days for row in night.lake.read(Partition("tracks", day)).to_pylist()}
    assert f" {len(files)} songs separated, of {len(night.truth.uploads)} uploads" in said.getvalue()


def test_no_run_failed_on_the_way(night: Night):
    states = Nights(night.stack, night.truth.days).states()
    assert {run.state for run in states.values()} == {"success"}
    assert len(states) == len(DAGS) * len(night.truth.days)


@pytest.mark.services  # one more night, of the same steps
def test_an_upload_of_ones_own_goes_in_as_the_page_tells(night: Night, made):
    """The file of a song that is there: its list's place is the first one's."""
    song = next(each for each in night.truth.accepted if each.name == REUPLOADED)
    said = own_upload.follow(night.stack, made.directory / song.key)
    assert said["rejects"] == f"Rejects of {own_upload.DAY}: none\n"
    assert song.track_id in said["similar"]
    assert song.track_id in said["duplicates"]
    assert f"{own_upload.TRACK} (Mein Lied, süß, uploaded on {own_upload.DAY}) is not on the list" in said["why"]
    assert "The app reads just this" in said["recs"]
    assert "Unfinished" not in said["status"]


def test_going_down_leaves_no_process(night: Night):
    night.stack.down()
    assert processes.marked(f"{night.stack.data}:") == []
    assert not any(pid for _, pid, _ in night.stack.status())


def test_nothing_secret_is_readable_by_others(night: Night):
    for name in ("private.json", "environment"):
        assert (Path(night.stack.data) / name).stat().st_mode & 0o077 == 0
