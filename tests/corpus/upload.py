"""One upload of the corpus: its name, its bytes, and what may truly be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SONG = "song"
LEFT_OUT = "left out"
"""What file managers leave behind is counted and is no upload."""

IS_SONG = frozenset({SONG})
CUT = frozenset({SONG, "unreadable", "too_short"})
"""Of a whole file a part is left, or a part of its bytes is wrong: what can be read counts."""
HEADERLESS = CUT | {"not_audio"}
"""So little is left that it shows no format."""
ANYTHING = HEADERLESS | {
    *("silent", "too_long", "too_costly", "bad_sample_rate", "too_many_channels"),
    *("unsupported_format", "unsupported_codec"),
}
"""Bytes that say how the file is to be read are wrong: it is a file of another kind, as it says itself."""


@dataclass(frozen=True)
class Upload:
    """`name` follows the day's prefix in the key; `truths` are SONG, LEFT_OUT and reasons of rejects."""

    name: str
    body: bytes = field(repr=False)
    truths: frozenset[str] = IS_SONG
    says: str = ""
    """What the sentence of a reject has in it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    """The title that a song has in the end."""
    at_most_s: float = float("inf")
    """A song lasts no longer: there are no more bytes of it."""

    @property
    def label(self) -> str:
        """The name without its ending."""
        return self.name.rpartition(".")[0] or self.name


def only(*reasons: str) -> frozenset[str]:
    """One of these reasons, and no song."""
    return frozenset(reasons)
