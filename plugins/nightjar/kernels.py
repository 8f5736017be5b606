"""`python -m nightjar.kernels`: have everything compiled that a night needs, before the first night needs it.

`make install` and the recipe of the image run it. numba compiles a function for the types of its arguments. So a small
made-up night goes the way that real ones go: from rows as the lake gives them to lists as the store takes them.
"""

from __future__ import annotations

import time
from datetime import datetime

import numpy as np
import pyarrow as pa

from nightjar import schemas
from nightjar.duplicates.index import Index, keys_of
from nightjar.duplicates.verdict import Prints, Younger
from nightjar.publish import packed
from nightjar.recommend import behaviour, cold, neighbours, ranking, seeds, tables
from nightjar.recommend.filters import User
from nightjar.recommend.library import COLUMNS, Library, build
from nightjar.recommend.quantized import quantize
from nightjar.takedowns.forgotten import Forgotten

_DAY = "2026-01-01"
_NOON = datetime.fromisoformat(f"{_DAY}T12:00:00+00:00")
_WORDS = 600
"""Of a print: more than a minute."""
_SONGS = [f"song-{number}" for number in range(8)]
_PARTS = ("mix", "accompaniment", "vocals")


def main() -> None:
    begun = time.process_time()
    compare()
    rank()
    print(f"compiled what nights compute: {time.process_time() - begun:.0f} CPU-seconds")


def compare() -> None:
    """A sweep in which a copy meets its original."""
    words = np.random.default_rng(0).integers(0, 1 << 32, _WORDS, np.uint32)
    known = pa.ListArray.from_arrays([0, _WORDS, 2 * _WORDS], pa.array(np.concatenate([words, words ^ np.uint32(1)])))
    older, younger = (Prints(each, each, each, 0.0) for each in known.to_numpy(zero_copy_only=False))
    keys, positions = (pa.array(each).to_numpy() for each in keys_of(older.mix))
    Index([[younger.mix]]).meet(keys, positions, np.array([0, len(keys)], np.int64))
    assert Younger(younger).compare(older).spans


def rank() -> None:
    """The lists of two people who play a few songs."""
    library = _library()
    users, tastes = seeds.taste([seeds.known(_listens(), library, Forgotten())[0]], _DAY)
    _, people = tables.users_of(library, tables.taste_rows(library, users, tastes))
    context = _context(library, people)
    made = ranking.rank(context, people).behind(ranking.rank_new_users(context))
    names = ["new", *users.tolist()]
    rows = tables.list_rows(library, names, made).select(["user_id", "track_id", "score"])
    packed.pack(pa.table([rows[0].dictionary_encode(), rows[1].dictionary_encode(), rows[2]], rows.column_names))
    for user in (User(names[1], people.heard, people.weights), User.new()):  # as `nightjar why` looks into them
        ranking.rank(context, ranking.Users.of([user]))
        ranking.pool(context, user)
        ranking.considered(context.neighbours, user.heard, user.weights)


def _context(library: Library, people: ranking.Users) -> ranking.Context:
    owner = np.repeat(np.arange(len(people.uploader)), np.diff(people.starts))
    plays = behaviour.relative(owner, people.weights.astype(np.float64))
    played = behaviour.fit(owner, people.heard, plays, library.offered)
    vectors = np.random.default_rng(0).normal(size=(len(_SONGS), 16)).astype(np.float32)
    near = tables.similar_rows(_SONGS, [_SONGS[:3]] * len(_SONGS), [np.array([0.9, 0.8, 0.7])] * len(_SONGS))
    similar = neighbours.similar(len(library), *tables.similar_pairs(library, near))
    rows = tables.neighbour_rows(library, neighbours.Neighbours.of(similar, played), *quantize(vectors))
    known, sketch, unit = tables.neighbours_of(library, rows)
    return ranking.Context.of(library, known, cold.rank(library, known.listeners), sketch, unit)


def _library() -> Library:
    songs = [dict(zip(COLUMNS, (each, _DAY, _NOON, None, None, 200.0), strict=True)) for each in _SONGS]
    tracks = pa.Table.from_pylist(songs, pa.schema([schemas.TRACKS.field(name) for name in COLUMNS]))
    groups, pairs = schemas.empty("duplicate_groups"), schemas.empty("duplicate_pairs")
    return build(tracks, groups, pairs, _SONGS, Forgotten(), _DAY)


def _listens() -> pa.Table:
    plays = [("ann", song) for song in _SONGS[:5]] + [("bob", song) for song in _SONGS[2:]]
    rows = [dict(zip(schemas.LISTENS.names, (*play, _NOON, 200.0, "play"), strict=True)) for play in plays]
    return pa.Table.from_pylist(rows, schemas.LISTENS)


if __name__ == "__main__":
    main()
