"""Beginning and ending stages on a real lake: what is recorded, who is let in, and a lake that has no records yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nightjar import clock, schemas
from nightjar.converge import plan, records, steps
from nightjar.converge.stages import (
    CHAIN,
    DAGS,
    EMBED,
    INGEST,
    LISTENS,
    LOAD,
    PAST_PATIENCE_S,
    PUBLISH,
    SWEEP,
    At,
)
from nightjar.errors import DayNotOver
from nightjar.lake import Lake, Partition

DAY, NEXT = "2026-11-20", "2026-11-21"
TABLES = {
    INGEST: ("uploads", "tracks"),
    LISTENS: ("listens", "takedowns"),
    EMBED: ("embeddings", "windows", "fingerprints", "speed_prints", "stems"),
    LOAD: (),
    SWEEP: ("duplicate_groups", "duplicate_pairs"),
    PUBLISH: ("lists",),
}


def write(settings, day: str, stage: str) -> None:
    """What the stage leaves in the lake, without rows."""
    for table in TABLES[stage]:
        model = (settings.model,) if table in schemas.BY_MODEL else ()
        Lake(settings).write(Partition(table, day, *model), schemas.empty(table))


def make(settings, day: str, *stages: str, run: str = "manual__1") -> None:
    """Run stages as the tasks do."""
    for stage in stages:
        steps.begin(settings, At(day, stage), run)
        steps.still_due(settings, At(day, stage), run)
        write(settings, day, stage)
        steps.finish(settings, At(day, stage))


def unfinished(settings) -> list[tuple[str, str]]:
    return [(each.day, each.stage) for each in plan.look(settings)]


def test_a_day_ends_with_nothing_unfinished(settings):
    make(settings, DAY, *CHAIN)
    assert unfinished(settings) == []


def test_a_stage_is_not_begun_before_what_it_needs(settings):
    make(settings, DAY, INGEST, LISTENS)
    with pytest.raises(steps.NotDue, match="sweep of 2026-11-20 waits for the load of 2026-11-20"):
        steps.begin(settings, At(DAY, SWEEP), "manual__1")
    with pytest.raises(steps.NotDue, match="publish of 2026-11-20 waits for the sweep of 2026-11-20"):
        steps.begin(settings, At(DAY, PUBLISH), "manual__1")


def test_lists_are_not_made_of_a_day_whose_listens_are_missing(settings):
    make(settings, DAY, INGEST, EMBED, LOAD, SWEEP)
    with pytest.raises(steps.NotDue, match="waits for the listens of 2026-11-20"):
        steps.begin(settings, At(DAY, PUBLISH), "manual__1")


@pytest.mark.parametrize("run", ["converge__1", "scheduled__1"])
def test_a_run_that_nobody_asked_for_does_not_repeat_what_is_current(settings, run):
    make(settings, DAY, *CHAIN)
    for stage in (INGEST, LISTENS, SWEEP):
        with pytest.raises(steps.NotDue, match="up to date"):
            steps.begin(settings, At(DAY, stage), run)
    make(settings, DAY, SWEEP)
    assert unfinished(settings) == [], "the same again makes nothing out of date"


def test_what_one_run_makes_is_made_again_together(settings):
    make(settings, DAY, *CHAIN)
    steps.forget(settings, DAY, LISTENS)
    make(settings, DAY, INGEST, LISTENS, run="converge__1")


def test_what_changed_meanwhile_does_not_end_well(settings):
    make(settings, DAY, *CHAIN)
    steps.begin(settings, At(DAY, PUBLISH), "manual__1")
    make(settings, DAY, LISTENS, run="manual__2")
    steps.begin(settings, At(DAY, PUBLISH), "manual__1")
    records.change(Lake(settings).objects, settings.model, At(DAY, LISTENS), lambda seen: replace(seen, made="other"))
    with pytest.raises(steps.NotDue, match="has changed since it began"):
        steps.still_due(settings, At(DAY, PUBLISH), "manual__1")


def test_what_is_asked_for_again_while_it_is_made_is_made_again(settings):
    """As after a late upload: what the run has frozen lacks it."""
    make(settings, DAY, *CHAIN)
    steps.begin(settings, At(DAY, INGEST), "manual__1")
    steps.forget(settings, DAY, INGEST)
    with pytest.raises(steps.NotDue, match="asked for or begun again"):
        steps.still_due(settings, At(DAY, INGEST), "manual__1")
    steps.fail(settings, At(DAY, INGEST), "manual__1", "the day was frozen again while it ran")
    assert not any(each.failed for each in plan.look(settings))
    assert (DAY, INGEST) in unfinished(settings)


def test_only_the_run_that_began_a_stage_last_ends_it(settings):
    make(settings, DAY, INGEST, LISTENS)
    steps.begin(settings, At(DAY, EMBED), "manual__1")
    steps.begin(settings, At(DAY, EMBED), "manual__2")
    with pytest.raises(steps.NotDue, match="asked for or begun again"):
        steps.still_due(settings, At(DAY, EMBED), "manual__1")
    steps.still_due(settings, At(DAY, EMBED), "manual__2")


def test_only_the_run_that_began_a_stage_notes_its_failure(settings):
    make(settings, DAY, INGEST)
    steps.begin(settings, At(DAY, EMBED), "manual__1")
    steps.fail(settings, At(DAY, EMBED), "manual__2", "not mine")
    assert not any(each.failed for each in plan.look(settings))
    steps.fail(settings, At(DAY, EMBED), "manual__1", "no weights")
    assert [(each.stage, each.why) for each in plan.look(settings) if each.failed] == [
        (EMBED, "failed for good: no weights")
    ]
    steps.forget(settings, DAY, EMBED)
    assert not any(each.failed for each in plan.look(settings)), "a person asks for it again"


def test_a_lake_without_records_is_taken_for_made(settings):
    for stage in CHAIN:
        write(settings, DAY, stage)
    for stage in (INGEST, LISTENS, EMBED):
        write(settings, NEXT, stage)
    assert unfinished(settings) == [(NEXT, stage) for stage in (LOAD, SWEEP, PUBLISH)]
    make(settings, NEXT, LOAD, SWEEP, PUBLISH)
    assert unfinished(settings) == []


def test_models_are_told_apart(settings):
    make(settings, DAY, *CHAIN)
    other = replace(settings, model="another-1")
    assert unfinished(other) == [(DAY, stage) for stage in CHAIN if stage not in (INGEST, LISTENS)]
    make(other, DAY, EMBED)
    assert unfinished(settings) == []


def test_days_that_a_model_was_filled_with_are_not_made_again(settings):
    """`nightjar model fill` runs the steps by itself; of lists the newest day's are made when it has taken over."""
    for day in (DAY, NEXT):
        make(settings, day, *CHAIN)
    filled = replace(settings, model="another-1")
    for day in (DAY, NEXT):
        for stage in (EMBED, LOAD, SWEEP):
            write(filled, day, stage)
    assert unfinished(filled) == [(NEXT, PUBLISH)]


