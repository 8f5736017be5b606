"""What is known outside the store, in object storage: of each version `published/<version>.json`, and in
`lists/live.json` which one the app is shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nightjar.clock import today
from nightjar.errors import NightjarError
from nightjar.objects import ObjectChanged, ObjectMissing, Objects
from nightjar.publish import owners, versions
from nightjar.publish.versions import POINTER, Record, day_of, is_version, new_users_key

if TYPE_CHECKING:  # each step reads records, few open the store
    from nightjar.publish.store import Store

log = logging.getLogger(__name__)

RECORDS = "published/"
SHOWN = "lists/live.json"
"""Written right before the pointer moves, so that it is known which lists are to be read when the pointer is lost with
the store; lists from which a person went back do not come back with it."""


def read(objects: Objects, version: str) -> Record | None:
    """What is known of a version; None if nothing is, as for what is no version, and for one published from another
    bucket."""
    if not is_version(version):
        return None
    try:
        remedy = f"Remove it, then: nightjar rebuild lists {day_of(version)}"
        return objects.parsed(where(version), Record.from_json, remedy)
    except ObjectMissing:
        return None


def write(objects: Objects, record: Record) -> None:
    """Keep a record; it must be there before the first key of its version."""
    objects.put(where(record.version), record.to_json())


def change(objects: Objects, version: str, made: Callable[[Record], Record]) -> None:
    """Replace a record by what `made` makes of it; nothing that others write meanwhile is lost. Nothing happens
    if there is none, as where a publish has removed that version."""
    while True:
        try:
            etag = objects.head(where(version)).etag
        except ObjectMissing:
            return
        before = read(objects, version)
        if before is None or (after := made(before)) == before:
            return
        with suppress(ObjectChanged):
            objects.put(where(version), after.to_json(), expect=etag)
            return


def follow(objects: Objects, before: str, after: str) -> None:
    """Have the records know that the lake's lists called `before` are called `after` once a purge has changed them."""

    def made(record: Record) -> Record:
        return replace(record, source=after) if (record.source or record.version) == before else record

    for version in all_versions(objects):
        if day_of(version) == day_of(before):
            change(objects, version, made)


def all_versions(objects: Objects) -> list[str]:
    """Those of which there is a record, finished or not."""
    names = (seen.key.removeprefix(RECORDS).removesuffix(".json") for seen in objects.list(RECORDS))
    return [name for name in names if is_version(name)]


def show(objects: Objects, version: str) -> None:
    """Keep which version the app is shown."""
    objects.put(SHOWN, json.dumps({"version": version}).encode())


def move(objects: Objects, store: Store, seen: str, version: str, remedy: str) -> bool:
    """Let the app read `version`, whose lists are there, from now on; says whether the pointer had to move for that.
    Raises NightjarError with the remedy if it is not at `seen` any more, unless somebody else has brought it there, and
    if the store's lists are another lake's."""
    owners.claim(objects, store)
    show(objects, version)
    if version == seen:
        return False
    if not store.move(seen, version):
        overtaken = store.current()
        if overtaken == version:
            return False
        if is_version(overtaken):
            show(objects, overtaken)
        raise NightjarError(
            f"the pointer moved from {seen or 'nothing'} to {overtaken} before it could move to {version}", remedy
        )
    return True


def shown(objects: Objects) -> str:
    """The version that the app is shown; "" if that was never kept."""
    try:
        remedy = "Remove it; which lists the app is shown is then up to: nightjar rebuild lists DAY"
        return objects.parsed(SHOWN, lambda body: str(json.loads(body)["version"]), remedy)
    except ObjectMissing:
        return ""


@dataclass(frozen=True)
class Last:
    """What the app reads, and what it shall read."""

    pointer: str
    """As `Store.current` says it."""
    record: Record | None
    """Of the version that the pointer names; where that was never published, of the one that the app was shown last."""
    shown: Record | None
    """Of the version that the app was shown last, if the bucket knows it."""

    @property
    def version(self) -> str:
        """The version that is live; "" if nothing was ever published."""
        return self.record.version if self.record else ""

    def newer_than(self, day: str) -> Record | None:
        """A version of a later day that the app was shown. One of a day after today replaces nothing: no night could
        come behind it."""
        newest = max((each for each in (self.record, self.shown) if each), key=_version, default=None)
        return newest if newest and day < day_of(newest.version) <= today() else None


def last(objects: Objects, store: Store) -> Last:
    """What was published last. The bucket knows it, also where the store has lost its pointer, or another program wrote
    to it: a pointer that names no version of this bucket is said, and not obeyed.

    Raises NightjarError if the store's lists are those of another lake: by its mark, or since the pointer names lists
    that are there and of which this bucket knows nothing.
    """
    owners.check(objects, store)
    pointer, ours = store.current(), shown(objects)
    was, named = read(objects, ours), read(objects, pointer)
    if pointer and named is None:
        lost_its_record = pointer == ours  # which somebody removed, say because it was damaged
        if is_version(pointer) and not lost_its_record and store.count([new_users_key(pointer)]):
            raise NightjarError(
                f"the key-value store shows {pointer}, which was not published from {objects.bucket}",
                "If another Nightjar uses this store, give each a prefix of its own (NIGHTJAR_KV_PREFIX) or a store of "
                "its own (NIGHTJAR_KV_URL); if its lists are to go, "
                f"remove the key {store.prefix}{POINTER} and run this again",
            )
        log.warning("the pointer names %s, which was never published: it is not obeyed", pointer)
    return Last(pointer, named or was, was)


def _version(record: Record) -> str:
    return record.version


def whole(store: Store, record: Record) -> bool:
    """Whether the store has every list of a version."""
    return store.count(record.keys()) == len(record.users) + 1


def sweep(objects: Objects, store: Store, day: str, keep: set[str]) -> int:
    """Remove the versions of days up to `day`, or after today, finished or not, that are not to be kept; returns how
    many keys."""
    removed = 0
    for version in all_versions(objects):
        if version in keep or day < day_of(version) <= today():
            continue
        if record := read(objects, version):  # else another run has removed it meanwhile
            removed += store.remove([versions.new_users_key(version)])
            removed += store.remove(record.keys())
            objects.delete(where(version))
    return removed


def where(version: str) -> str:
    """The key of a version's record."""
    return f"{RECORDS}{version}.json"
