"""Removes what is forgotten from the lists that the app can read: of every version that the store still holds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

from nightjar.objects import ObjectChanged, ObjectMissing, Objects
from nightjar.publish import encode, records
from nightjar.publish.store import Store
from nightjar.publish.versions import owner
from nightjar.schemas import NEW_USERS
from nightjar.takedowns.forgotten import Forgotten

log = logging.getLogger(__name__)

_EMPTY = bytes([encode.FORMAT])


def remove(objects: Objects, store: Store, forgotten: Forgotten) -> int:
    """Take songs off all lists, and lists from users; returns how many lists were changed.

    What the store holds counts, not what the lake has of it by now; lists of which nothing is forgotten stay unread
    there, unless very many songs are. Each list is replaced in one step, if it is still
    the one that was read: a reader sees it as it was or as it shall be, and of two who change it nobody undoes what the
    other did. A list with nothing left goes, so that its user reads that of new users, which always stays.
    """
    changed, gone = 0, set()
    for found in store.chunks():
        keys = _affected(store, [key for key in found if owner(key)], forgotten)  # other keys are of other programs
        while changes := list(_changes(keys, store.read(keys), forgotten)):
            done = [change for change, is_done in zip(changes, store.swap(changes), strict=True) if is_done]
            changed += len(done)
            gone |= {owner(key) for key, _, after in done if not after}
    _correct_records(objects, gone, forgotten)
    return changed


def _affected(store: Store, keys: list[str], forgotten: Forgotten) -> list[str]:
    """The keys of lists that may have to change."""
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
    for version in records.all_versions(objects):
        key = records.where(version)
        while True:
            try:
                etag, record = objects.head(key).etag, records.read(objects, version)
            except ObjectMissing:
                record = None
            if record is None:  # a publish has removed that version meanwhile
                break
            left = [each for each in record.users if each not in forgotten.users and (record.version, each) not in gone]
            if left == record.users:
                break
            try:
                objects.put(key, replace(record, users=left).to_json(), expect=etag)
            except ObjectChanged:
                continue
            break
