"""The only definition of each table's columns and of its row order. The embedder, the SQL and the tests use it.

A row of a table never contains a clock reading of ours: the same inputs give the same bytes.
"""

from __future__ import annotations

import pyarrow as pa

from nightjar.errors import SchemaMismatch

_TIME = pa.timestamp("us", tz="UTC")
_WORDS = pa.list_(pa.uint32())
_VECTOR = pa.list_(pa.float32())
_SPANS = pa.list_(
    pa.struct([(name, pa.float32()) for name in ("a_s", "b_s", "seconds", "similarity")])  # begins there in a and b
)


def _table(*columns: tuple[str, pa.DataType], key: str, optional: str = "") -> pa.Schema:
    """A schema whose `key` columns (space separated) order the rows and identify one; `optional` may be null."""
    nullable = set(optional.split())
    return pa.schema([pa.field(name, kind, nullable=name in nullable) for name, kind in columns], metadata={"key": key})


# --- what the app writes ----------------------------------------------------------------------------------------------
LISTENS = _table(
    ("user_id", pa.string()),
    ("track_id", pa.string()),
    ("listened_at", _TIME),
    ("played_s", pa.float32()),
    ("kind", pa.string()),  # play, skip or like
    key="user_id listened_at track_id kind",
)
TAKEDOWNS = _table(
    ("track_id", pa.string()),  # exactly one of the two is set
    ("user_id", pa.string()),
    key="track_id user_id",
    optional="track_id user_id",
)

