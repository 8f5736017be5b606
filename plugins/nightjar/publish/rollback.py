"""The way back to lists that the store still holds. In an emergency it must not wait: it imports little."""

from __future__ import annotations

import logging
from contextlib import closing

from nightjar.errors import NightjarError
from nightjar.objects import Objects
from nightjar.publish import records
from nightjar.publish.store import Store
from nightjar.settings import Settings

log = logging.getLogger(__name__)


def go_to(settings: Settings, version: str | None = None) -> dict:
    """Let the app read another version that the store still holds whole: the one before the live one, or `version`.

    {"version", "lists", "current", "moved", "was"}: `was` is what was read before. Nothing is written but the pointer
    and its copy, and nothing removed, so that the way back is the same. The next night publishes as ever.

    Raises NightjarError if nothing was published, if there is no such version or it is not whole any more, and if the
    pointer moves meanwhile.
    """
    objects = Objects(settings)
    with closing(Store(settings)) as store:
        last = records.last(objects, store)
        live, behind = last.version, last.record
        if behind is None:
            raise NightjarError("nothing was ever published", "Backfill a day first: see nightjar status")
        wanted = behind.previous if version is None else version
        record = records.read(objects, wanted)
        if record is None or not records.whole(store, record):
            kept = (records.read(objects, each) for each in records.all_versions(objects) if each != live)
            there = sorted(each.version for each in kept if each and records.whole(store, each))
            if version is not None:
                what = f"there is no version {version!r} in the store"
            elif wanted:
                what = f"the version before {live} is not in the store any more, which keeps two"
            else:
                what = f"no version was live before {live}"
            raise NightjarError(
                what,
                f"It holds {live}, which is live"
                + (f", and for --to {', '.join(there)}" if there else " and no other")
                + "; nightjar rebuild lists writes what the lake has of the two last versions",
            )
        moved = records.move(objects, store, last.pointer, wanted, "Look what published meanwhile, and ask again")
    log.info("go_to %s: the pointer %s", wanted, f"moved from {live}" if moved else "was there")
    return {
        "version": wanted,
        "lists": len(record.users),
        "current": wanted,
        "moved": moved,
        "was": live,
    }
