from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.errors import SchemaMismatch

_TEXTS = ("user_id", "track_id", "source")
PAIRS = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), unique_by=lambda pair: pair[0])


@given(PAIRS)
def test_rows_are_sorted_by_their_key_whatever_their_order(pairs):
    rows = [{"track_id": a, "canonical_id": b} for a, b in pairs]
    made = schemas.table("duplicate_groups", rows)
    assert made.equals(schemas.table("duplicate_groups", rows[::-1]))
    assert sorted(map(tuple, (row.values() for row in made.to_pylist()))) == sorted(pairs)
    assert made["track_id"].to_pylist() == [row[0] for row in sorted(pairs, key=lambda pair: pair[0].encode())]


@pytest.mark.parametrize("name", schemas.TABLES)
def test_every_table_has_a_key_of_its_own_columns(name):
    schema = schemas.TABLES[name]
    key = schema.metadata[b"key"].decode().split()
    assert key
    assert set(key) <= set(schema.names)
    assert schemas.empty(name).schema.equals(schema)
    assert schemas.conform(name, schemas.empty(name)).num_rows == 0


def test_partitioning_names_only_tables_that_are():
    assert set(schemas.TABLES) >= schemas.BY_MODEL | schemas.BY_STAGE
    assert not schemas.BY_MODEL & schemas.BY_STAGE


def test_columns_besides_are_left_out_and_types_are_cast():
    rows = pa.table({"more": [1], "canonical_id": ["c"], "track_id": pa.array(["t"], pa.large_string())})
    assert schemas.conform("duplicate_groups", rows).to_pylist() == [{"track_id": "t", "canonical_id": "c"}]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"track_id": ["t"]}, "duplicate_groups lacks the column 'canonical_id'"),
        ({"track_id": ["t"], "canonical_id": [None]}, "duplicate_groups.canonical_id has nulls"),
        ({"track_id": ["t"], "canonical_id": [["c"]]}, "duplicate_groups has a column of another type"),
    ],
)
def test_rows_that_do_not_fit_say_what_is_wrong(columns, said):
    with pytest.raises(SchemaMismatch, match=said):
        schemas.conform("duplicate_groups", pa.table(columns))


@pytest.mark.parametrize("value", [2**40, "many", 1.5])
def test_a_value_that_would_be_changed_does_not_fit(value):
    columns = {
        "user_id": ["u"],
        "rank": [value],
        "track_id": ["t"],
        "score": [1.0],
        "because": [["h"]],
        "source": ["s"],
    }
    with pytest.raises(SchemaMismatch, match="lists has a column of another type"):
        schemas.conform("lists", pa.table(columns))


@pytest.mark.parametrize("row", [{"track_id": "t"}, {"track_id": ["t"], "canonical_id": "c"}])
def test_rows_of_another_shape_do_not_fit(row):
    with pytest.raises(SchemaMismatch, match="duplicate_groups"):
        schemas.table("duplicate_groups", [row])


def test_optional_columns_may_be_null():
    row = {"key": "k", "track_id": None, "stage": "ingest", "reason": "bad_name", "detail": "d"}
    assert schemas.table("rejects", [row]).to_pylist() == [row]