# --- what Nightjar writes ---------------------------------------------------------------------------------------------
UPLOADS = _table(  # the day's work, frozen: shards are cut from it, and a retry sees the same
    ("key", pa.string()),
    ("size_bytes", pa.int64()),
    ("etag", pa.string()),
    ("uploaded_at", _TIME),
    key="key",
)
EXPORTS = _table(  # the files of listens and takedowns that were read, and what came of them
    ("key", pa.string()),
    ("size_bytes", pa.int64()),
    ("etag", pa.string()),
    ("uploaded_at", _TIME),
    ("rows", pa.int64()),  # in the file
    ("dropped", pa.int64()),  # rows of them that do not fit
    ("problem", pa.string()),  # the reason why nothing of it was taken, or a takedown's why too many were dropped
    key="key",
    optional="problem",
)
TRACKS = _table(
    ("track_id", pa.string()),
    ("day", pa.string()),
    ("key", pa.string()),
    ("sha256", pa.string()),
    ("size_bytes", pa.int64()),
    ("uploader", pa.string()),
    ("title", pa.string()),
    ("artist", pa.string()),
    ("container", pa.string()),  # ffmpeg's name for it, by its content; null in a lake of before
    ("codec", pa.string()),
    ("sample_rate", pa.int32()),  # Hz
    ("channels", pa.int16()),
    ("duration_s", pa.float32()),
    ("loudness_lufs", pa.float32()),  # integrated, EBU R 128
    ("uploaded_at", _TIME),
    key="track_id",
    optional="uploader title artist container",
)
REJECTS = _table(
    ("key", pa.string()),  # the object
    ("track_id", pa.string()),
    ("stage", pa.string()),
    ("reason", pa.string()),  # a code; the catalogue of them is docs/rejects.md
    ("detail", pa.string()),  # a sentence for a person
    key="key reason",
    optional="track_id",
)
STEMS = _table(
    ("track_id", pa.string()),
    ("sha256", pa.string()),
    ("accompaniment_key", pa.string()),
    ("vocals_key", pa.string()),
    ("vocals_db", pa.float32()),  # level of the vocals relative to the mix; below about -40 there is no singing
    key="track_id",
)
EMBEDDINGS = _table(
    ("track_id", pa.string()),
    ("day", pa.string()),
    ("vector", _VECTOR),  # L2-normalised
    key="track_id",
)
WINDOWS = _table(
    ("track_id", pa.string()),
    ("day", pa.string()),
    ("window", pa.int32()),
    ("start_s", pa.float32()),
    ("vector", _VECTOR),  # L2-normalised
    key="track_id window",
)
FINGERPRINTS = _table(  # Chromaprint words, about 7.96 a second; empty where the part is silent
    ("track_id", pa.string()),
    ("day", pa.string()),
    ("mix", _WORDS),
    ("accompaniment", _WORDS),
    ("vocals", _WORDS),
    ("vocals_db", pa.float32()),
    key="track_id",
)
SPEED_PRINTS = _table(  # the same of the song as it would be, had it been made so much faster than it is by mistake
    ("track_id", pa.string()),
    ("speed_percent", pa.int16()),  # that is undone, one of thresholds.PRINT_SPEEDS
    ("mix", _WORDS),
    ("accompaniment", _WORDS),
    ("vocals", _WORDS),
    key="track_id speed_percent",
)
ECHOPRINTS = _table(  # only where the setting second_opinion asks for it
    ("track_id", pa.string()),
    ("codes", _WORDS),
    ("times", _WORDS),  # in frames of 23.2 ms
    key="track_id",
)
PRINT_KEYS = _table(  # sampled keys of the mix's print, by which other songs' prints find it
    ("track_id", pa.string()),
    ("keys", _WORDS),
    ("positions", _WORDS),  # the word that each key begins with
    key="track_id",
)
DUPLICATE_PAIRS = _table(  # pairs that say something, a of the earlier day; of several days' rows the latest counts
    ("a", pa.string()),
    ("b", pa.string()),
    ("verdict", pa.string()),  # duplicate, fragment, altered, contains, cover; distinct where a group depends on it
    ("score", pa.float32()),  # 0 to 1: mean similarity of the parts that decided
    ("decided_by", pa.string()),  # those parts, comma separated
    ("mix", pa.float32()),  # similarity of each part over the spans: 1 - bit error rate; null where nothing agrees
    ("accompaniment", pa.float32()),
    ("vocals", pa.float32()),  # null where one of the two has no singing, as accompaniment without any
    ("offset_s", pa.float32()),  # where b begins in a, by the longest span
    ("overlap_s", pa.float32()),  # of all spans together
    ("share", pa.float32()),  # of the shorter song's sound that the spans cover
    ("different", pa.float32()),  # of it, what has something else at the same place in the other; null in older lakes
    ("a_sound_s", pa.float32()),  # seconds of a that are not silence; null in older lakes
    ("b_sound_s", pa.float32()),
    ("speed", pa.float32()),  # how fast b plays relative to a
    ("pitch", pa.float32()),  # semitones of b above a
    ("spans", _SPANS),  # longest first: where they agree
    ("evidence", pa.string()),  # the verdict in words
    key="a b",
    optional="mix accompaniment vocals different a_sound_s b_sound_s",
)
DUPLICATE_GROUPS = _table(  # only songs that have a duplicate; a snapshot of all days up to its partition's
    ("track_id", pa.string()),
    ("canonical_id", pa.string()),
    key="track_id",
)
TASTES = (
    _table(  # what each user thinks of the songs of which they heard anything in the window; a part is a shard of users
        ("user_id", pa.string()),
        ("track_id", pa.string()),  # the canonical song
        ("weight", pa.float32()),  # negative for a disliked one
        key="user_id track_id",
    )
)
SIMILAR = _table(  # the day's songs, and those near them, by sound
    ("track_id", pa.string()),
    (
        "neighbours",
        pa.list_(pa.int32()),
    ),  # the rows, from 0, of this partition's songs of days up to its own; nearest first
    ("cosines", pa.list_(pa.float32())),  # none where the song is of an earlier day, and only named
    key="track_id",
)
NEIGHBOURS = _table(  # what each canonical song says for others: a snapshot of all days up to its partition's
    ("track_id", pa.string()),
    ("listeners", pa.int64()),  # in the window
    ("neighbours", pa.list_(pa.int32())),  # the rows, from 0, of this partition's songs; ascending
    ("sound", pa.list_(pa.float32())),  # how much it says for each by its sound
    ("played", pa.list_(pa.float32())),  # and by its listeners
    ("taste", pa.list_(pa.int8())),  # see nightjar.recommend.quantized
    ("taste_unit", pa.float32()),
    ("sketch", pa.list_(pa.int8())),  # of its vector
    ("sketch_unit", pa.float32()),
    key="track_id",
)
LISTS = _table(
    ("user_id", pa.string()),  # NEW_USERS for the list of those without a history
    ("rank", pa.int32()),  # from 1
    ("track_id", pa.string()),
    ("score", pa.float32()),
    ("because", pa.list_(pa.string())),  # the heard tracks that brought it, strongest first
    ("source", pa.string()),  # similar, co_listened, both, fresh or popular
    key="user_id rank",
)

