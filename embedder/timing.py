"""Where the time goes, for the log and the benchmark; it gets into no table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Seconds:
    """Wall seconds by stage, in the order in which the stages first came."""

    by_stage: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what happens within to `stage`."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._count(stage, time.perf_counter() - begun)

    def add(self, other: Seconds) -> None:
        """Count all of `other` too."""
        for stage, seconds in other.by_stage.items():
            self._count(stage, seconds)

    def _count(self, stage: str, seconds: float) -> None:
        self.by_stage[stage] = self.by_stage.get(stage, 0.0) + seconds

    def __str__(self) -> str:
        return " ".join(f"{stage}={seconds:.1f}" for stage, seconds in self.by_stage.items())
