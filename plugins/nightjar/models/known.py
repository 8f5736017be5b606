"""All models that anything is known of: in the lake, in Milvus, in the embedder."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from nightjar.embed import made
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.models import state
from nightjar.settings import Settings
from nightjar.vectors.names import KINDS, collection
from nightjar.vectors.store import VectorStore


def every(settings: Settings, current: str) -> tuple[list[dict], list[str]]:
    """Of each model {"model", "live", "makes", "embedded", "loaded", "swept", "songs", "windows", "collections",
    "lacks"}, by name, and what could not be asked.

    `makes` says whether the embedder makes it; counts are of days, and `loaded` is None where Milvus was not asked;
    `lacks` are clauses about the days of the live model `current`.
    """
    lake, notes = Lake(settings), []
    try:
        makes = set(made.models(settings))
    except NightjarError as error:
        makes = None
        notes.append(f"The embedder was not asked: {error}")
    try:
        with VectorStore(settings) as store:
            in_milvus = set(store.models())
    except NightjarError as error:
        in_milvus = None
        notes.append(f"Milvus was not asked: {error}")
    names = sorted({*state.known(lake), *(makes or ()), *(in_milvus or ()), *([current] if current else ())})
    return [_one(settings, lake, name, current, makes, in_milvus) for name in names], notes


def _one(
    settings: Settings, lake: Lake, name: str, current: str, makes: set[str] | None, in_milvus: set[str] | None
) -> dict:
    wanted = state.days_of(lake, current) if current else []
    own = sorted({*wanted, *state.days_of(lake, name)})
    with ExitStack() as stack:
        store = stack.enter_context(VectorStore(replace(settings, model=name))) if in_milvus is not None else None
        found = state.days(lake, name, current or name, own, store)
    there = [day for day in found if day.songs is not None]
    return {
        "model": name,
        "live": name == current,
        "makes": None if makes is None else name in makes,
        "embedded": len(there),
        "loaded": None if in_milvus is None else sum(bool(day.loaded) for day in there),
        "swept": sum(day.swept for day in there),
        "songs": sum(day.songs or 0 for day in there),
        "windows": sum(day.windows or 0 for day in there),
        "collections": [collection(kind, name) for kind in KINDS] if in_milvus and name in in_milvus else [],
        "lacks": state.lacking(name, [day for day in found if day.day in set(wanted)]),
    }
