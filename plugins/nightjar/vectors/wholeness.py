"""Whether Milvus answered from all of its vectors.

A query node that joins a cluster answers for seconds without what it has not taken over yet, and gives no error: lists
are short or have farther songs on them, counts are too small. No answer shows it. What does is that the nodes which
answer have changed, and that counts differ, as they come from one replica or the other. So after each answer
it is asked which nodes answer. As long as they are new to this process, and were not seen to agree for longer than a
joining takes, an answer counts only if the counts after it agree. Whoever does not know how many vectors there must be
besides waits until the nodes that answer are older than a joining takes.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from nightjar.thresholds import MILVUS_JOIN_S, MILVUS_SAMPLES
from nightjar.vectors.connection import Connection


@dataclass
class _State:
    """Of a collection: who answers, since when all of them agree, and at least how many vectors there are."""

    leaders: tuple
    since: float
    rows: int = 0


class Wholeness:
    """What one connection has seen of its collections."""

    def __init__(self, milvus: Connection) -> None:
        self._milvus = milvus
        self._states: dict[str, _State] = {}

    def written(self, name: str) -> None:
        """This process changes the collection: how many vectors there were says nothing any more."""
        if name in self._states:
            self._states[name].rows = 0

    def holds(self, name: str) -> bool:
        """Whether the answer that was given just now is whole. Raises NightjarError if Milvus fails."""
        leaders = self._milvus.leaders(name)
        if leaders is None:
            return True
        state = self._states.get(name)
        if state is None or state.leaders != leaders:
            self._states[name] = _State(leaders, time.monotonic(), state.rows if state else 0)
            if state:
                return False  # one of the old ones may have given the answer, or one of the new
            state = self._states[name]
        if time.monotonic() - state.since > MILVUS_JOIN_S:
            state.rows = state.rows or self._count(name)
            return True
        if not state.rows and self._has_just_started(leaders):
            return False
        samples = 1 if len(leaders) == 1 else MILVUS_SAMPLES
        with ThreadPoolExecutor(samples) as threads:  # one after the other would all go to the node that is quicker
            counts = set(threads.map(self._count, repeat(name, samples)))
        if len(counts) > 1:
            state.since = time.monotonic()
        if len(counts) > 1 or min(counts) < state.rows:
            return False
        state.rows = min(counts)
        return True

    def _has_just_started(self, leaders: tuple) -> bool:
        """Whether one of the nodes that answer may be joining, whatever the counts are."""
        ages = self._milvus.ages()
        return any(ages.get(leader[-1], MILVUS_JOIN_S) < MILVUS_JOIN_S for leader in leaders)

    def _count(self, name: str) -> int:
        """Without waiting for the last writes: other nodes than those of searches do not answer it."""
        ask = {"filter": "", "output_fields": ["count(*)"], "consistency_level": "Eventually"}
        return int(self._milvus.call(self._milvus.client.query, name, **ask)[0]["count(*)"])
