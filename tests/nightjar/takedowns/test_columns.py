"""What names a song or a user is declared of every table, and removed from any rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.takedowns import rows
from nightjar.takedowns.columns import COLUMNS, REMEMBERS
from nightjar.takedowns.forgotten import Forgotten

SONGS = [f"s{number}" for number in range(8)]


def test_every_table_is_declared():
    assert set(COLUMNS) | REMEMBERS == set(schemas.TABLES)
    assert not set(COLUMNS) & REMEMBERS


def _may_name(kind: pa.DataType) -> bool:
    """Text is an id or a key, whole numbers in a list are rows; unsigned ones are words of prints."""
    if pa.types.is_list(kind):
        return _may_name(kind.value_type) or pa.types.is_signed_integer(kind.value_type)
    return pa.types.is_string(kind)


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_that_can_name_somebody_is_declared(table):
    columns = COLUMNS[table]
    lists = columns.song_lists | columns.row_lists
    declared = [*columns.songs, *columns.users, *columns.keys, *lists, *columns.others]
    assert len(declared) == len(set(declared))
    assert {field.name for field in schemas.TABLES[table] if _may_name(field.type)} == set(declared)
    for name, beside in lists.items():
        for each in (name, *beside):
            assert pa.types.is_list(schemas.TABLES[table].field(each).type), each


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 7), st.floats(0, 1, width=32)), max_size=5), min_size=8, max_size=8),
    st.sets(st.sampled_from(SONGS)),
)
def test_rows_that_are_named_by_their_number_are_still_the_same_songs(neighbours, gone):
    table = schemas.table(
        "neighbours",
        [
            {
                "track_id": song,
                "listeners": at,
                "neighbours": [row for row, _ in of],
                "sound": [weight for _, weight in of],
                "played": [2 * weight for _, weight in of],
                "taste": [at],
                "taste_unit": 1.0,
                "sketch": [at],
                "sketch_unit": 1.0,
            }
            for at, (song, of) in enumerate(zip(SONGS, neighbours, strict=True))
        ],
    )
    forgotten = Forgotten(frozenset(gone))
    numbers = rows.renumbered(~rows.gone("neighbours", table, forgotten))
    made = rows.without("neighbours", table, forgotten, numbers).to_pylist()
    left = [song for song in SONGS if song not in gone]
    assert [row["track_id"] for row in made] == left
    for row in made:
        at = SONGS.index(row["track_id"])
        wanted = [(SONGS[each], weight) for each, weight in neighbours[at] if SONGS[each] not in gone]
        assert [(left[each], w) for each, w in zip(row["neighbours"], row["sound"], strict=True)] == wanted
        assert row["played"] == pytest.approx([2 * weight for weight in row["sound"]])
        assert (row["listeners"], row["taste"], row["sketch"]) == (at, [at], [at])


def test_what_only_a_list_mentions_goes_from_the_list_alone():
    entries = [("u1", "s1", ["s2", "s3"]), ("u1", "s2", ["s3"]), ("u2", "s4", []), ("s2", "s5", ["s2"])]
    table = schemas.table(
        "lists",
        [
            {"user_id": user, "rank": rank, "track_id": song, "score": 1.0, "because": because, "source": "both"}
            for rank, (user, song, because) in enumerate(entries, start=1)
        ],
    )
    assert rows.mentioned("lists", table, Forgotten(frozenset({"s2"})))
    made = rows.without("lists", table, Forgotten(frozenset({"s2"}))).to_pylist()
    kept = sorted((row["user_id"], row["track_id"], row["because"]) for row in made)
    assert kept == [("s2", "s5", []), ("u1", "s1", ["s3"]), ("u2", "s4", [])]
    made = rows.without("lists", table, Forgotten(users=frozenset({"u1", "s9"}))).to_pylist()
    assert [row["user_id"] for row in made] == ["s2", "u2"]
    assert not rows.mentioned("lists", table, Forgotten(frozenset({"u1"}), frozenset({"s1"})))


def test_a_key_names_a_song_only_if_it_is_of_an_upload():
    keys = ["uploads/dt=2026-11-20/a.b.mp3", "uploads/dt=2026-11-20/a", "listens/dt=2026-11-20/a.parquet"]
    table = schemas.table(
        "rejects", [{"key": k, "track_id": None, "stage": "x", "reason": "r", "detail": "d"} for k in keys]
    )
    gone = rows.gone("rejects", table, Forgotten(frozenset({"a"})))
    assert dict(zip(table["key"].to_pylist(), gone.tolist(), strict=True)) == {
        keys[0]: False,
        keys[1]: True,
        keys[2]: False,
    }
    assert rows.gone("rejects", table.slice(0, 0), Forgotten(frozenset({"a"}))).dtype == np.bool_
