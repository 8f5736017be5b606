"""What a run's folder, its processes and its command see to, before and besides the training."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from embedder import __main__ as command
from embedder.training import spectrograms, work, workers
from nightjar.errors import NightjarError


def test_a_folder_is_of_one_run(tmp_path):
    songs = [spectrograms.Song("a", f"{number}.ogg", tmp_path / f"{number}.npy", 10) for number in range(3)]
    asked = {"seed": 1, "held_out": ["b"]}
    for _ in range(2):
        work.claim(tmp_path, songs, **asked)
    for other, said in (
        ({"seed": 2}, r"another run \(seed: 1, not 2\)"),
        ({"held_out": []}, r"held_out: \['b'\], not \[\]"),
    ):
        with pytest.raises(NightjarError, match=said):
            work.claim(tmp_path, songs, **asked | other)
    for others in (songs[:2], [*songs[:2], spectrograms.Song("a", "2.ogg", tmp_path / "2.npy", 11)]):
        with pytest.raises(NightjarError, match="its songs are others"):
            work.claim(tmp_path, others, **asked)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(NightjarError, match=r"run\.json is damaged"):
        work.claim(tmp_path, songs, **asked)


def test_songs_of_one_name_in_two_folders(songs, tmp_path):
    for artist in ("ann", "bob"):
        (tmp_path / "music" / artist / "cd1").mkdir(parents=True)
        os.link(songs / "songs" / "low" / "0.wav", tmp_path / "music" / artist / "cd1" / "01.wav")
    made = spectrograms.prepare([tmp_path / "music"], tmp_path / "cache", 1, lambda _: None)
    assert [(song.group, song.name) for song in made] == [("ann", "cd1/01.wav"), ("bob", "cd1/01.wav")]
    assert all(song.path.exists() for song in made)
    (tmp_path / "more" / "ann" / "cd1").mkdir(parents=True)
    (tmp_path / "more" / "ann" / "cd1" / "01.wav").write_bytes(b"another")
    with pytest.raises(NightjarError, match=r"would both be ann/cd1/01\.wav"):
        spectrograms.prepare([tmp_path / "music", tmp_path / "more"], tmp_path / "cache", 1, lambda _: None)


def test_how_far_it_is_by_the_clock(monkeypatch):
    clock = itertools.count(step=15)  # seconds, read at the start and after each job
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    said = []
    done = {job[0]: found for job, found in workers.side_by_side(abs, [(-n,) for n in range(5)], 1, "abs", said.append)}
    assert done == {-n: n for n in range(5)}
    assert said == ["abs: 5 to do", "abs: 2/5, about 45 s to go", "abs: 4/5, about 15 s to go", "abs: 5/5"]


ORPHANS = """
import os, sys, time
from pathlib import Path
from embedder.training import workers
for (job,), found in workers.side_by_side(time.sleep, [(0,), (600,)], 2, "sleep", print):
    Path(sys.argv[1]).write_text(Path(f"/proc/self/task/{os.getpid()}/children").read_text())
"""


def test_no_process_outlives_a_run_that_is_killed(tmp_path):
    note = tmp_path / "children"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", ORPHANS, str(note)], env=environment) as run:
        while not note.exists() or not note.read_text():
            assert run.poll() is None
            time.sleep(0.1)
        run.kill()
    left = [int(each) for each in note.read_text().split()]
    assert len(left) >= 2
    deadline = time.monotonic() + 120
    while alive := [each for each in left if _runs(each)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.2)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--epochs", "0"), 2, "'0' is not a whole number above 0"),
        (("--processes", "-1"), 2, "'-1' is not a whole number above 0"),
        (("--held-out", "high,nosuch"), 2, "there is no group 'nosuch' to hold out"),
        (("--work", "file"), 2, "is no folder. Name a folder to work in"),
        ((), 2, "12 songs to train on are fewer than a batch of 32. Name more folders"),
    ],
)
def test_what_cannot_be_trained(songs, tmp_path, monkeypatch, capsys, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    try:
        found = command.main(["train", str(songs / "songs"), "--work", str(songs / "other-work"), *arguments])
    except SystemExit as ended:
        found = ended.code
    assert found == status
    assert message in capsys.readouterr().err


def test_an_interruption_is_a_line(monkeypatch, capsys):
    def interrupted(given):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_train", interrupted)
    assert command.main(["train", "music", "--work", "work"]) == 130
    assert capsys.readouterr().err.strip() == "embedder: stopped; the same command goes on with what is not done"
