"""The bytes of a list."""

from __future__ import annotations

import struct
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.errors import GateClosed, NightjarError
from nightjar.publish.encode import decode, encode, without
from nightjar.publish.packed import pack, songs_from
from nightjar.publish.versions import Record, day_of, gate, version_of
from nightjar.thresholds import CHURN_MIN_LENGTH, MAX_CHURN, MIN_LISTS_TO_COMPARE

_IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
_SCORES = st.floats(0, 1, width=32)


def test_the_bytes_are_those_of_the_page():
    assert encode([("abc", 1.0), ("d", 0.5)]) == bytes.fromhex("01 03 616263 0000803f 01 64 0000003f")
    assert encode([]) == b"\x01"


@given(st.lists(st.tuples(_IDS, _SCORES)))
def test_what_was_encoded_is_decoded(entries):
    assert decode(encode(entries)) == entries


@given(st.lists(st.tuples(_IDS, _SCORES), min_size=1), st.data())
def test_a_list_that_was_cut_is_an_error_or_a_whole_number_of_entries(entries, data):
    body = encode(entries)
    cut = data.draw(st.integers(1, len(body) - 1))
    whole = {len(encode(entries[:count])): count for count in range(len(entries))}
    if cut in whole:
        assert decode(body[:cut]) == entries[: whole[cut]]
    else:
        with pytest.raises(NightjarError, match="damaged"):
            decode(body[:cut])


@pytest.mark.parametrize("body", [b"", b"\x02", b"[]", b"\x00" + struct.pack("<f", 1)])
def test_another_format_is_an_error(body):
    with pytest.raises(NightjarError, match=r"format 1.*Update the reader"):
        decode(body)


@pytest.mark.parametrize("track_id", ["", "x" * 256, "ü" * 128])
def test_ids_that_do_not_fit(track_id):
    with pytest.raises(NightjarError, match="1 to 255"):
        encode([(track_id, 1.0)])


_ROWS = st.lists(st.lists(st.tuples(_IDS, _SCORES), min_size=1, max_size=5), min_size=1, max_size=6)


@settings(deadline=None)  # compiled at first
@given(_ROWS, st.integers(1, 7))
def test_packed_at_once_they_are_the_same_bytes(made, rows_in_a_chunk):
    rows = [(f"u{user}", *entry) for user, entries in enumerate(made) for entry in entries]
    columns = dict(zip(("user_id", "track_id", "score"), zip(*rows, strict=True), strict=True))
    plain = pa.table(columns, schema=pa.schema([("user_id", pa.string()), ("track_id", pa.string()), ("score", "f4")]))
    chunks = [_coded(plain.slice(at, rows_in_a_chunk)) for at in range(0, len(rows), rows_in_a_chunk)]
    found = pack(pa.concat_tables(chunks))
    assert found.users == [f"u{user}" for user in range(len(made))]
    begins = [0, *found.ends[:-1]]
    assert [found.body[a:b].tobytes() for a, b in zip(begins, found.ends, strict=True)] == list(map(encode, made))
    last = {entry[0] for entry in made[-1]}
    assert set(songs_from(pa.concat_tables(chunks), len(rows) - len(made[-1])).to_pylist()) == last


def _coded(rows: pa.Table) -> pa.Table:
    """With a dictionary of its own, as every row group of a file has one."""
    return rows.set_column(0, "user_id", rows["user_id"].dictionary_encode()).set_column(
        1, "track_id", rows["track_id"].dictionary_encode()
    )


@pytest.mark.parametrize("track_id", ["", "x" * 256])
def test_ids_that_do_not_fit_at_once(track_id):
    rows = pa.table({"user_id": ["a", "a"], "track_id": ["b", track_id], "score": pa.array([1, 1], pa.float32())})
    with pytest.raises(NightjarError, match="1 to 255"):
        pack(_coded(rows))


def test_nothing_packed():
    found = pack(_coded(schemas.empty("lists").select(["user_id", "track_id", "score"])))
    assert (found.users, len(found.ends), len(found.body)) == ([], 0, 0)


def record(day: str, users: int, new_users: int = 10, length: int = 100, songs: int = 1000) -> Record:
    named = [f"u{number}" for number in range(users)]
    return Record(version_of(day, str(users).encode()), "", named, new_users, length * users, songs)


