"""How the key-value store is reached, by its writers and its readers, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from nightjar.errors import NightjarError
from nightjar.rules import place

RIGHTS = "+info +get +mget +set +mset +exists +strlen +unlink +eval +scan"
"""What a writer may have to do in a store, as an access list has it."""
_REFUSED = re.compile("ACL failure in script|user executing the script can't")
"""As Valkey and Redis say it of a command in a script, which has not the code of others."""


def connect(url: str, prefix: str) -> redis.Redis | redis.RedisCluster:
    """A client of the server at `url`, or of its cluster if it belongs to one. Raises NightjarError."""
    with explained(url, prefix):
        client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=30)
        if not client.info("cluster").get("cluster_enabled"):
            return client
        client.close()
        return redis.RedisCluster.from_url(url, socket_connect_timeout=5, socket_timeout=30)


@contextmanager
def explained(url: str, prefix: str) -> Iterator[None]:
    """Turns what redis raises into NightjarError. A password in the address is not said; `prefix` is what the rights of
    its user must cover."""
    try:
        yield
    except (redis.RedisError, redis.exceptions.RedisClusterException, ValueError) as error:
        where = place(url)
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in str(error):
            raise NightjarError(
                f"the key-value store at {where} is full: the pointer has not moved", "Raise its maxmemory, run again"
            ) from error
        raise NightjarError(f"the key-value store at {where} failed: {error}", _remedy(url, prefix, error)) from error


def _remedy(url: str, prefix: str, error: Exception) -> str:
    said = str(error)
    if isinstance(error, redis.exceptions.NoPermissionError) or _REFUSED.search(said):
        needed = f"Give the user of NIGHTJAR_KV_URL the rights ~{prefix}* and {RIGHTS}"
        return f"{needed}; for a reader, or a cluster, see Rights in docs/reading-lists.md"
    if said.startswith("WRONGTYPE"):
        return "Another program wrote to a key of ours: see what it is, and run nightjar rebuild lists"
    if isinstance(error, redis.exceptions.AuthenticationError) or said.startswith(("WRONGPASS", "NOAUTH")):
        return "Check the user and the password in NIGHTJAR_KV_URL"
    if "mismatch, certificate is not valid for" in said:
        return "Name the store in NIGHTJAR_KV_URL as its certificate does"
    if "certificate verify failed" in said:
        return "If its certificate is signed by an authority of your own, add ?ssl_ca_certs=FILE to NIGHTJAR_KV_URL"
    if url.startswith("rediss://"):
        return "Check NIGHTJAR_KV_URL and that the store is up, and that its port speaks TLS: rediss:// asks for it"
    return "Check NIGHTJAR_KV_URL and that the store is up"
