from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo.from_folder import from_folder, left_out
from deploy.demo.listens import write_listens
from deploy.demo.truth import DAYS, Truth
from nightjar.errors import NightjarError
from nightjar.ingest.metadata import decode, encode

NAMES = (
    "Rock/01 One.mp3",
    "Rock/02 Two.MP3",
    "Jazz/Élan vital.flac",
    "Jazz/live/夜.ogg",
    "Jazz/---.wav",
    "Rock/03 Ü.m4a",
)
OTHERS = ("Rock/cover.jpg", "Rock/.hidden.mp3", ".trash/gone.mp3", "notes.txt")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for name in (*NAMES, *OTHERS):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "music"


def test_takes_all_music_and_nothing_else(music, tmp_path):
    truth = from_folder(music, tmp_path / "out")
    assert {upload.name for upload in truth.uploads} == set(NAMES)
    assert not truth.known
    assert Truth.read(tmp_path / "out") == truth
    for upload in truth.uploads:
        assert (tmp_path / "out" / upload.key).read_bytes() == upload.name.encode()
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", upload.track_id)
        assert upload.extension == upload.extension.lower()


def test_days_are_of_equal_size(music, tmp_path):
    truth = from_folder(music, tmp_path / "out")
    assert Counter(upload.day for upload in truth.uploads) == dict.fromkeys(DAYS, 2)


def test_twice_gives_the_same(music, tmp_path):
    assert from_folder(music, tmp_path / "out") == from_folder(music, tmp_path / "out")


def test_names_that_are_equal_in_ascii_stay_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Track 1.mp3").touch()
    truth = from_folder(tmp_path, tmp_path / "out")
    assert len({upload.track_id for upload in truth.uploads}) == 2


def test_names_that_are_no_utf_8_are_taken(tmp_path):
    """As Latin-1 and Shift JIS leave them; two of them differ in a byte that is no text."""
    names = [b"caf\xe9/\x89\xcc.mp3", b"caf\xe9/\x89\xcd.mp3", b"plain.mp3"]
    for name in names:
        path = tmp_path / "music" / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name)
    truth = from_folder(tmp_path / "music", tmp_path / "out")
    assert Truth.read(tmp_path / "out") == truth
    assert {upload.name for upload in truth.uploads} == {r"caf\xe9/\x89\xcc.mp3", r"caf\xe9/\x89\xcd.mp3", "plain.mp3"}
    assert {(tmp_path / "out" / upload.key).read_bytes() for upload in truth.uploads} == set(names)
    assert {decode(encode({"title": upload.title})).title for upload in truth.uploads} == {
        r"\x89\xcc",
        r"\x89\xcd",
        "plain",
    }
    assert all(path.stat().st_size for path in write_listens(tmp_path / "out", truth))


def test_a_limit_takes_files_from_all_over(music, tmp_path):
    truth = from_folder(music, tmp_path / "out", limit=3)
    assert len(truth.uploads) == 3
    assert {upload.name.split("/")[0] for upload in truth.uploads} == {"Jazz", "Rock"}


def test_tastes_are_folders_and_stretches_of_large_ones(music, tmp_path):
    styles = {upload.style for upload in from_folder(music, tmp_path / "out").uploads}
    assert styles == {"Rock 1", "Jazz 1", "Jazz/live 1"}
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(20):
        (flat / f"{number:03d}.mp3").touch()
    uploads = from_folder(flat, tmp_path / "flat-out").uploads
    assert Counter(upload.style for upload in uploads) == {"music 1": 8, "music 2": 8, "music 3": 4}
    assert len({upload.uploader for upload in uploads}) > 3


def test_people_listen_to_a_folder_too(music, tmp_path):
    truth = from_folder(music, tmp_path / "out")
    for path in write_listens(tmp_path / "out", truth):
        assert path.stat().st_size > 1000


def test_no_folder_and_no_music_are_named_with_a_remedy(tmp_path):
    with pytest.raises(NightjarError, match="no folder") as error:
        from_folder(tmp_path / "missing", tmp_path / "out")
    assert "SONGS=" in error.value.remedy
    (tmp_path / "readme.txt").touch()
    with pytest.raises(NightjarError, match="no music"):
        from_folder(tmp_path, tmp_path / "out")
    with pytest.raises(NightjarError, match="txt is not a folder"):
        from_folder(tmp_path / "readme.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert left_out(tmp_path) == 1
