"""Cutting work into shards by hash: a key's shard depends on the key and the number of shards, on nothing else."""

from __future__ import annotations

import hashlib


def shard_of(key: str, shards: int) -> int:
    """The shard of `key`, in [0, shards): the same on every machine, in every process and Python version."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def shard_count(items: int, per_shard: int) -> int:
    """How many shards hold `items` at about `per_shard` each; at least one, so that an empty day still commits."""
    return max(1, -(-items // per_shard))
