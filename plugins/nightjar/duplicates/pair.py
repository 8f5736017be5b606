"""Two songs of the lake and what they are to each other: as the sweep left it, or compared on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightjar import schemas
from nightjar.duplicates.library import prints_at_speeds
from nightjar.duplicates.links import Song
from nightjar.duplicates.verdict import Comparison, Prints, compare, same_file
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition

_COLUMNS = [name for name in schemas.TABLES["duplicate_pairs"].names if name not in ("a", "b")]
_SPAN = ("a_s", "b_s", "seconds", "similarity")
_DIGITS = 4  # the lake keeps float32: 0.97 comes back as 0.9700000286


@dataclass(frozen=True)
class Upload:
    """A song with what tells it from others."""

    song: Song
    title: str | None
    uploader: str | None
    sha256: str
    prints: Prints

    @property
    def track_id(self) -> str:
        return self.song.track_id

    @property
    def day(self) -> str:
        return self.song.day


@dataclass(frozen=True)
class Pair:
    """Two songs, `a` the one of the earlier prefix; which came first, `Song.age` tells. `found` has the columns of
    duplicate_pairs that follow the ids."""

    a: Upload
    b: Upload
    found: dict[str, Any]
    in_sweep: bool
    """Whether `found` is a row of the sweep. Otherwise the two were compared now."""
    swept: bool
    """Whether the day that the pair would belong to has been swept at all."""

    @property
    def day(self) -> str:
        """The later of the two days, to which the pair belongs."""
        return max(self.a.day, self.b.day)

    @property
    def decided_by(self) -> frozenset[str]:
        return frozenset(filter(None, map(str.strip, self.found["decided_by"].split(","))))


def upload(lake: Lake, model: str, track_id: str, day: str) -> Upload:
    """A song of a day. Raises PartitionMissing where the day has not come to its prints, NightjarError without one."""
    known = {name: it for batch in prints_at_speeds(lake, model, day, [track_id], 1) for name, it in batch.items()}
    columns = ["track_id", "title", "uploader", "sha256", "duration_s", "uploaded_at"]
    rows = lake.read(Partition("tracks", day), columns)
    row = next((row for row in rows.to_pylist() if row["track_id"] == track_id), None)
    if row is None or track_id not in known:
        raise NightjarError(
            f"track {track_id!r} of {day} has no fingerprints by the model {model}", f"See nightjar status {day}"
        )
    uploaded_us = round(row["uploaded_at"].timestamp() * 1e6)
    song = Song(day, uploaded_us, track_id, row["duration_s"])
    return Upload(song, row["title"], row["uploader"], row["sha256"], known[track_id])


def between(lake: Lake, model: str, one: Upload, other: Upload) -> Pair:
    """What two songs are to each other: the sweep's row if it has one, else what comparing them gives now."""
    a, b = sorted((one, other), key=lambda each: each.song)
    day = max(a.day, b.day)
    swept = [each for each in lake.days("duplicate_pairs", model=model) if each >= day]
    row = next(filter(None, (_row(lake, model, each, a, b) for each in reversed(swept))), None)
    if row is not None:
        return Pair(a, b, _found(row), in_sweep=True, swept=True)
    return Pair(a, b, _found(vars(_compared(a, b))), in_sweep=False, swept=day in swept)


def _row(lake: Lake, model: str, day: str, a: Upload, b: Upload) -> dict[str, Any] | None:
    rows = lake.read(Partition("duplicate_pairs", day, model))
    both = pa.array([a.track_id, b.track_id])
    found = rows.filter(pc.and_(pc.is_in(rows["a"], both), pc.is_in(rows["b"], both)))
    return found.to_pylist()[0] if found.num_rows else None


def _compared(a: Upload, b: Upload) -> Comparison:
    return same_file(a.prints, a.song.seconds) if a.sha256 == b.sha256 else compare(a.prints, b.prints)


def _found(given: dict[str, Any]) -> dict[str, Any]:
    found = {name: _rounded(given[name]) for name in _COLUMNS}
    return found | {"spans": [_span(each) for each in found["spans"]]}


def _span(given: Any) -> dict[str, float]:
    values = given if isinstance(given, dict) else {name: getattr(given, name) for name in _SPAN}
    return {name: _rounded(values[name]) for name in _SPAN}


def _rounded(value: Any) -> Any:
    return round(float(value), _DIGITS) + 0.0 if isinstance(value, float) else value  # + 0.0: no -0.0
