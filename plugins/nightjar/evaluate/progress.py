"""How far a long evaluation is: lines on stderr, and the seconds of each stage."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY_S = 5.0
_SONG_DONE = re.compile(r"song \d+/\d+ ")
"""How the embedder's line on a song that it is done with begins."""


class Progress:
    """Stages one after the other, each of so many songs or other things. Safe to share between threads."""

    def __init__(self, things: str = "songs") -> None:
        self._things = things
        self.seconds: dict[str, float] = {}
        """How long each stage took."""
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str, count: int) -> Iterator[None]:
        """What runs within is the stage `name`."""
        self._name, self._count, self._done = name, count, 0
        self._begun = self._spoken = time.monotonic()
        print(f"{name}: {count} {self._things}", file=sys.stderr, flush=True)
        yield
        self.seconds[name] = round(time.monotonic() - self._begun, 2)
        print(f"{name}: done in {self.seconds[name]:.1f} s", file=sys.stderr, flush=True)

    def add(self, count: int = 1) -> None:
        """So many more of the stage are done."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._spoken >= _EVERY_S:
                self._spoken = now
                spent = now - self._begun
                left = spent / self._done * (self._count - self._done)
                told = f"{self._name}: {self._done} of {self._count} {self._things}"
                print(f"{told}, {spent:.0f} s, about {left:.0f} s to go", file=sys.stderr, flush=True)

    @contextmanager
    def of_embedder(self) -> Iterator[None]:
        """Within, every song that the log of the embedder's processes tells of is added."""
        log = logging.getLogger("nightjar.embed")
        counter, level = _Counter(self), log.level
        log.addHandler(counter)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.removeHandler(counter)
            log.setLevel(level)


class _Counter(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        if _SONG_DONE.match(record.getMessage()):
            self._progress.add()
