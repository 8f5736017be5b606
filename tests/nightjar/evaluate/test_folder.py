"""A folder of altered copies: what is in it, what is left out, and that it is whole or not there."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import psutil
import pytest

from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ALTERATIONS
from nightjar.evaluate.copies import seconds_of
from nightjar.evaluate.folder import chosen, fits, make
from nightjar.evaluate.truth import read
from nightjar.thresholds import FRAGMENT_MAX_RATIO


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory, compose) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    (folder / "sub").mkdir()
    compose(folder / "long.wav", 1, 40.0)
    compose(folder / "sub" / "short.wav", 2, 6.0)
    compose(folder / "sub" / "short.wave", 3, 6.0)  # called alike
    (folder / "notes.txt").write_text("no song")
    return folder


def test_originals_copies_and_their_table(songs, tmp_path):
    made = make(songs, tmp_path / "out", ["mp3-64", "crop-start", "fragment-10"])
    assert made.songs == ["long.wav", "sub/short.wav", "sub/short.wave"]
    assert made.copies == {"mp3-64": 3, "crop-start": 1, "fragment-10": 1}
    assert made.left_out == {"crop-start": 2, "fragment-10": 2}
    assert [each["file"] for each in made.unreadable] == ["notes.txt"]
    with (tmp_path / "out" / "truth.csv").open(newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == [
        ("long.wav", "long--mp3-64.mp3", "duplicate", "mp3-64"),
        ("long.wav", "long--crop-start.flac", "duplicate", "crop-start"),
        ("long.wav", "long--fragment-10.mp3", "fragment", "fragment-10"),
        ("long--mp3-64.mp3", "long--crop-start.flac", "any", ""),
        ("long--mp3-64.mp3", "long--fragment-10.mp3", "any", ""),
        ("long--crop-start.flac", "long--fragment-10.mp3", "any", ""),
        ("sub/short.wav", "sub/short.wav--mp3-64.mp3", "duplicate", "mp3-64"),
        ("sub/short.wave", "sub/short.wave--mp3-64.mp3", "duplicate", "mp3-64"),
    ]
    truth = read(tmp_path / "out", tmp_path / "out" / "truth.csv")
    assert (len(truth.songs), len(truth.pairs)) == (8, 8)
    assert (tmp_path / "out" / "long.wav").read_bytes() == (songs / "long.wav").read_bytes()
    assert seconds_of(tmp_path / "out" / "long--fragment-10.mp3") == pytest.approx(10, abs=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("name", "seconds", "fit"),
    [
        ("fragment-30", 30.0 / FRAGMENT_MAX_RATIO, False),  # on the border to a duplicate
        ("fragment-30", 60.0, True),
        ("crop-start", 4.7 / (1 - FRAGMENT_MAX_RATIO), False),  # on the border to a fragment
        ("crop-start", 60.0, True),
        ("crop-end", 4.0, False),
        ("intro", 8.0 / (1 / FRAGMENT_MAX_RATIO - 1), False),
        ("intro", 60.0, True),
        ("noise-0", 5.0, True),
        ("speed+8", 5.0, True),
        ("speed+8", 4.9, False),  # hardly a song
    ],
)
def test_a_copy_is_clearly_what_its_alteration_says(name, seconds, fit):
    assert fits(ALTERATIONS[name], seconds) is fit


def test_the_command_and_what_it_refuses(songs, tmp_path, capsys):
    given = ["evaluate", "copies", "--songs", str(songs), "--out", str(tmp_path / "out")]
    assert main([*given, "--kinds", "mp3-64,nope"]) == 1
    assert "nightjar: there is no alteration 'nope'. There are mp3-128, " in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([*given, "--kinds", " , "])
    assert ended.value.code == 2
    assert "it names nothing" in capsys.readouterr().err
    assert main([*given[:-1], str(songs / "long.wav" / "x"), "--kinds", "mp3-64"]) == 1
    assert "cannot be made: File exists" in capsys.readouterr().err
    assert main([*given, "--kinds", "mp3-64,mp3-64", "--limit", "1"]) == 0
    said = capsys.readouterr()
    assert "Copies of 1 songs" in said.out
    assert "copy: 1 songs" in said.err
    assert main([*given, "--kinds", "mp3-64"]) == 1
    assert "is not an empty folder. Name a new one" in capsys.readouterr().err


def test_names_that_only_look_strange(songs, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / 'a\nb\u00a0, "歌".wav').write_bytes((songs / "sub" / "short.wav").read_bytes())
    make(tmp_path / "in", tmp_path / "out", ["mp3-64"])
    assert len(read(tmp_path / "out", tmp_path / "out" / "truth.csv").pairs) == 1


def test_a_name_that_no_table_can_hold(songs, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / os.fsdecode(b"bad\xff.wav")).write_bytes((songs / "sub" / "short.wav").read_bytes())
    with pytest.raises(NightjarError, match=r"'bad\\udcff.wav' has a name that is not UTF-8"):
        make(tmp_path / "in", tmp_path / "out", ["mp3-64"])


def test_ended_from_outside_it_leaves_nothing(songs, tmp_path):
    command = [sys.executable, "-m", "nightjar.cli", "evaluate", "copies", "--songs", str(songs), "--out"]
    process = subprocess.Popen([*command, str(tmp_path / "out")], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("copy:"):
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.terminate()
    assert process.wait(300) == 128 + signal.SIGTERM
    assert psutil.wait_procs(workers, timeout=120)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_folder_that_fails(songs, tmp_path):
    (tmp_path / "no songs").mkdir()
    (tmp_path / "no songs" / "notes.txt").write_text("no song")
    with pytest.raises(NightjarError, match="there is no song in"):
        make(tmp_path / "no songs", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["no songs"]


def test_karaoke_is_made_only_where_it_is_asked_for():
    assert "karaoke" not in [each.name for each in chosen(None)]
    assert [each.verdict for each in chosen(["karaoke"])] == ["cover"]


@pytest.mark.services  # each day: the same network separates real singing, in the embedder's test_separate.py
def test_a_song_without_its_voice(songs, music, tmp_path):
    if not os.environ.get("NIGHTJAR_WEIGHTS_DIR"):
        pytest.skip("NIGHTJAR_WEIGHTS_DIR names no folder that has htdemucs")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "played.wave").write_bytes((songs / "sub" / "short.wave").read_bytes())
    sung = ["-ss", "60", "-t", "8", "-i", str(music / "songs" / "sung-01.ogg"), str(tmp_path / "in" / "sung.wav")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *sung], check=True)
    made = make(tmp_path / "in", tmp_path / "out", ["karaoke"])
    assert (made.copies, made.left_out) == ({"karaoke": 1}, {"karaoke": 1})
    truth = read(tmp_path / "out", tmp_path / "out" / "truth.csv")
    assert [(*pair, known.verdict) for pair, known in truth.pairs.items()] == [
        ("sung--karaoke.mp3", "sung.wav", "cover")
    ]
