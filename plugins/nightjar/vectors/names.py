"""Names of collections, and the primary keys within. Pure."""

from __future__ import annotations

import re

import pyarrow as pa

from nightjar.errors import NightjarError

KINDS = ("tracks", "windows")
"""What there are vectors of."""
TABLES = {"tracks": "embeddings", "windows": "windows"}
"""The table of the lake whose rows each kind has."""


def collection(kind: str, model: str) -> str:
    """The name of a model's collection of `kind`. Characters other than letters, digits and _ are written as their
    code, so that models `a-1`, `a.1` and `a_1` have one each. Raises NightjarError for another kind."""
    if kind not in KINDS:
        raise NightjarError(f"there are no vectors of kind {kind!r}", f"Kinds: {', '.join(KINDS)}")
    return f"{kind}__" + re.sub(r"[^A-Za-z0-9_]", lambda found: f"_x{ord(found[0]):02x}_", model)


def model(name: str) -> str:
    """The model whose collection is called `name`; "" if it is none of ours."""
    kind, _, escaped = name.partition("__")
    return re.sub(r"_x([0-9a-f]+)_", lambda found: chr(int(found[1], 16)), escaped) if kind in KINDS else ""


def keys(kind: str, rows: pa.Table) -> list[str]:
    """Primary keys: the track id, for a window with its number behind it (`abc#0007`)."""
    track_ids = rows["track_id"].to_pylist()
    if kind == "tracks":
        return track_ids
    return [window_key(*each) for each in zip(track_ids, rows["window"].to_pylist(), strict=True)]


def window_key(track_id: str, window: int) -> str:
    """The primary key of a song's window."""
    return f"{track_id}#{window:04d}"
