"""Songs and the pairs of them that are not distinct, as grouping sees them. Arithmetic only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightjar.thresholds import MAX_DIFFERENT, WHOLE_SHARE

Places = tuple[tuple[float, float], ...]
"""Where something lies in a song: from which second to which, as many times as there are."""


@dataclass(frozen=True, order=True)
class Song:
    """Songs in the order in which they are compared, the later one asking: by the day of their prefix.

    How old a song is, is told by `age`: a prefix is what its writer says, the time is what the store says.
    """

    day: str
    uploaded_us: int
    """When it was uploaded, in microseconds since 1970, as the store gives it."""
    track_id: str
    seconds: float = 0.0

    @property
    def age(self) -> tuple[int, str]:
        """Who came first: the one of the earlier upload, and of one moment by id."""
        return self.uploaded_us, self.track_id

    @property
    def date(self) -> int:
        """The day of the upload, in UTC, since 1970."""
        return self.uploaded_us // 86_400_000_000


@dataclass(frozen=True)
class Link:
    """A pair that is not distinct."""

    a: str
    b: str
    verdict: str
    score: float
    share: float = 1.0
    """Of the shorter song that the two have in common: a mash of two songs belongs to neither."""
    spans: tuple[tuple[float, float, float], ...] = ()
    """Where they agree, the best first: from which second of a and of b on, and for how many seconds of a."""
    speed: float = 1.0
    """How much faster b runs."""
    different: float = 0.0
    """Of the shorter song, what has something else at the same place in the other."""
    sound_s: tuple[float | None, float | None] = (None, None)
    """Seconds of a and of b that are not silence, if that is known."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Link:
        """From a row of duplicate_pairs."""
        spans = tuple((span["a_s"], span["b_s"], span["seconds"]) for span in row["spans"])
        sound_s, different = (row["a_sound_s"], row["b_sound_s"]), row["different"] or 0.0
        return cls(
            row["a"], row["b"], row["verdict"], row["score"], row["share"], spans, row["speed"], different, sound_s
        )

    @property
    def pair(self) -> frozenset[str]:
        return frozenset((self.a, self.b))

    @property
    def whole(self) -> bool:
        """Whether they have the shorter one in common as a whole, and do not just begin or end alike."""
        return self.share >= WHOLE_SHARE and self.different <= MAX_DIFFERENT

    def other(self, song: str) -> str:
        return self.b if song == self.a else self.a

    def places(self, song: str) -> Places:
        """Where one of the two songs agrees with the other."""
        if song == self.a:
            return tuple((a_s, a_s + seconds) for a_s, _, seconds in self.spans)
        return tuple((b_s, b_s + seconds / self.speed) for _, b_s, seconds in self.spans)

    def offset(self, song: str) -> float:
        """Second of the other song at which `song` begins, or would begin, by the best span."""
        a_s, b_s, _ = self.spans[0]
        return b_s - a_s / self.speed if song == self.a else a_s - b_s * self.speed


def overlap(one: Places, other: Places) -> float:
    """Seconds that two lots of places have in common."""
    return sum(max(0.0, min(end, stop) - max(start, begin)) for start, end in one for begin, stop in other)


def extent(places: Places) -> float:
    """Seconds that some places cover together; where they overlap, once."""
    covered, upto = 0.0, float("-inf")
    for start, end in sorted(places):
        covered += max(0.0, end - max(start, upto))
        upto = max(upto, end)
    return covered
