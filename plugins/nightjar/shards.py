"""Cutting work into shards. What a shard holds depends on the work and the number of shards, on nothing else."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping


def shard_of(key: str, shards: int) -> int:
    """The shard of `key`, in [0, shards): the same on every machine, in every process and Python version."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def dealt(sizes: Mapping[str, float], shards: int) -> list[set[str]]:
    """The keys of each shard, so that the shards' sizes differ as little as can be had cheaply.

    The largest goes first, each to the shard that has least: at most 4/3 of the best possible (Graham, Bounds on
    multiprocessing timing anomalies, 1969). For work that is known whole and costs much by the item; where keys go on
    arriving or are many and small, `shard_of` needs no list of them.
    """
    made: list[set[str]] = [set() for _ in range(shards)]
    heap = [(0.0, shard) for shard in range(shards)]
    for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
        load, shard = heapq.heappop(heap)
        made[shard].add(key)
        heapq.heappush(heap, (load + sizes[key], shard))
    return made


def shard_count(items: int, per_shard: int) -> int:
    """How many shards hold `items` at about `per_shard` each; at least one, so that an empty day still commits."""
    return max(1, -(-items // per_shard))
