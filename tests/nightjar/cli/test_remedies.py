"""What a person is told to do: where a day is not done, and where a track is not what was asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nightjar.cli import main
from nightjar.ingest import steps as ingest
from nightjar.lake import Lake, Partition
from nightjar.takedowns import steps as takedowns
from tests.nightjar.cli.made import DAY


def test_rerun_lets_a_day_be_made_again_from_a_stage_on(nights, ask, fail, airflow, capsys):
    lake = Lake(nights)
    lake.objects.put(f"uploads/dt={DAY}/one.mp3", b"x")
    ingest.freeze(nights, DAY)
    lake.objects.put(f"uploads/dt={DAY}/late.mp3", b"x")
    assert main(["status"]) == 0
    assert f"Uploads came since they were frozen: {DAY} (nightjar status {DAY} says how)" in capsys.readouterr().out
    assert ask("rerun", DAY, "--from", "sweep")["stages"] == ["sweep", "publish"]
    assert lake.manifest(Partition("uploads", DAY)).rows == 1
    assert ask("rerun", DAY)["stages"] == ["ingest", "listens", "embed", "load", "sweep", "publish"]
    assert lake.manifest(Partition("uploads", DAY)).rows == 2, "what came late is taken in"
    assert airflow.read_text().splitlines() == ["dags trigger converge"] * 2
    opened = {(each["stage"], each["command"]) for each in ask("status", DAY)["unfinished"]}
    assert ("ingest", f"nightjar rerun {DAY} --from ingest") in opened
    assert "nothing is known of 1999-01-01" in fail("rerun", "1999-01-01")


def test_rerun_says_at_once_what_it_does(nights, airflow, capsys):
    assert main(["rerun", DAY, "--from", "sweep"]) == 0
    assert capsys.readouterr().err == f"nightjar: {DAY} from sweep on: asking Airflow to start it\n"


def test_a_day_that_converge_does_not_look_at_any_more_is_started_all_the_same(nights, airflow, monkeypatch, capsys):
    monkeypatch.setattr("nightjar.clock.now", lambda: datetime(2027, 3, 1, tzinfo=UTC))
    assert main(["rerun", DAY, "--from", "sweep"]) == 0
    assert airflow.read_text() == f'dags trigger sweep_duplicates --conf {{"day": "{DAY}"}}\n'
    monkeypatch.setenv("NIGHTJAR_AIRFLOW", "false")
    assert main(["rerun", DAY]) == 0
    said = capsys.readouterr().out
    assert "Airflow was not reached, and converge looks back 35 days only." in said
    assert f"Start it: false backfill create --dag-id ingest_uploads --from-date {DAY} --to-date {DAY}" in said


def test_a_day_that_goes_on_is_not_run(settings, airflow, fail, monkeypatch):
    monkeypatch.setattr("nightjar.clock.now", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    Lake(settings).objects.put("uploads/dt=2026-11-20/one.mp3", b"x")
    assert "2026-11-20 is not over (UTC)" in fail("rerun", "2026-11-20")
    assert not airflow.exists()


def test_a_day_without_a_run_has_one_remedy(nights, fail, capsys):
    Lake(nights).objects.put("uploads/dt=2026-11-22/one.mp3", b"x")
    rejected = fail("rejects", "2026-11-22")
    assert "2026-11-22 was not taken in yet" in rejected
    assert main(["status", "2026-11-22"]) == 0
    for said in (rejected, capsys.readouterr().out):
        assert "nightjar rerun 2026-11-22" in said
        assert "backfill" not in said


def test_the_command_of_a_day_stands_once_at_the_earliest_stage(nights, airflow, capsys):
    assert main(["rerun", DAY]) == 0
    capsys.readouterr()
    assert main(["status", DAY]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"{DAY} +ingest .* nightjar rerun {DAY} --from ingest", said)
    assert re.search(rf"{DAY} +listens .* nothing: comes with ingest", said)
    assert said.count("nightjar rerun") == 1


def test_a_track_that_no_run_has_taken_in_is_answered_with_its_day(published, fail):
    lake = Lake(published)
    lake.objects.put("uploads/dt=2026-11-22/fresh-1.mp3", b"x")
    for command in (("similar",), ("why", "u00")):
        said = fail(*command, "fresh-1")
        assert "track 'fresh-1' was uploaded on 2026-11-22 (uploads/dt=2026-11-22/fresh-1.mp3), and no run has" in said
        assert "nightjar status 2026-11-22 shows how far the day is; nightjar rerun 2026-11-22 takes it in" in said
    lake.objects.put("uploads/dt=2026-11-22/bare", b"x")
    assert "was uploaded on 2026-11-22 (uploads/dt=2026-11-22/bare), and no run" in fail("why", "u00", "bare")
    assert "there is no track 'fresh', and no upload of that name" in fail("why", "u00", "fresh")


def test_why_of_a_track_that_the_lists_could_not_know(published, fail):
    lake = Lake(published)
    lake.objects.put("lake/claims/later", b"2026-11-22")
    said = fail("why", "u00", "later")
    assert f"track 'later' was uploaded on 2026-11-22, after the newest lists, which are of {DAY}" in said
    lake.objects.put("lake/claims/lost", DAY.encode())
    assert f"track 'lost' was rejected on {DAY}, not_audio: x" in fail("why", "u00", "lost")


def test_a_track_that_is_taken_down_is_said_to_be(published, fail):
    takedowns.forget(published, ["gone-1"])
    assert "track 'gone-1' is taken down" in fail("why", "u00", "gone-1")
