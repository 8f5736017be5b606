from __future__ import annotations

from pathlib import Path

import pytest

from nightjar.errors import NightjarError
from nightjar.evaluate.retrieval import labels


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("one/a.mp3", "one/b.mp3", "two/b.mp3", "c.ogg"):
        path = tmp_path / "songs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "songs"


def table(folder: Path, text: str) -> Path:
    path = folder.parent / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_by_as_much_of_their_path_as_is_known(folder):
    rows = (
        "file,genre,artist\na.mp3,rock,x\none/b.mp3,rock,\nsongs/two/b.mp3, folk ,y\nc.ogg,,z\n"
        "b.mp3,pop,x\nelsewhere/a.mp3,pop,x\n"  # any of two, and none
    )
    found = labels.read(folder, table(folder, rows), "genre", "artist")
    assert found.files == ["one/a.mp3", "one/b.mp3", "two/b.mp3"]
    assert found.label == ["rock", "rock", "folk"]
    assert found.same == ["x", "", "y"]
    assert (found.unlabelled, found.unknown) == (["c.ogg"], ["b.mp3", "elsewhere/a.mp3"])
    assert labels.read(folder, table(folder, rows), "genre", None).same is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,title\na.mp3,x\n", "no column 'genre'"),
        ("", "no column 'file'"),
        ("file,genre\nb.mp3,rock\n", "none of the 4 files"),
        ("file,genre\na.mp3,rock\none/a.mp3,folk\n", "row 3 .* says something else"),
        ("file,genre\na.mp3,rock,more\n", "more fields"),
        ("file,genre,genre\na.mp3,rock,folk\n", "two columns 'genre'"),
        ("file;genre\na.mp3;rock\n", "no column 'file'. Its columns, with commas between: file;genre"),
        ("file,genre\na.mp3,rock\nc.ogg,folk\n", "no song has its like among the others by 'genre'"),
        ("file,genre\na.mp3,rock\nb.mp3,rock\n", "1 rows name no file, or more than one: 'b.mp3'"),
    ],
)
def test_tables_that_do_not_do(folder, text, message):
    with pytest.raises(NightjarError, match=message):
        labels.read(folder, table(folder, text), "genre", None)


def test_songs_whose_like_are_all_left_out(folder):
    rows = "file,genre,artist\na.mp3,rock,x\nc.ogg,rock,{}\n"
    with pytest.raises(NightjarError, match="by 'genre' without the same 'artist'"):
        labels.read(folder, table(folder, rows.format("x")), "genre", "artist")
    assert labels.read(folder, table(folder, rows.format("y")), "genre", "artist").same == ["y", "x"]


def test_a_table_that_is_none(folder):
    (folder.parent / "labels.csv").write_bytes(b"file,genre\n\xff\xfe\x00")
    with pytest.raises(NightjarError, match="UTF-8"):
        labels.read(folder, folder.parent / "labels.csv", "genre", None)
    with pytest.raises(NightjarError, match="cannot be read"):
        labels.read(folder, folder.parent / "missing.csv", "genre", None)
