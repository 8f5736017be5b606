"""`nightjar rebuild vectors | lists`."""

from __future__ import annotations

import sys
from argparse import Namespace

from nightjar.cli.output import Answer
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Build again what was asked for. Raises NightjarError if it cannot be."""
    return {"vectors": _vectors, "lists": _lists}[arguments.lost](settings, arguments)


def _vectors(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.rebuild.vectors import rebuild_vectors

    found = rebuild_vectors(settings, arguments.model, lambda line: print(line, file=sys.stderr, flush=True))
    said = f"Milvus holds {found['tracks']} songs and {found['windows']} windows of {found['model']}, those of the lake"
    notes = [f"{said}: {found['written']} vectors were written, {found['removed']} removed."]
    if found["live"]:
        notes.append(f"The aliases {'lead to them now' if found['moved'] else 'led to them before'}.")
    return Answer(found, notes=notes)


def _lists(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.rebuild.lists import rebuild_lists

    found = rebuild_lists(settings, arguments.day)
    day = found["version"].partition(".")[0]
    notes = [
        f"The app reads {found['lists']} lists of {day}, as version {found['version']}.",
        f"{found['written']} lists were written, {found['removed']} keys too many removed.",
        f"nightjar publish --rollback goes to {found['previous']}."
        if found["previous"]
        else "Neither the lake nor the store has the version before: there is no way back until the next night.",
    ]
    return Answer(found, notes=notes)
