"""Two runs of one day that write a partition at once: the same bytes once, or one of two results, whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.objects import ObjectChanged
from tests.nightjar.test_lake import GROUPS, groups, ids, stored


def interrupting(lake: Lake, monkeypatch: pytest.MonkeyPatch, method: str, what: str, by) -> None:
    """Have `by` called once, before the first request of this kind for a key that contains `what`."""
    real, left = getattr(type(lake.objects), method), [by]

    def interrupted(self, key, *arguments, **named):
        if what in key and left:
            left.pop()()
        return real(self, key, *arguments, **named)

    monkeypatch.setattr(type(lake.objects), method, interrupted)


def test_of_two_runs_that_commit_the_same_both_succeed(lake, settings, monkeypatch):
    """As of a backfill beside the schedule's run of the same day."""
    lake.write(GROUPS, groups("a"))
    other = Lake(settings)
    lake.write_part(GROUPS, 0, groups("b"))
    interrupting(lake, monkeypatch, "put", "_manifest.json", lambda: other.write(GROUPS, groups("b")))
    assert lake.commit(GROUPS, 1) == other.manifest(GROUPS)
    assert ids(lake.read(GROUPS)) == ["b"]
    assert len(stored(lake)) == 3, "a part, its receipt, the manifest"


def test_a_conditional_put_whose_answer_was_lost_is_no_conflict(lake, monkeypatch):
    """The client repeats a request that was cut off after the store had done it."""
    lake.write_part(GROUPS, 0, groups("a"))
    put = type(lake.objects).put

    def cut_off(self, key, body, **named):
        done = put(self, key, body, **named)
        return put(self, key, body, **named) if key.endswith("_manifest.json") else done

    monkeypatch.setattr(type(lake.objects), "put", cut_off)
    lake.commit(GROUPS, 1)
    assert ids(lake.read(GROUPS)) == ["a"]


@pytest.mark.parametrize("before", [(), ("a",)])
def test_what_is_swept_while_it_is_committed_is_not_left_dangling(lake, monkeypatch, before):
    if before:
        lake.write(GROUPS, groups(*before))
    lake.write_part(GROUPS, 0, groups("b"))
    part = lake.staged(GROUPS, 1).parts[0]
    interrupting(lake, monkeypatch, "put", "_manifest.json", lambda: lake.objects.delete(GROUPS.prefix + part.name))
    with pytest.raises(NightjarError, match="a run or a purge replaced it"):
        lake.commit(GROUPS, 1)
    assert lake.exists(GROUPS) == bool(before)
    if before:
        assert ids(lake.read(GROUPS)) == list(before)


def test_a_sweep_leaves_what_a_later_commit_names(lake, settings, monkeypatch):
    lake.write(GROUPS, groups("a"))
    other = Lake(settings)
    other.write_part(GROUPS, 0, groups("c"))
    late = other.staged(GROUPS, 1)
    lake.write_part(GROUPS, 0, groups("b"))

    put, done = type(lake.objects).put, []

    def overtaken(self, key, body, **named):
        etag = put(self, key, body, **named)
        if key == GROUPS.manifest_key and not done:
            done.append(key)
            other.objects.put(f"{GROUPS.prefix}_staged/0000.json", late.parts[0].to_json())
            other.commit(GROUPS, 1)
        return etag

    monkeypatch.setattr(type(lake.objects), "put", overtaken)
    lake.commit(GROUPS, 1)
    assert ids(lake.read(GROUPS)) == ["c"]


def test_two_runs_of_a_day_at_once_leave_one_of_their_results_whole(lake, settings):
    """Many times: the same rows, and different ones."""
    lake.write(GROUPS, groups("z"))

    def run(names: str) -> str:
        own = Lake(settings)
        try:
            for shard, name in enumerate(names):
                own.write_part(GROUPS, shard, groups(name))
            own.commit(GROUPS, len(names))
        except (ObjectChanged, NightjarError) as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(run, ("ab", "ab"))) == ["done", "done"]
            assert ids(lake.read(GROUPS)) == ["a", "b"]
            assert len(stored(lake)) == 5
        for _ in range(3):
            assert "done" in list(pool.map(run, ("cd", "ef")))
            first, second = ids(lake.read(GROUPS))
            assert first in "ce"
            assert second in "df"


def test_only_the_first_of_two_writes_once(lake):
    lake.write(GROUPS, groups("a"), once=True)
    with pytest.raises(ObjectChanged):
        lake.write(GROUPS, groups("b"), once=True)
    lake.write(GROUPS, groups("a"), once=True)
    assert ids(lake.read(GROUPS)) == ["a"]


def test_of_two_commits_at_once_one_is_told(lake, monkeypatch):
    lake.write(GROUPS, groups("a"))
    lake.write_part(GROUPS, 0, groups("b"))
    put = type(lake.objects).put
    once = [True]

    def interrupted(self, key, body, **named):
        if key.endswith("_manifest.json") and once:
            once.clear()
            lake.write(GROUPS, groups("c"))
        return put(self, key, body, **named)

    monkeypatch.setattr(type(lake.objects), "put", interrupted)
    with pytest.raises(ObjectChanged, match="was written by somebody else meanwhile"):
        lake.commit(GROUPS, 1)
    assert ids(lake.read(GROUPS)) == ["c"]