TABLES: dict[str, pa.Schema] = {
    "uploads": UPLOADS,
    "exports": EXPORTS,
    "tracks": TRACKS,
    "rejects": REJECTS,
    "listens": LISTENS,
    "takedowns": TAKEDOWNS,
    "stems": STEMS,
    "embeddings": EMBEDDINGS,
    "windows": WINDOWS,
    "fingerprints": FINGERPRINTS,
    "speed_prints": SPEED_PRINTS,
    "echoprints": ECHOPRINTS,
    "print_keys": PRINT_KEYS,
    "duplicate_pairs": DUPLICATE_PAIRS,
    "duplicate_groups": DUPLICATE_GROUPS,
    "tastes": TASTES,
    "similar": SIMILAR,
    "neighbours": NEIGHBOURS,
    "lists": LISTS,
}

BY_MODEL = frozenset(TABLES) - {"uploads", "exports", "tracks", "rejects", "listens", "takedowns"}
"""Tables that a model decides: their partitions are by day and model."""
BY_STAGE = frozenset({"rejects"})
"""Tables that several stages write: their partitions are by day and stage."""

NEW_USERS = ""
"""The `user_id` under which the lists table keeps the list for users without a history; no user has it."""


def empty(name: str) -> pa.Table:
    """A table `name` without rows."""
    return TABLES[name].empty_table()


def table(name: str, rows: list[dict]) -> pa.Table:
    """Rows (dicts with every required column) as table `name`. Raises SchemaMismatch."""
    try:
        made = pa.Table.from_pylist(rows, schema=TABLES[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise SchemaMismatch(f"rows of {name} do not fit its schema: {error}", "See nightjar/schemas.py") from error
    return conform(name, made)


def conform(name: str, rows: pa.Table) -> pa.Table:
    """`rows` with exactly the columns of table `name`, sorted by its key; same multiset of rows.

    Raises SchemaMismatch for a missing column, a type that cannot be cast without loss, a null where none may be.
    """
    schema = TABLES[name]
    missing = [column for column in schema.names if column not in rows.column_names]
    if missing:
        raise SchemaMismatch(
            f"{name} lacks the column {missing[0]!r}", f"It needs {', '.join(schema.names)}: see nightjar/schemas.py"
        )
    for field in schema:
        if not field.nullable and rows[field.name].null_count:
            raise SchemaMismatch(f"{name}.{field.name} has nulls, which it may not have", "See nightjar/schemas.py")
    try:
        made = rows.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise SchemaMismatch(f"{name} has a column of another type: {error}", "See nightjar/schemas.py") from error
    key = schema.metadata[b"key"].decode().split()
    return made.sort_by([(column, "ascending") for column in key])


def with_new_columns(rows: pa.Table, fields: list[pa.Field]) -> pa.Table:
    """`rows` with their columns in the order of `fields`, and nulls in those that may be null and came later."""
    for field in fields:
        if field.nullable and field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select([field.name for field in fields])
