"""Tables of known pairs: what is accepted, and one clear line for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightjar.errors import NightjarError
from nightjar.evaluate.metrics import ANY, Known
from nightjar.evaluate.truth import read, songs_in


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for name in ("one.mp3", "two.mp3", "sub/three, live.ogg", ".hidden.mp3", ".git/four.mp3"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


@pytest.fixture
def table(songs: Path):
    """Writes a table into the folder of songs."""

    def write(*lines: str) -> Path:
        path = songs / "truth.csv"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


def test_a_table_with_every_kind_of_row(songs, table):
    path = table(
        "\ufeffverdict,a,b,case",
        "altered,two.mp3,one.mp3,speed",
        'any,"sub/three, live.ogg",one.mp3,',
        'distinct,./two.mp3,"sub/three, live.ogg",',
    )
    truth = read(songs, path)
    assert truth.songs == ["one.mp3", "sub/three, live.ogg", "two.mp3"]
    assert truth.pairs == {
        ("one.mp3", "two.mp3"): Known("altered", {"case": "speed"}),
        ("one.mp3", "sub/three, live.ogg"): Known(ANY, {"case": ""}),
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ("one.mp3,twoo.mp3,cover",),
            "row 2 of TABLE names 'twoo.mp3', which is not among the songs. Did you mean 'two",
        ),
        (("one.mp3,zzz,cover",), "row 2 of TABLE names 'zzz', which is not among the songs. Names are relative to"),
        (("one.mp3,.hidden.mp3,cover",), "row 2 of TABLE names '.hidden.mp3'"),
        (("one.mp3,two.mp3,copy",), "row 2 of TABLE has the verdict 'copy'. Verdicts are duplicate, fragment, altered"),
        (("one.mp3,two.mp3",), "row 2 of TABLE has the verdict ''"),
        (("one.mp3,one.mp3,cover",), "row 2 of TABLE pairs 'one.mp3' with itself. Take the row out"),
        (
            ("one.mp3,two.mp3,cover", "two.mp3,one.mp3,distinct"),
            "row 3 of TABLE has the pair of row 2 again. Keep one of the two rows",
        ),
        (("one.mp3,sub/three, live.ogg,cover",), "row 2 of TABLE has more fields than the first line names. Put names"),
    ],
)
def test_rows_that_do_not_fit(songs, table, lines, said):
    path = table("a,b,verdict", *lines)
    with pytest.raises(NightjarError) as error:
        read(songs, path)
    assert str(error.value).startswith(said.replace("TABLE", str(path)))
    assert "\n" not in str(error.value)


def test_tables_that_are_none(songs, table):
    with pytest.raises(NightjarError, match=r"has no column 'verdict'\. Its first line names the columns: a,b,verdict"):
        read(songs, table("a,b", "one.mp3,two.mp3"))
    with pytest.raises(NightjarError, match="has no column 'a'"):
        read(songs, table())
    with pytest.raises(NightjarError, match="cannot be read: No such file"):
        read(songs, songs / "none.csv")
    (songs / "latin.csv").write_bytes("a,b,verdict\nü.mp3,one.mp3,cover\n".encode("latin-1"))
    with pytest.raises(NightjarError, match="is not a CSV file in UTF-8"):
        read(songs, songs / "latin.csv")


def test_folders_without_songs(tmp_path):
    with pytest.raises(NightjarError, match="there is no folder"):
        songs_in(tmp_path / "none")
    (tmp_path / "truth.csv").touch()
    with pytest.raises(NightjarError, match=r"is empty\. Put audio files into it"):
        songs_in(tmp_path, (tmp_path / "truth.csv",))
    with pytest.raises(NightjarError, match="is not a folder"):
        songs_in(tmp_path / "truth.csv")
