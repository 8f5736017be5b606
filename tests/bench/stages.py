"""Seconds that a sweep spends in each of its stages. The real code runs; its functions are wrapped by clocks.

Both kinds of seconds are told: those on the wall, and the processor's, which do not change where the machine has
something else to do.
"""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from unittest import mock

import numpy as np

from nightjar.duplicates import index, proposals, steps
from nightjar.duplicates.steps import sweep_duplicates
from nightjar.duplicates.verdict import Prints, compare
from nightjar.settings import Settings

_STAGES = (
    (steps, "_library", "songs of the library (tracks, rejects)"),
    (proposals, "_write_keys", "keys of the new songs"),
    (proposals.Proposals, "_by_vector_and_bytes", "equal bytes"),
    (index.Index, "__init__", "index of the new songs"),
    (proposals.Proposals, "_by_print", "meeting the library's keys"),
    (proposals.Proposals, "_keys", "  of it reading them, all threads"),
    (index.Index, "meet", "  of it looking them up, all threads"),
    (steps, "prints", "prints of the library's candidates"),
    (steps, "_compared", "verdicts"),
    (steps, "_settle", "what the groups leave open"),
    (steps, "_write", "groups"),
)
_NEW_PRINTS = "prints of the new songs"
_REST = "all else; the processor's: reading threads too"


class _Clock:
    """(wall, processor) seconds by stage; what a stage calls of another one on the same thread is the other's."""

    def __init__(self) -> None:
        self.seconds: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
        self._lock, self._own = threading.Lock(), threading.local()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        within = self._own.__dict__.setdefault("within", [])
        within.append(np.zeros(2))
        begun = _now()
        try:
            yield
        finally:
            spent = _now() - begun
            with self._lock:
                self.seconds[name] += spent - within.pop()
            if within:
                within[-1] = within[-1] + spent

    def timed(self, function: Callable, name: str) -> Callable:
        def run(*arguments: object, **named: object) -> object:
            with self.stage(name):
                found = function(*arguments, **named)
                return list(found) if isinstance(found, Iterator) else found

        return run

    def each(self, function: Callable[..., Iterable], name: str) -> Callable[..., Iterator]:
        """For a generator whose items are large: every step of it is timed."""

        def run(*arguments: object) -> Iterator:
            items = iter(function(*arguments))
            while True:
                with self.stage(name):
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                yield item

        return run


def _now() -> np.ndarray:
    return np.array([time.perf_counter(), time.thread_time()])


def measured(settings: Settings, day: str) -> dict:
    """Sweep a day, without what vectors propose: {"seconds", "stages", "summary", "peak_mb"}.

    Seconds are [wall, processor], as are those of each stage.
    """
    clock = _Clock()
    _compile()
    with contextlib.ExitStack() as patches:
        for place, name, stage in _STAGES:
            patches.enter_context(mock.patch.object(place, name, clock.timed(getattr(place, name), stage)))
        of_new = clock.each(proposals.prints_at_speeds, _NEW_PRINTS)
        patches.enter_context(mock.patch.object(proposals, "prints_at_speeds", of_new))
        patches.enter_context(mock.patch.object(proposals, "VectorStore", contextlib.nullcontext))
        patches.enter_context(mock.patch.object(proposals.candidates, "find", return_value=set()))
        begun = np.array([time.perf_counter(), time.process_time()])
        summary = sweep_duplicates(settings, day)
        seconds = np.array([time.perf_counter(), time.process_time()]) - begun
    order = [stage for _, _, stage in _STAGES]
    order.insert(order.index("prints of the library's candidates"), _NEW_PRINTS)
    stages = {stage: clock.seconds[stage] for stage in order}
    threads = sum(spent for stage, spent in stages.items() if stage.startswith(" "))
    rest = seconds - sum(spent for stage, spent in stages.items() if not stage.startswith(" "))
    stages[_REST] = rest - np.array([0.0, threads[1]])  # their wall is the stage's that waits for them
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {stage: spent.tolist() for stage, spent in stages.items()}
    return {"seconds": seconds.tolist(), "stages": told, "summary": summary, "peak_mb": peak_mb}


def _compile() -> None:
    """Have numba's functions in memory: compiling them takes many seconds once a machine, reading them one."""
    words = np.arange(300, dtype=np.uint32) * np.uint32(2654435761)
    words.flags.writeable = False  # as what Arrow gives: numba compiles for it apart
    compare(Prints(words, words, words, 0.0), Prints(words, words ^ np.uint32(1), words, 0.0))
    index.Index([[words]]).meet(*index.keys_of(words), np.array([0, 1], np.int64))
