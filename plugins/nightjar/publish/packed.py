"""The lists of many users as bytes at once, in the format of `encode`. Compiled by numba; arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightjar.compiled import compiled
from nightjar.publish.encode import FORMAT, refused


@dataclass(frozen=True)
class Packed:
    """Lists one after the other: the users in the order of their lists, and where each list ends in `body`."""

    users: list[str]
    ends: np.ndarray
    body: np.ndarray


def pack(rows: pa.Table) -> Packed:
    """The lists of rows `user_id`, `track_id` (both dictionary-encoded), `score`, which come by user and best first.

    Raises NightjarError for an id that does not fit into a list.
    """
    users, starts = _users(rows["user_id"])
    songs, dictionary = _codes(rows["track_id"])
    offsets, names = _strings(dictionary)
    lengths = np.diff(offsets)
    if wrong := np.flatnonzero((lengths < 1) | (lengths > 255)).tolist():
        raise refused(dictionary[wrong[0]].as_py())
    scores = rows["score"].to_numpy().astype("<f4", copy=False).view(np.uint8)
    body = np.empty(len(users) + 5 * len(songs) + int(lengths[songs].sum()), np.uint8)
    return Packed(users, _write(starts, songs, offsets, names, scores, body), body)


def songs_from(rows: pa.Table, row: int) -> pa.Array:
    """The different songs of the rows from `row` on."""
    songs, dictionary = _codes(rows["track_id"])
    used = np.zeros(len(dictionary), bool)
    used[songs[row:]] = True
    return dictionary.filter(pa.array(used)).unique()


def none(user_id: str) -> Packed:
    """The empty list of one user."""
    return Packed([user_id], np.ones(1, np.int64), np.full(1, FORMAT, np.uint8))


def _users(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """The users in order, and the rows that their lists begin with, and the number of rows."""
    codes, dictionary = _codes(column)
    begins = np.flatnonzero(np.diff(codes, prepend=-1))
    users = dictionary.take(pa.array(codes[begins]))
    if len(users) > 1:  # a list may go on where another dictionary begins
        new = np.concatenate([[True], pc.not_equal(users[1:], users[:-1]).to_numpy(zero_copy_only=False)])
        users, begins = users.filter(pa.array(new)), begins[new]
    return users.to_pylist(), np.append(begins, len(codes)).astype(np.int64)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Of each row the place of its value in a dictionary, in which one may be more than once: those of the chunks, one
    after the other. Many chunks share one."""
    codes, dictionaries, begins, size = [np.zeros(0, np.int32)], [pa.array([], pa.string())], {}, 0
    for chunk in column.chunks:
        place = chunk.dictionary.buffers()[1].address
        if place not in begins:
            begins[place] = size
            dictionaries.append(chunk.dictionary)
            size += len(chunk.dictionary)
        codes.append(chunk.indices.to_numpy() + np.int32(begins[place]))
    return np.concatenate(codes), pa.concat_arrays(dictionaries)


def _strings(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where each string begins, and where the last one ends, in their bytes, and those bytes."""
    if not len(values):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    _, places, data = values.buffers()
    offsets = np.frombuffer(places, np.int32)[values.offset : values.offset + len(values) + 1]
    return offsets, np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)


@compiled
def _write(starts, songs, offsets, names, scores, body):
    """Fill `body`; returns where each list ends."""
    ends = np.empty(len(starts) - 1, np.int64)
    at = 0
    for user in range(len(ends)):
        body[at] = FORMAT
        at += 1
        for row in range(starts[user], starts[user + 1]):
            begin, end = offsets[songs[row]], offsets[songs[row] + 1]
            body[at] = end - begin
            at += 1
            for k in range(begin, end):
                body[at] = names[k]
                at += 1
            for k in range(4 * row, 4 * row + 4):
                body[at] = scores[k]
                at += 1
        ends[user] = at
    return ends