def test_versions_are_named_by_day_and_content():
    assert version_of("2026-11-22", b"a") == version_of("2026-11-22", b"a") != version_of("2026-11-22", b"b")
    assert day_of(version_of("2026-11-22", b"a")) == "2026-11-22"
    assert Record.from_json(record("2026-11-22", 3).to_json()) == record("2026-11-22", 3)


def test_the_gate_on_fewer_lists():
    gate(record("2026-11-22", 0, 0), None)  # the first night may be empty
    gate(record("2026-11-22", 50), record("2026-11-21", 100))
    gate(record("2026-11-22", 0), record("2026-11-21", MIN_LISTS_TO_COMPARE - 1))
    with pytest.raises(GateClosed, match=r"49 users have a list.*100 had.*2026-11-21\.\w+ stays"):
        gate(record("2026-11-22", 49), record("2026-11-21", 100))
    with pytest.raises(GateClosed, match="no song for new users"):
        gate(record("2026-11-22", 100, 0), record("2026-11-21", 100))


def test_the_gate_on_users_who_are_all_others():
    live = record("2026-11-21", 100)
    others = replace(record("2026-11-22", 200), users=[f"v{number}" for number in range(200)])
    with pytest.raises(GateClosed, match="0 users have a list still"):
        gate(others, live)


def test_the_gate_on_all_other_songs():
    live = record("2026-11-21", 100)
    gate(record("2026-11-22", 100), live, MAX_CHURN)
    gate(record("2026-11-22", 100), live, None)
    with pytest.raises(GateClosed, match=r"91% of a list are .* 2026-11-21\.\w+, at most 90%.*2026-11-22 --accept"):
        gate(record("2026-11-22", 100), live, 0.91)
    with pytest.raises(GateClosed, match="; 95% of a list"):
        gate(record("2026-11-22", 100, songs=1), live, 0.95)
    gate(record("2026-11-28", 100), record("2026-11-20", 100), 1.0)  # a gap explains it
    with pytest.raises(GateClosed):
        gate(record("2026-11-28", 100), record("2026-11-21", 100), 1.0)
    short = record("2026-11-21", 100, length=CHURN_MIN_LENGTH - 1)
    gate(record("2026-11-22", 100), short, 1.0)
    gate(record("2026-11-22", 100), record("2026-11-21", MIN_LISTS_TO_COMPARE - 1), 1.0)


def test_the_gate_on_shorter_lists_and_on_fewer_songs():
    live = record("2026-11-21", 100)
    gate(record("2026-11-22", 100, length=70, songs=500), live)
    with pytest.raises(GateClosed, match=r"lists have 69 songs, in 2026-11-21\.\w+ 100"):
        gate(record("2026-11-22", 100, length=69), live)
    with pytest.raises(GateClosed, match=r"499 songs are on any list, in 2026-11-21\.\w+ 1000 were"):
        gate(record("2026-11-22", 100, songs=499), live)
    with pytest.raises(GateClosed, match=r"no song for new users.*; 40 users.*; lists have 10 songs.*; 9 songs are on"):
        gate(record("2026-11-22", 40, 0, length=10, songs=9), live)
    few = record("2026-11-21", MIN_LISTS_TO_COMPARE - 1)
    gate(record("2026-11-22", MIN_LISTS_TO_COMPARE - 1, length=3, songs=3), few)


def test_a_record_from_before_lengths_were_counted():
    old = Record.from_json(b'{"version": "2026-11-21.ab", "previous": "", "users": ["u0"], "new_users": 3}')
    gate(record("2026-11-22", 100, length=1, songs=1), replace(old, users=record("2026-11-21", 100).users))


@given(
    st.lists(st.tuples(_IDS, _SCORES), max_size=30),
    st.sets(_IDS, max_size=3),
    st.booleans(),
)
def test_a_list_without_songs_is_the_list_of_the_others(entries, gone, are_many):
    gone |= {track_id for track_id, _ in entries[::3]}
    many = {f"many-{number}" for number in range(100)} if are_many else set()
    made = without(encode(entries), {each.encode() for each in gone | many})
    assert made == encode([entry for entry in entries if entry[0] not in gone | many])