def test_a_day_that_goes_on_is_refused(settings):
    with pytest.raises(DayNotOver, match="9999-12-31 is not over"):
        steps.begin(settings, At("9999-12-31", INGEST), "manual__1")
    steps.begin(replace(settings, open_days="allow"), At("9999-12-31", INGEST), "manual__1")


def test_nights_that_never_were_are_unfinished(settings):
    make(settings, DAY, *CHAIN)
    now = datetime(2026, 11, 23, 1, tzinfo=UTC)
    nightly = replace(settings, first_night=DAY)
    opened = plan.look(nightly, now)
    assert {each.day for each in opened} == {NEXT, "2026-11-22"}
    starts = plan.plan(opened, {"ingest_uploads"}, now)
    assert [(each.dag, each.day) for each in starts] == [("ingest_uploads", NEXT), ("ingest_uploads", "2026-11-22")]


def test_records_that_change_side_by_side_are_all_kept(settings):
    from concurrent.futures import ThreadPoolExecutor

    objects = Lake(settings).objects

    def count(number: int) -> None:
        records.change(objects, settings.model, At(DAY, SWEEP), lambda seen: replace(seen, tries=seen.tries + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(24)))
    assert records.read(objects, settings.model)[DAY][SWEEP].tries == 24


def test_the_event_of_a_cleared_sweep_publishes_nothing_before_the_day_is_swept_again(settings):
    """A sweep that is cleared leaves an event, which the day's next backfill finds; that has a late upload here."""
    make(settings, DAY, *CHAIN)
    make(settings, DAY, SWEEP)
    steps.forget(settings, DAY, INGEST)
    event = "asset_triggered__1"
    with pytest.raises(steps.NotDue, match="publish of 2026-11-20 waits for the sweep of 2026-11-20"):
        steps.begin(settings, At(DAY, PUBLISH), event)
    for stage in CHAIN[:-1]:
        make(settings, DAY, stage)
        if stage != SWEEP:
            with pytest.raises(steps.NotDue):
                steps.begin(settings, At(DAY, PUBLISH), event)
    assert unfinished(settings) == [(DAY, PUBLISH)], "and without any event `converge` starts it"


def test_what_a_paused_dag_missed_is_started_and_shown(settings):
    """Airflow drops the events of a paused DAG."""
    make(settings, DAY, INGEST, LISTENS, EMBED)
    opened = plan.look(settings)
    assert [(each.stage, each.why, each.due) for each in opened] == [
        (LOAD, "was never begun", True),
        (SWEEP, "waits for the load of 2026-11-20", False),
        (PUBLISH, "waits for the sweep of 2026-11-20", False),
    ]
    (start,) = plan.plan(opened, set(DAGS.values()), datetime(2026, 11, 23, tzinfo=UTC))
    assert (start.dag, start.day) == ("load_vectors", DAY)


def test_a_day_that_is_never_swept_holds_up_the_others_no_longer_than_it_may(settings, monkeypatch):
    make(settings, DAY, INGEST, LISTENS, EMBED)
    make(settings, NEXT, INGEST, LISTENS, EMBED, LOAD, SWEEP)
    with pytest.raises(steps.NotDue, match="publish of 2026-11-21 waits for the sweep of 2026-11-20"):
        steps.begin(settings, At(NEXT, PUBLISH), "manual__1")
    later = clock.now() + timedelta(seconds=PAST_PATIENCE_S + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    make(settings, NEXT, PUBLISH)
    assert all(day == DAY for day, _ in unfinished(settings)), "which is still shown"
