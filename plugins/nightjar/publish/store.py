"""The key-value store behind a few calls, in redis's own commands."""

from __future__ import annotations

import secrets
import struct
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any

import redis

from nightjar.errors import NightjarError
from nightjar.publish import scripts
from nightjar.publish.connection import connect, explained
from nightjar.publish.scripts import NO_VERSION
from nightjar.publish.versions import OWNER, POINTER, is_version
from nightjar.settings import Settings
from nightjar.thresholds import KV_CHUNK, KV_OVERHEAD_BYTES

_TRIED_S = 60


class Store:
    """Writes, checks and removes lists, and moves the pointer. Every method raises NightjarError if the store fails.

    A single server gets one command for many keys. On a cluster the keys of a command must lie in one slot: there each
    key has a command of its own, and many of them go in one pipeline. Keys are given and returned without the prefix.
    """

    def __init__(self, settings: Settings) -> None:
        self.prefix = settings.kv_prefix
        self._url = settings.kv_url
        self._begin = self.prefix.encode()
        self._client = connect(self._url, self.prefix)
        self._cluster = isinstance(self._client, redis.RedisCluster)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def current(self) -> str:
        """The version that the pointer names, "" without a pointer, NO_VERSION for one that cannot be a version."""
        with self._explained():
            try:
                named = (self._client.get(self._key(POINTER)) or b"").decode(errors="replace")
            except redis.ResponseError as error:
                if not str(error).startswith("WRONGTYPE"):
                    raise
                return NO_VERSION
        return named if not named or is_version(named) else NO_VERSION

    def move(self, expected: str, version: str) -> bool:
        """Point at `version` if the pointer is still `expected`, as `current` says it, in one step; says whether it
        was."""
        with self._explained():
            return bool(self._client.eval(scripts.MOVE, 1, self._key(POINTER), expected, version))

    def mark(self) -> str:
        """Whose lists these are, as `claim` has it; "" where nobody has said it."""
        with self._explained():
            return (self._client.get(self._key(OWNER)) or b"").decode(errors="replace")

    def claim(self, mark: str) -> str:
        """Have the store say that its lists are those of `mark`, unless it says already whose they are; what it says
        then, in one step."""
        with self._explained():
            return self._client.eval(scripts.CLAIM, 1, self._key(OWNER), mark).decode(errors="replace")

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

    def nodes(self) -> list[dict]:
        """Of each server that can be written: `server`, `version`, `role`, `policy`, `maxmemory`, `used` (bytes) and
        whether it `appends` what it is given to a file."""
        with self._explained():
            return [_described(info) for info in self._infos()]

    def try_key(self) -> None:
        """Do with a key of our own all that is ever done. Raises NightjarError if any of it is refused; then the key is
        gone within a minute."""
        key, body = f"doctor-{secrets.token_hex(8)}", b"doctor"
        with self._explained():
            self._client.set(self._key(key), body, ex=_TRIED_S)
            self._client.scan(match=self._key(key), count=1)
            self.write([(key, body)])
            self._client.set(self._key(key), body, ex=_TRIED_S)
        came = self.read([key])
        right = came == [body] and self.count([key]) == 1 and not self.wrong([(key, len(body))])
        right = right and self.swap([(key, body, b"")]) == [True]
        self.remove([key])
        if not right:
            raise NightjarError(f"the key-value store gave {came!r} for what was just written", "Do not use it")

    def write(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Set keys, in any number."""

        def whole(chunk: list[tuple[str, bytes]]) -> list[bytes]:
            return [b"MSET", *(part for key, body in chunk for part in (self._key(key), body))]

        for _ in self._answers(items, whole, lambda pipe, item: pipe.set(self._key(item[0]), item[1])):
            pass

    def wrong(self, expected: Iterable[tuple[str, int]]) -> list[int]:
        """The places, from 0, of those keys whose values have not the bytes that they must; a missing one has none."""

        def whole(chunk: list[tuple[str, int]]) -> list[bytes]:
            keys, sizes = zip(*chunk, strict=True)
            packed = struct.pack(f"<{len(sizes)}I", *sizes)
            return [b"EVAL", scripts.AS_LONG, b"%d" % len(keys), *map(self._key, keys), packed]

        found: list[int] = []
        done = 0
        for chunk, answer in self._answers(expected, whole, lambda pipe, item: pipe.strlen(self._key(item[0]))):
            if isinstance(answer, list):
                right = [length == size for (_, size), length in zip(chunk, answer, strict=True)]
            else:
                right = [each == ord("1") for each in answer]
            if not all(right):
                found += [done + at for at, holds in enumerate(right) if not holds]
            done += len(chunk)
        return found

    def read(self, keys: Iterable[str]) -> list[bytes | None]:
        """What is under each key."""
        return [body for answer in self._many("MGET", "GET", keys) for body in answer]

    def holding(self, keys: list[str], parts: Collection[bytes]) -> list[str]:
        """Those of the keys whose values have any of some bytes in them."""

        def whole(chunk: list[str]) -> list[bytes]:
            return [b"EVAL", scripts.HOLDING, b"%d" % len(chunk), *map(self._key, chunk), *parts]

        def each(pipe, key: str):
            # `eval` is not for a cluster's pipes
            return pipe.execute_command("EVAL", scripts.HOLDING, 1, self._key(key), *parts)

        answers = self._answers(keys, whole, each)
        found: list[str] = []
        for chunk, answer in answers:
            if self._cluster:  # an answer for each key
                found += [key for key, places in zip(chunk, answer, strict=True) if places]
            else:
                found += [chunk[at] for at in answer]
        return found

    def count(self, keys: Iterable[str]) -> int:
        """How many of the keys are there."""
        answers = self._many("EXISTS", "EXISTS", keys)
        return sum(sum(answer) if isinstance(answer, list) else answer for answer in answers)

    def remove(self, keys: Iterable[str]) -> int:
        """Unlink keys; returns how many there were."""
        answers = self._many("UNLINK", "UNLINK", keys)
        return sum(sum(answer) if isinstance(answer, list) else answer for answer in answers)

    def swap(self, changes: Iterable[tuple[str, bytes, bytes]]) -> list[bool]:
        """For each (key, before, after), if `before` is still there put `after` in its place, or nothing where that is
        empty; each in one step. Says of each whether it was."""
        with self._explained():
            answers = self._pipelines(
                _chunks(changes),
                lambda pipe, change: pipe.execute_command("EVAL", scripts.SWAP, 1, self._key(change[0]), *change[1:]),
            )
            return [bool(answer) for _, chunk in answers for answer in chunk]

    def chunks(self) -> Iterator[list[str]]:
        """All keys below the prefix but the pointer and the mark. Those that come or go meanwhile may be missed."""
        with self._explained():
            left = self._client.scan_iter(match=f"{self.prefix}*", count=KV_CHUNK)
            while chunk := list(islice(left, KV_CHUNK)):
                yield [name for name in self._names(chunk) if name not in (POINTER, OWNER)]

    def of_other_versions(self, known: Collection[str]) -> Iterator[list[str]]:
        """Our keys of all versions but the known ones: the server leaves those out. Keys that come or go meanwhile may
        be missed."""
        with self._explained():
            for where in [{"target_nodes": node} for node in self._client.get_primaries()] if self._cluster else [{}]:
                cursor = None
                while cursor != 0:
                    page = (cursor or 0, self._begin, KV_CHUNK, *sorted(known))
                    answer = self._client.execute_command("EVAL", scripts.OTHER_VERSIONS, 0, *page, **where)
                    cursor, found = int(answer[0]), answer[1]
                    if found:
                        yield self._names(found)

    def _names(self, keys: Iterable[bytes]) -> list[str]:
        return [key[len(self._begin) :].decode(errors="replace") for key in keys]

    def _key(self, name: str) -> bytes:
        return self._begin + name.encode()

    def _explained(self):
        return explained(self._url, self.prefix)

    def _many(self, command: str, of_one: str, keys: Iterable[str]) -> Iterator[Any]:
        """The answers to a command that takes any number of keys; on a cluster lists of those to `of_one`, its like for
        one key."""
        answers = self._answers(
            keys,
            lambda chunk: [command.encode(), *map(self._key, chunk)],
            lambda pipe, key: pipe.execute_command(of_one, self._key(key)),
        )
        return (answer for _, answer in answers)

    def _answers(
        self, items: Iterable, whole: Callable[[list], list[bytes]], each: Callable
    ) -> Iterator[tuple[list, Any]]:
        """Each chunk of items with the answer to its one command, or on a cluster with a list of answers, one an item.
        Raises if any single one failed."""
        chunks = _chunks(items)
        with self._explained():
            yield from self._pipelines(chunks, each) if self._cluster else self._commands(chunks, whole)

    def _pipelines(self, chunks: Iterator[list], each: Callable) -> Iterator[tuple[list, list]]:
        for chunk in chunks:
            pipe = self._client.pipeline(transaction=False)
            for item in chunk:
                each(pipe, item)
            yield chunk, pipe.execute()

    def _commands(self, chunks: Iterator[list], whole: Callable[[list], list[bytes]]) -> Iterator[tuple[list, Any]]:
        """Sends a command while the server works on the one before, and packs it itself: redis-py needs three times as
        long for it as the server for its work."""
        connection = self._client.connection_pool.get_connection()
        waiting: deque[list] = deque()
        try:
            for chunk in chunks:
                connection.send_packed_command([_packed(whole(chunk))])
                waiting.append(chunk)
                if len(waiting) > 1:
                    yield waiting.popleft(), connection.read_response()
            while waiting:
                yield waiting.popleft(), connection.read_response()
        finally:
            if waiting:  # whoever has the connection next must not read these answers
                connection.disconnect()
            self._client.connection_pool.release(connection)

    def _memory(self) -> list[dict]:
        with self._explained():
            return self._infos("memory")

    def _infos(self, *section: str) -> list[dict]:
        if not self._cluster:
            return [self._client.info(*section)]
        return [self._client.info(*section, target_nodes=node) for node in self._client.get_primaries()]


def _described(info: dict) -> dict:
    server = str(info.get("server_name", "redis"))
    return {
        "server": server,
        "version": str(info.get(f"{server}_version") or info["redis_version"]),
        "role": info["role"],
        "policy": str(info["maxmemory_policy"]),
        "maxmemory": int(info["maxmemory"]),
        "used": int(info["used_memory"]),
        "appends": bool(info.get("aof_enabled")),
    }


def _packed(command: list[bytes]) -> bytes:
    """A command as Redis's protocol has it."""
    return b"*%d\r\n%b" % (len(command), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command]))


def _chunks(items: Iterable) -> Iterator[list]:
    left = iter(items)
    return iter(lambda: list(islice(left, KV_CHUNK)), [])
