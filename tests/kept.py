"""What a function leaves in the lake and in the key-value store, kept for the session: made once, then laid again.

A night costs ten times as much to compute as its objects cost to write, and whatever runs twice leaves the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import redis

from nightjar.lake import Lake
from nightjar.settings import Settings


class _Kept(NamedTuple):
    objects: dict[str, bytes]
    keys: dict[bytes, bytes]
    """As Redis dumps them; without the owner's mark, which names the bucket."""


_kept: dict[Hashable, _Kept] = {}


def stores(settings: Settings, make: Callable[[Settings], object], *, lists: bool = True) -> bool:
    """Leave object storage and, with `lists`, the key-value store as `make(settings)` does. Both are empty before.

    It is called once a session and model. Returns whether it was called now: else Milvus is as it was. What it leaves
    has no metadata of its own.
    """
    what, objects = (make.__module__, make.__qualname__, settings.model), Lake(settings).objects
    first = what not in _kept
    with redis.Redis.from_url(settings.kv_url) as client, ThreadPoolExecutor(4) as pool:
        if first:
            make(settings)
            names = [seen.key for seen in objects.list("")]
            bodies = dict(zip(names, pool.map(objects.get, names), strict=True))
            keys = {key for key in client.scan_iter() if key != b"nightjar:owner"} if lists else set()
            _kept[what] = _Kept(bodies, {key: client.dump(key) for key in keys})
        else:
            list(pool.map(objects.put, *zip(*_kept[what].objects.items(), strict=True)))
            for key, dumped in _kept[what].keys.items():
                client.restore(key, 0, dumped)
    return first
