"""A version's lists as bytes, in a temporary file: in memory are only the users and where each list ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from nightjar.publish.packed import Packed
from nightjar.thresholds import KV_SAMPLE

_BUFFER_BYTES = 2**20


class Spool:
    """Lists are added, and then read by their places, from 0, as often as one likes. A context: the file is gone at its
    end, and with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="nightjar-lists-", buffering=_BUFFER_BYTES)  # noqa: SIM115
        self._ends: list[np.ndarray] = [np.zeros(1, np.int64)]
        self._bytes = 0
        self.users: list[str] = []

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *raised) -> None:
        self._file.close()

    def add(self, lists: Packed) -> None:
        """Append lists."""
        self._file.write(lists.body)
        self._ends.append(self._bytes + lists.ends)
        self._bytes += len(lists.body)
        self.users += lists.users

    def sizes(self) -> list[int]:
        """The bytes of each list."""
        return np.diff(np.concatenate(self._ends)).tolist()

    def sample(self) -> range:
        """The places of an even sample of the lists: KV_SAMPLE of them, and at most twice as many."""
        return range(0, len(self.users), max(1, len(self.users) // KV_SAMPLE))

    def bodies(self, places: Iterable[int]) -> Iterator[tuple[str, bytes]]:
        """The users and lists of those places, quickest in order."""
        ends = np.concatenate(self._ends).tolist()
        at = self._file.seek(0)
        for place in places:
            begin, end = ends[place], ends[place + 1]
            if begin != at:
                self._file.seek(begin)
            yield self.users[place], self._file.read(end - begin)
            at = end
