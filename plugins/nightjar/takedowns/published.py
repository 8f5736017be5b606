"""Removes what is forgotten from the lists that the app can read: of every version that the store still holds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from nightjar.lake import Lake
from nightjar.objects import Objects
from nightjar.publish import encode, records, versions
from nightjar.publish.store import Store
from nightjar.publish.versions import Record, owner
from nightjar.schemas import NEW_USERS
from nightjar.takedowns import ledger, listed
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import KV_CHUNK

log = logging.getLogger(__name__)

_EMPTY = bytes([encode.FORMAT])


def remove(lake: Lake, store: Store, forgotten: Forgotten) -> int:
    """Take songs off all lists, and lists from users; returns how many lists were changed.

    The lake says which lists of a version hold a song, as long as it has them as they were published; no other list is
    looked into then. The store is searched for the rest: for versions that the lake has otherwise by now or of which it
    knows nothing, and for all if somebody is forgotten again whom a purge has removed from the lake, say because the
    store came from a backup. A publish looks itself through what it writes meanwhile.

    Each list is replaced in one step, if it is still the one that was read: a reader sees it as it was or as it shall
    be, and of two who change it nobody undoes what the other did. A list with nothing left goes, so that its user reads
    that of new users, which always stays.
    """
    changed, gone = 0, set()
    left = _affected(lake, store, forgotten)
    while keys := list(islice(left, KV_CHUNK)):
        while changes := list(_changes(keys, store.read(keys), forgotten)):
            done = [change for change, is_done in zip(changes, store.swap(changes), strict=True) if is_done]
            changed += len(done)
            gone |= {owner(key) for key, _, after in done if not after}
    if gone or forgotten.users:
        _correct_records(lake.objects, gone, forgotten)
    return changed


def _affected(lake: Lake, store: Store, forgotten: Forgotten) -> Iterator[str]:
    """The keys of lists that may have to change."""
    answered: list[str] = []
    is_again = bool(forgotten & ledger.begun(lake.objects))
    names = [] if is_again else records.all_versions(lake.objects)
    for record in filter(None, (records.read(lake.objects, name) for name in names)):
        users = listed.users_with(lake, record, forgotten.tracks)
        if users is not None:
            answered.append(record.version)
            yield from (versions.key(record.version, each) for each in sorted(forgotten.users.union(users)))
    for found in store.of_other_versions(answered):
        yield from _searched(store, [key for key in found if owner(key)], forgotten)


def _searched(store: Store, keys: list[str], forgotten: Forgotten) -> list[str]:
    """Those of the keys of lists that may have to change."""
    if len(forgotten.tracks) > encode.FEW:
        return keys
    parts = sorted(each.encode() for each in forgotten.tracks)
    of_users = {key for key in keys if owner(key)[1] in forgotten.users}
    return sorted(of_users.union(store.holding(keys, parts) if parts else ()))


def _changes(keys: list[str], bodies: list[bytes | None], forgotten: Forgotten) -> Iterator[tuple[str, bytes, bytes]]:
    """Key, list as it is, and as it shall be, empty where it is to go; only of those that differ."""
    track_ids = frozenset(each.encode() for each in forgotten.tracks)
    for key, body in zip(keys, bodies, strict=True):
        if body is None:
            continue
        _, user_id = owner(key)
        after = b"" if user_id != NEW_USERS and user_id in forgotten.users else encode.without(body, track_ids)
        if after == _EMPTY != body and user_id != NEW_USERS:
            after = b""
        if user_id == NEW_USERS:
            after = after or _EMPTY
        if after != body:
            yield key, body, after


def _correct_records(objects: Objects, gone: set[tuple[str, str]], forgotten: Forgotten) -> None:
    """Have the versions' records name no forgotten user and nobody whose list went."""

    def made(record: Record) -> Record:
        left = [each for each in record.users if each not in forgotten.users and (record.version, each) not in gone]
        return replace(record, users=left)

    for version in records.all_versions(objects):
        records.change(objects, version, made)
