"""The key-value store behind a few calls, the only module of the publishing side that imports redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from urllib.parse import urlsplit

import redis

from nightjar.errors import NightjarError
from nightjar.publish.versions import POINTER, PREFIX
from nightjar.thresholds import KV_CHUNK, KV_OVERHEAD_BYTES

_MOVE = """
local now = redis.call('GET', KEYS[1])
if (now or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""

_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('UNLINK', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""


def connect(url: str) -> redis.Redis | redis.RedisCluster:
    """A client of the server at `url`, or of its cluster if it belongs to one. Raises NightjarError."""
    with explained(url):
        client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=30)
        if not client.info("cluster").get("cluster_enabled"):
            return client
        client.close()
        return redis.RedisCluster.from_url(url, socket_connect_timeout=5, socket_timeout=30)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turns what redis raises into NightjarError. A password in the address is not said."""
    try:
        yield
    except (redis.RedisError, redis.exceptions.RedisClusterException, ValueError) as error:
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}"
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM" in str(error):
            raise NightjarError(
                f"the key-value store at {where} is full: the pointer has not moved", "Raise its maxmemory, run again"
            ) from error
        raise NightjarError(
            f"the key-value store at {where} failed: {error}", "Check NIGHTJAR_KV_URL and that the store is up"
        ) from error


class Store:
    """Writes, checks and removes lists, and moves the pointer. Every method raises NightjarError if the store fails."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = connect(url)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def current(self) -> str:
        """The live version, "" if nothing was ever published."""
        with explained(self._url):
            return (self._client.get(POINTER) or b"").decode()

    def move(self, expected: str, version: str) -> bool:
        """Point at `version` if the pointer is still `expected`, in one step; says whether it was."""
        with explained(self._url):
            return bool(self._client.eval(_MOVE, 1, POINTER, expected, version))

    def check(self, needed_bytes: int, keys: int) -> None:
        """Raises NightjarError if the store would throw lists away, or has no room for so many more bytes and keys."""
        nodes = self._memory()
        if wrong := sorted({str(node["maxmemory_policy"]) for node in nodes} - {"noeviction"}):
            raise NightjarError(
                f"the key-value store's maxmemory-policy is {wrong[0]}, under which it may throw lists away",
                "Set maxmemory-policy noeviction; use a store of its own if others need eviction",
            )
        room = sum(node["maxmemory"] - node["used_memory"] for node in nodes)
        needed_bytes += keys * KV_OVERHEAD_BYTES
        if all(node["maxmemory"] for node in nodes) and needed_bytes > room:
            raise NightjarError(
                f"the key-value store has room for {max(room, 0):,} bytes, the lists need {needed_bytes:,} more",
                "Raise its maxmemory: it holds the live version, the one before and the one being written",
            )

    def write(self, items: Iterable[tuple[str, bytes]]) -> int:
        """Set keys, in any number; returns how many."""
        return sum(len(answers) for answers in self._pipelines(items, lambda pipe, item: pipe.set(*item)))

    def lengths(self, keys: Iterable[str]) -> list[int]:
        """Bytes under each key, 0 where there is none."""
        answers = self._pipelines(keys, lambda pipe, key: pipe.strlen(key))
        return [length for chunk in answers for length in chunk]

    def read(self, keys: Iterable[str]) -> list[bytes | None]:
        """What is under each key."""
        return [body for chunk in self._pipelines(keys, lambda pipe, key: pipe.get(key)) for body in chunk]

    def remove(self, keys: Iterable[str]) -> int:
        """Unlink keys; returns how many there were."""
        return sum(sum(answers) for answers in self._pipelines(keys, lambda pipe, key: pipe.unlink(key)))

    def swap(self, changes: Iterable[tuple[str, bytes, bytes]]) -> list[bool]:
        """For each (key, before, after), if `before` is still there put `after` in its place, or nothing where that is
        empty; each in one step. Says of each whether it was."""
        answers = self._pipelines(changes, lambda pipe, change: pipe.execute_command("EVAL", _SWAP, 1, *change))
        return [bool(answer) for chunk in answers for answer in chunk]

    def chunks(self) -> Iterator[list[str]]:
        """All our keys but the pointer, of whatever version. Those that come or go meanwhile may be missed."""
        with explained(self._url):
            left = self._client.scan_iter(match=f"{PREFIX}*", count=KV_CHUNK)
            while chunk := list(islice(left, KV_CHUNK)):
                yield [key.decode(errors="replace") for key in chunk if key.decode(errors="replace") != POINTER]

    def _pipelines(self, items: Iterable, command: Callable) -> Iterator[list]:
        """The answers to a command for each item, by chunks. Raises if any single one failed."""
        left = iter(items)
        while chunk := list(islice(left, KV_CHUNK)):
            with explained(self._url):
                pipe = self._client.pipeline(transaction=False)
                for item in chunk:
                    command(pipe, item)
                answers = pipe.execute()
            yield answers

    def _memory(self) -> list[dict]:
        with explained(self._url):
            if not isinstance(self._client, redis.RedisCluster):
                return [self._client.info("memory")]
            return [self._client.info("memory", target_nodes=node) for node in self._client.get_primaries()]
