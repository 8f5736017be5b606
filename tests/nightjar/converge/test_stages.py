"""When a stage is current: a day is made, then anything in it changes, and what follows from it is out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar.converge.plan import describe, plan
from nightjar.converge.stages import (
    CHAIN,
    CONVERGE_DAYS,
    DAGS,
    EMBED,
    INGEST,
    LISTENS,
    LOAD,
    MAX_TRIES,
    PUBLISH,
    SWEEP,
    At,
    Record,
    awaited,
    digest,
    inputs,
    is_current,
    record,
    unfinished,
)

RULES = {EMBED: "htdemucs-2", SWEEP: "thresholds", PUBLISH: "thresholds"}
IDLE = frozenset(DAGS.values())
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAYS = ("2026-11-27", "2026-11-28", "2026-11-29")


class World:
    """Days whose stages are made as the tasks would make them, by a content that each day has."""

    def __init__(self, days=DAYS) -> None:
        self.known: dict[str, dict[str, Record]] = {day: {} for day in days}
        self.uploads = dict.fromkeys(days, "uploads")

    def make(self, day: str, stage: str, at: datetime = NOW) -> None:
        now = inputs(self.known, RULES, At(day, stage))
        source = {"of": self.uploads[day]} if stage == INGEST else now
        made = Record(made=digest({"stage": stage, **source}), made_from=now, made_at=at.isoformat())
        self.known[day][stage] = made

    def make_all(self) -> None:
        for day in self.known:
            for stage in CHAIN:
                self.make(day, stage)

    def change(self, day: str, stage: str, **fields) -> None:
        self.known[day][stage] = replace(record(self.known, At(day, stage)), **fields)

    def open(self) -> set[tuple[str, str]]:
        return {(at.day, at.stage) for at in unfinished(self.known, RULES)}


@pytest.fixture
def world() -> World:
    made = World()
    made.make_all()
    return made


def test_a_day_that_is_made_is_current(world):
    assert world.open() == set()


def test_nothing_of_a_day_is_made_at_first():
    assert World(DAYS[:1]).open() == {(DAYS[0], stage) for stage in CHAIN}


def test_a_late_song_makes_all_that_follows_out_of_date(world):
    world.uploads[DAYS[1]] = "one more"
    world.make(DAYS[1], INGEST)
    first = {(DAYS[1], stage) for stage in (EMBED, LOAD, SWEEP)}
    assert world.open() == first, "lists of an older day are history"
    for stage in (EMBED, LOAD, SWEEP):
        world.make(DAYS[1], stage)
    assert world.open() == {(DAYS[2], PUBLISH)}, "the newest lists lack the late song"


def test_ingest_again_with_the_same_result_changes_nothing(world):
    world.make(DAYS[1], INGEST)
    assert world.open() == set()


def test_other_thresholds_are_other_inputs(world):
    outdated = {(at.day, at.stage) for at in unfinished(world.known, RULES | {SWEEP: "others"})}
    assert outdated == {(day, SWEEP) for day in DAYS} | {(DAYS[2], PUBLISH)}


def test_listens_of_the_window_are_inputs_of_lists(world):
    world.change(DAYS[0], LISTENS, made="other listens")
    assert world.open() == {(DAYS[2], PUBLISH)}


def test_lists_wait_for_the_sweeps_of_earlier_days(world):
    world.change(DAYS[0], SWEEP, made="")
    world.change(DAYS[2], PUBLISH, made="")
    assert awaited(world.known, RULES, At(DAYS[2], PUBLISH)) == [At(DAYS[0], SWEEP)]


def test_a_day_without_songs_is_not_waited_for(world):
    del world.known[DAYS[0]]
    world.known["2026-11-26"] = {LISTENS: world.known[DAYS[1]][LISTENS]}
    assert awaited(world.known, RULES, At(DAYS[2], PUBLISH)) == []


def _described(world: World, now: datetime = NOW) -> dict[tuple[str, str], object]:
    return {(each.day, each.stage): each for each in describe(world.known, RULES, now)}


def _started(world: World, now: datetime = NOW, idle=IDLE) -> list[tuple[str, str]]:
    return [(each.dag, each.day) for each in plan(list(_described(world, now).values()), idle, now)]


def test_the_earliest_stage_of_each_day_is_started(world):
    world.change(DAYS[0], EMBED, made="")
    world.change(DAYS[1], LISTENS, made="")
    assert _started(world) == [("embed_tracks", DAYS[0]), ("ingest_uploads", DAYS[1])]


def test_a_dag_that_runs_is_left_alone(world):
    world.change(DAYS[0], EMBED, made="")
    assert _started(world, idle={"ingest_uploads", "publish_recommendations"}) == []


def test_what_failed_for_good_is_reported_and_not_repeated(world):
    now = inputs(world.known, RULES, At(DAYS[2], SWEEP))
    world.change(DAYS[2], SWEEP, made="", begun_from=now, error="Milvus is full")
    opened = _described(world)
    assert opened[DAYS[2], SWEEP].failed
    assert "Milvus is full" in opened[DAYS[2], SWEEP].why
    assert _started(world) == []
    world.uploads[DAYS[2]] = "another song"
    for stage in (INGEST, EMBED, LOAD):
        world.make(DAYS[2], stage)
    assert _started(world) == [("sweep_duplicates", DAYS[2])], "it has other inputs now"


def test_what_is_killed_again_and_again_is_given_up(world):
    now = inputs(world.known, RULES, At(DAYS[2], SWEEP))
    world.change(DAYS[2], SWEEP, made="", begun_from=now, begun_run="a", tries=MAX_TRIES - 1)
    assert _started(world) == [("sweep_duplicates", DAYS[2])]
    world.change(DAYS[2], SWEEP, tries=MAX_TRIES)
    assert _started(world) == []


def test_a_day_that_failed_holds_up_no_other(world):
    now = inputs(world.known, RULES, At(DAYS[0], LOAD))
    world.change(DAYS[0], LOAD, made="", begun_from=now, error="no such disk")
    world.change(DAYS[2], PUBLISH, made="")
    assert ("publish_recommendations", DAYS[2]) in _started(world)


def test_an_unswept_day_holds_up_others_for_an_hour_at_most(world):
    world.change(DAYS[0], EMBED, made="")
    world.change(DAYS[2], PUBLISH, made="")
    assert ("publish_recommendations", DAYS[2]) not in _started(world)
    assert ("publish_recommendations", DAYS[2]) in _started(world, NOW + timedelta(hours=1, seconds=1))


def test_old_days_are_shown_and_not_started(world):
    world.change(DAYS[0], SWEEP, made="")
    later = NOW + timedelta(days=CONVERGE_DAYS + 1)
    assert (DAYS[0], SWEEP) in _described(world, later)
    assert ("sweep_duplicates", DAYS[0]) not in _started(world, later)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(CHAIN), st.sampled_from(("lose", "late", "remake"))), max_size=12
)


@given(ACTIONS)
@settings(max_examples=200, deadline=None)
def test_whatever_is_lost_the_chain_ends_whole(actions):
    """Starting what is due, again and again, ends with everything current, in as many rounds as there are stages."""
    world = World()
    world.make_all()
    for day, stage, what in actions:
        if what == "lose":
            world.change(day, stage, made="")
        elif what == "late":
            world.uploads[day] += "+"
            world.make(day, INGEST)
        else:
            world.make(day, stage)
    for _ in range(2 * len(CHAIN)):
        due = [(each.day, each.stage) for each in describe(world.known, RULES, NOW) if each.due]
        for day, stage in due:
            if not is_current(world.known, RULES, At(day, stage)):
                world.make(day, stage)
    assert world.open() == set()
    undisturbed = World()
    undisturbed.uploads = world.uploads
    undisturbed.make_all()
    newest = world.known[DAYS[-1]]
    assert {stage: newest[stage].made for stage in CHAIN} == {
        stage: undisturbed.known[DAYS[-1]][stage].made for stage in CHAIN
    }
