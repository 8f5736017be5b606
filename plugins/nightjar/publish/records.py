"""What is known outside the store, in object storage: of each version `published/<version>.json`, and in
`lists/live.json` which one the app is shown."""

from __future__ import annotations

import json

from nightjar.errors import NightjarError
from nightjar.objects import ObjectMissing, Objects
from nightjar.publish import versions
from nightjar.publish.store import Store
from nightjar.publish.versions import Record, day_of

RECORDS = "published/"
SHOWN = "lists/live.json"
"""Written right before the pointer moves, so that it is known which lists are to be read when the pointer is lost with
the store; lists from which a person went back do not come back with it."""


def read(objects: Objects, version: str) -> Record | None:
    """What is known of a version; None if nothing is, as for "" and for one published from another bucket."""
    if not version:
        return None
    try:
        remedy = f"Remove it, then: nightjar rebuild lists {day_of(version)}"
        return objects.parsed(where(version), Record.from_json, remedy)
    except ObjectMissing:
        return None


def write(objects: Objects, record: Record) -> None:
    """Keep a record; it must be there before the first key of its version."""
    objects.put(where(record.version), record.to_json())


def all_versions(objects: Objects) -> list[str]:
    """Those of which there is a record, finished or not."""
    return [seen.key.removeprefix(RECORDS).removesuffix(".json") for seen in objects.list(RECORDS)]


def show(objects: Objects, version: str) -> None:
    """Keep which version the app is shown."""
    objects.put(SHOWN, json.dumps({"version": version}).encode())


def move(objects: Objects, store: Store, seen: str, version: str, remedy: str) -> bool:
    """Let the app read `version`, whose lists are there, from now on; says whether the pointer had to move for that.
    Raises NightjarError with the remedy if it is not at `seen` any more, unless somebody else has brought it there."""
    show(objects, version)
    if version == seen:
        return False
    if not store.move(seen, version):
        overtaken = store.current()
        if overtaken == version:
            return False
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


def whole(store: Store, record: Record) -> bool:
    """Whether the store has every list of a version."""
    return store.count(record.keys()) == len(record.users) + 1


def sweep(objects: Objects, store: Store, day: str, keep: set[str]) -> int:
    """Remove the versions of days up to `day`, finished or not, that are not to be kept; returns how many keys."""
    removed = 0
    for version in all_versions(objects):
        if version in keep or day_of(version) > day:
            continue
        if record := read(objects, version):  # else another run has removed it meanwhile
            removed += store.remove([versions.new_users_key(version)])
            removed += store.remove(record.keys())
            objects.delete(where(version))
    return removed


def where(version: str) -> str:
    """The key of a version's record."""
    return f"{RECORDS}{version}.json"
