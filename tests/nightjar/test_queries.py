"""Every question in sql/ runs, says what it is about, and sees nothing but its inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from nightjar import queries, schemas
from nightjar.errors import NightjarError
from nightjar.settings import Settings

SETTINGS = Settings()
TEXT, COUNT = pa.string(), pa.int64()
EMPTY = {
    "partitions": pa.schema([("table_name", TEXT), ("day", TEXT), ("stage", TEXT), ("rows", COUNT)]).empty_table(),
    "hits": pa.schema([("rank", COUNT), ("track_id", TEXT), ("similarity", pa.float64()), ("day", TEXT)]).empty_table(),
    "groups": schemas.empty("duplicate_groups"),
    "pairs": schemas.empty("duplicate_pairs"),
} | {name: schemas.empty(name) for name in ("tracks", "rejects", "listens", "lists")}
QUESTIONS = {
    "days": (("partitions",), {}),
    "reject_reasons": (("rejects",), {}),
    "rejects_of_day": (("rejects", "tracks"), {}),
    "listens_of_day": (("listens", "tracks"), {}),
    "neighbours": (("hits", "tracks", "groups"), {}),
    "pairs": (("pairs", "tracks"), {"track": None}),
    "groups": (("groups", "tracks"), {"track": "x"}),
    "list_of_user": (("lists", "tracks"), {"user": ""}),
}
"""Inputs and parameters of each file."""


def test_every_file_is_known_and_begins_with_what_it_answers():
    files = sorted(Path(SETTINGS.sql_dir).glob("*.sql"))
    assert [file.stem for file in files] == sorted(QUESTIONS)
    for file in files:
        first, *rest = file.read_text().splitlines()
        assert first.startswith("-- "), file
        assert first.endswith("?"), file
        header = [line for line in rest if line.startswith("--")]
        assert any(line.startswith("-- Inputs: ") for line in header), file
        assert any(line.startswith("-- Output: ") for line in header), file


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_over_empty_tables(name):
    inputs, parameters = QUESTIONS[name]
    answer = queries.run(SETTINGS, name, {each: EMPTY[each] for each in inputs}, **parameters)
    assert answer.num_rows == (1 if name == "listens_of_day" else 0)


def test_a_table_that_was_not_given_cannot_be_seen():
    with pytest.raises(NightjarError, match=r"rejects_of_day\.sql failed: .*tracks does not exist"):
        queries.run(SETTINGS, "rejects_of_day", {"rejects": EMPTY["rejects"]})


def test_a_parameter_that_is_missing_or_unknown_is_an_error():
    tables = {"pairs": EMPTY["pairs"], "tracks": EMPTY["tracks"]}
    with pytest.raises(NightjarError, match=r"pairs\.sql failed"):
        queries.run(SETTINGS, "pairs", tables)
    with pytest.raises(NightjarError, match=r"pairs\.sql failed"):
        queries.run(SETTINGS, "pairs", tables, track=None, day="x")


def test_a_parameter_is_a_value_and_never_sql():
    lists = pa.table(
        {"user_id": ["a"], "rank": [1], "track_id": ["t"], "score": [1.0], "because": [["h"]], "source": ["s"]}
    )
    tables = {"lists": lists.cast(schemas.LISTS), "tracks": EMPTY["tracks"]}
    assert queries.run(SETTINGS, "list_of_user", tables, user="a' or 'a'='a").num_rows == 0
    assert queries.run(SETTINGS, "list_of_user", tables, user="a")["because_titles"].to_pylist() == [["h"]]


@pytest.mark.parametrize("name", ["no_such_question", "../pyproject", ""])
def test_a_question_without_a_file_is_an_error(name):
    with pytest.raises(NightjarError, match="there is no question"):
        queries.run(SETTINGS, name, {})


def test_the_folder_is_a_setting(tmp_path):
    (tmp_path / "one.sql").write_text("select 1 as n")
    assert queries.run(replace(SETTINGS, sql_dir=str(tmp_path)), "one", {}).to_pylist() == [{"n": 1}]
