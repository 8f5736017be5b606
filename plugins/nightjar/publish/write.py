"""A version's lists into the store, and whether the store holds them."""

from __future__ import annotations

from nightjar.errors import NightjarError
from nightjar.objects import Objects
from nightjar.publish import owners, records
from nightjar.publish.spool import Spool
from nightjar.publish.store import Store
from nightjar.publish.versions import Record, key
from nightjar.schemas import NEW_USERS
from nightjar.thresholds import KV_SAMPLE


def write(objects: Objects, store: Store, record: Record, lists: Spool, every_byte: bool = False) -> int:
    """Write what the store lacks of a version, its record first, and check that nothing lacks then; returns how many
    lists it lacked. Lists are compared by their lengths and an even sample of them by their bytes; with `every_byte`
    all are, for a store of which one does not know what happened to it. Raises NightjarError, also if the store's lists
    are another lake's."""
    version = record.version
    begun = records.read(objects, version) is not None
    records.write(objects, record)
    places = range(len(lists.users)) if every_byte else lists.sample()
    if lacking := _lacking(store, version, lists, places) if begun else range(len(lists.users)):
        sizes = lists.sizes()
        store.check(sum(len(key(version, lists.users[at])) + sizes[at] for at in lacking), len(lacking))
        owners.claim(objects, store)
        own = [at for at in lacking if lists.users[at] != NEW_USERS]
        store.write((key(version, user_id), body) for user_id, body in lists.bodies(own))
        store.write((key(version, user_id), body) for user_id, body in lists.bodies([lists.users.index(NEW_USERS)]))
        if left := _lacking(store, version, lists, places):
            raise NightjarError(
                f"{len(left)} lists of {version} are not in the store as they were written, "
                f"{key(version, lists.users[left[0]])} first",
                "The pointer has not moved; look at the store's log for evictions or a failover, and run it again",
            )
    return len(lacking)


def _lacking(store: Store, version: str, lists: Spool, compared: range) -> list[int]:
    """The places of the lists that are not in the store: those of another length, and of the `compared` ones those of
    other bytes."""
    keys = (key(version, user_id) for user_id in lists.users)
    wrong = set(store.wrong(zip(keys, lists.sizes(), strict=True)))
    for start in range(0, len(compared), KV_SAMPLE):
        places = compared[start : start + KV_SAMPLE]
        found = store.read(key(version, lists.users[at]) for at in places)
        written = (body for _, body in lists.bodies(places))
        wrong |= {at for at, there, body in zip(places, found, written, strict=True) if there != body}
    return sorted(wrong)
