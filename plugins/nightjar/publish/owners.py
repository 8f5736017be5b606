"""Whose lists a store holds. A mark in the store names the lake that writes below a prefix, so that two never do."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from nightjar.errors import NightjarError
from nightjar.objects import ObjectMissing, Objects
from nightjar.publish.versions import OWNER, POINTER

if TYPE_CHECKING:  # each step reads records, few open the store
    from nightjar.publish.store import Store

LAKE = "lists/lake.json"
"""What tells this lake from all others: made once, before the first list."""


def check(objects: Objects, store: Store) -> None:
    """Raises NightjarError if the store says that its lists are those of another lake. One that says nothing is new, or
    was written by an older Nightjar: `records.last` judges it by its pointer."""
    _refuse_others(objects, store, store.mark())


def claim(objects: Objects, store: Store) -> None:
    """Have the store say that its lists are this lake's. Raises NightjarError if it says that they are another's."""
    _refuse_others(objects, store, store.claim(_name(objects, made=True)))


def _refuse_others(objects: Objects, store: Store, mark: str) -> None:
    if mark and mark != (ours := _name(objects)):
        raise NightjarError(
            f"the key-value store's lists below {store.prefix} are those of another lake, {mark}, not of {ours}",
            "Give each environment a prefix of its own (NIGHTJAR_KV_PREFIX) or a store of its own (NIGHTJAR_KV_URL); "
            f"if this lake is to take its place, remove the keys {store.prefix}{OWNER} and {store.prefix}{POINTER} "
            "and run this again",
        )


def _name(objects: Objects, made: bool = False) -> str:
    """Of the lake, `<bucket>/<16 hex>`: a bucket that is a copy of another one is a lake of its own. With `made` it is
    named if it has no name."""
    if made:
        objects.update(LAKE, _with_name)
    try:
        remedy = f"Remove it, and the key {OWNER} in the store: the next publish makes both again"
        return f"{objects.bucket}/{objects.parsed(LAKE, lambda body: json.loads(body)['id'], remedy)}"
    except ObjectMissing:
        return f"{objects.bucket}/"


def _with_name(before: bytes | None) -> bytes:
    return before or json.dumps({"id": secrets.token_hex(8)}).encode()
