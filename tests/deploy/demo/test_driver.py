"""The demonstration's own parts: uploading once, which runs count, and what is said of them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from deploy.demo import __main__
from deploy.demo import progress as progress_module
from deploy.demo.kept import STAMP, kept_or_made
from deploy.demo.nights import DAGS, Run, chained
from deploy.demo.progress import Progress
from deploy.demo.truth import Truth, Upload
from deploy.demo.upload import upload
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError

DAY = "2026-11-20"


@pytest.fixture
def catalogue(tmp_path: Path) -> tuple[Path, Truth]:
    """Two uploads and a file of listens; their content does not matter here."""
    songs = tuple(Upload(name, DAY, "mp3", "user-1", title="Ä 1/2") for name in ("one", "two"))
    for key in (*(song.key for song in songs), f"listens/dt={DAY}/listens.parquet"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text(key)
    return tmp_path, Truth((DAY,), songs, known=False)


def test_what_is_there_already_is_not_uploaded_again(lake, catalogue):
    directory, truth = catalogue
    assert str(upload(lake.objects, directory, truth)) == "2 uploads and 1 exports of listens written"
    assert upload(lake.objects, directory, truth) == (0, 0)
    (directory / truth.uploads[0].key).write_text("another song")
    assert upload(lake.objects, directory, truth) == (1, 0)
    assert lake.objects.get(truth.uploads[0].key) == b"another song"
    assert lake.objects.head(truth.uploads[1].key).metadata == {"user-id": "user-1", "title": "%C3%84%201%2F2"}


def test_runs_of_an_earlier_backfill_do_not_count():
    """The second of two backfills is at its second DAG: the success of the later ones is the first one's."""
    began = dict(zip(DAGS, (100.0, 110.0, 30.0, 40.0, 50.0), strict=True))
    newest = {(dag, DAY): Run(dag, "success", at, at + 5) for dag, at in began.items()}
    states = [run.state for run in chained(newest, [DAY]).values()]
    assert states == ["success", "success", "waiting", "waiting", "waiting"]


def test_a_run_that_is_queued_makes_all_after_it_wait():
    newest = {(dag, DAY): Run(dag, "success", 10.0 * place, 99.0) for place, dag in enumerate(DAGS)}
    newest[DAGS[0], DAY] = Run("again", "queued")
    assert [run.state for run in chained(newest, [DAY]).values()] == ["queued"] + ["waiting"] * 4


def test_a_day_without_runs_waits():
    assert {run.state for run in chained({}, [DAY]).values()} == {"waiting"}


def test_a_second_demonstration_is_refused_while_one_is_under_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "HOME", tmp_path)
    with __main__._alone():
        assert __main__.main([]) == 1
    assert "another make demo is under way here" in capsys.readouterr().out


def test_a_demonstration_that_was_stopped_says_so_and_how_it_goes_on(tmp_path, monkeypatch, capsys):
    """`make stop` in another shell takes the parts away in its midst: the next question is not answered."""
    monkeypatch.setattr(__main__, "HOME", tmp_path)
    data = tmp_path / "demo"

    def stopped(plan, console):
        Stack(plan.data).down()
        raise NightjarError("Airflow at http://127.0.0.1:1 does not answer: refused", "Start it")

    monkeypatch.setattr(__main__, "run", stopped)
    assert __main__.main(["--data", str(data)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "everything was stopped while the demonstration ran (make stop) make demo goes on where it was" in said
    assert "does not answer" not in said

    def broken(plan, console):
        raise NightjarError("Airflow at http://127.0.0.1:1 does not answer: refused", "Start it")

    monkeypatch.setattr(__main__, "run", broken)
    assert __main__.main(["--data", str(data)]) == 1
    assert "does not answer" in capsys.readouterr().out


def test_songs_are_composed_once_and_again_where_one_is_not_what_was_composed(catalogue):
    directory, truth = catalogue
    made = []

    def make(into: Path) -> Truth:
        made.append(into)
        truth.write(into)
        for each in truth.uploads:
            (into / each.key).write_text(each.key)
        return truth

    assert kept_or_made(directory, make) == (truth, False)
    assert kept_or_made(directory, make) == (truth, True)
    (directory / truth.uploads[0].key).write_text("cut o")
    assert kept_or_made(directory, make) == (truth, False)
    (directory / truth.uploads[1].key).unlink()
    assert kept_or_made(directory, make) == (truth, False)
    stamp = directory / STAMP
    stamp.write_text(stamp.read_text().replace('"code": "', '"code": "another'))
    assert kept_or_made(directory, make) == (truth, False)
    stamp.write_text("half writ")
    assert kept_or_made(directory, make) == (truth, False)
    assert kept_or_made(directory, make) == (truth, True)
    assert len(made) == 5


def test_each_change_is_a_line_where_there_is_no_terminal(lake, settings, monkeypatch, tmp_path):
    moment = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: moment.now))
    said = io.StringIO()
    truth = Truth((DAY,), tuple(Upload(f"t{each}", DAY, "mp3", "u") for each in range(3)), known=False)
    for each in truth.uploads:
        (tmp_path / each.key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each.key).write_text(each.track_id)
    for made_of in ("t1", "an upload of another day"):
        folder = hashlib.sha256(made_of.encode()).hexdigest()
        lake.objects.put(f"stems/{settings.separator}/{folder}/vocals.flac", b"x")
    with Progress(Console(file=said), tmp_path, truth, lake.objects, settings.separator) as progress:
        progress.show(chained({}, [DAY]))
        for state in ("running", "running", "success"):
            progress.show(chained({(DAGS[0], DAY): Run("r", state, 1.0)}, [DAY]))
            moment.now += 10
        for _ in range(3):  # without a change it is said every half a minute
            moment.now += 15
            progress.show(chained({(DAGS[0], DAY): Run("r", "success", 1.0)}, [DAY]))
    assert said.getvalue().splitlines() == [
        f"   0 s  1 songs separated, of 3 uploads  {DAGS[0]} {DAY} running",
        f"  20 s  1 songs separated, of 3 uploads  {DAGS[0]} {DAY} success",
        "  60 s  1 songs separated, of 3 uploads  ",
    ]
