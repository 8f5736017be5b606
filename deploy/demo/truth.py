"""What is known about a catalogue: its uploads and, for the composed one, which pairs and rejects must be found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
"""The days of the demo, in order, unless others are asked for."""

TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class Upload:
    """One file that a user uploaded. `style` is what a taste is for; `seconds` is 0 where the length is not known."""

    track_id: str
    day: str
    extension: str
    uploader: str
    title: str | None = None
    artist: str | None = None
    style: str = ""
    seconds: float = 0.0
    name: str = ""
    """What a person calls it: the song's name in the composed catalogue, the file's own name in a folder."""

    @property
    def key(self) -> str:
        """Its object key, and its path within the catalogue's directory."""
        return f"uploads/dt={self.day}/{self.track_id}.{self.extension}"

    @property
    def metadata(self) -> dict[str, str]:
        """What the app says of it, as text; `nightjar.ingest.metadata.encode` makes object metadata of it."""
        named = {"user-id": self.uploader, "title": self.title, "artist": self.artist}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Pair:
    """Two uploads that are not distinct; `a` is the older. `verdict` is duplicate, fragment or cover."""

    a: str
    b: str
    verdict: str


@dataclass(frozen=True)
class Truth:
    """A catalogue. `known` says whether `pairs` and `rejects` are complete or, for a folder of music, just empty.

    `pairs` holds all pairs that are not distinct, sorted. `rejects` gives the reason code of each bad upload.
    """

    days: tuple[str, ...]
    uploads: tuple[Upload, ...]
    known: bool
    pairs: tuple[Pair, ...] = ()
    rejects: tuple[tuple[str, str], ...] = ()

    @property
    def accepted(self) -> tuple[Upload, ...]:
        """The uploads that are songs."""
        bad = {track_id for track_id, _ in self.rejects}
        return tuple(upload for upload in self.uploads if upload.track_id not in bad)

    @property
    def canonical(self) -> dict[str, str]:
        """Canonical track of every song that has a duplicate or a fragment, itself included. Covers stay apart."""
        groups: dict[str, str] = {}
        for pair in sorted(self.pairs, key=lambda pair: self._age(pair.a)):
            if pair.verdict != "cover":
                first = groups.setdefault(pair.a, pair.a)
                groups.setdefault(pair.b, first)
        return dict(sorted(groups.items()))

    def _age(self, track_id: str) -> tuple[str, str]:
        return next((upload.day, upload.track_id) for upload in self.uploads if upload.track_id == track_id)

    def write(self, directory: Path) -> None:
        """Write `truth.json` into `directory`."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True)
        (directory / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Truth:
        """The catalogue that was written into `directory`."""
        found = json.loads((directory / TRUTH_FILE).read_text(encoding="utf-8"))
        return cls(
            tuple(found["days"]),
            tuple(Upload(**upload) for upload in found["uploads"]),
            found["known"],
            tuple(Pair(**pair) for pair in found["pairs"]),
            tuple((track_id, reason) for track_id, reason in found["rejects"]),
        )
