"""Fifty invented listeners: each likes one or two styles and plays, skips and likes songs accordingly."""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from deploy.demo.truth import Truth, Upload
from nightjar import schemas

LISTENERS = 50
THIN = 8
"""So many of the listeners play one song a day at most."""
UNKNOWN_TRACKS = ("deleted-001", "deleted-002")
"""Tracks in the listens that were never uploaded."""
UNKNOWN_LENGTH_S = 180.0
"""What a song is taken to last where its length is not known."""
UNDISCOVERED = 0.35
"""Share of songs that a listener never comes across, so that something is left to be recommended."""
OUTSIDE_TASTE = 0.12
"""Share of plays that are outside a listener's taste; most of those are skipped."""


@dataclass(frozen=True)
class Listener:
    """A user and the styles that they like, the favourite first; `a_day` is how many songs they play at most."""

    user_id: str
    tastes: tuple[str, ...]
    a_day: int


def listeners(truth: Truth) -> list[Listener]:
    """The users of a catalogue: `user-01` to `user-50`, tastes spread evenly over the styles, some of them thin.

    Users of the catalogue's uploads that are among these ids listen too.
    """
    styles = sorted({upload.style for upload in truth.accepted})
    people = []
    for number in range(1, LISTENERS + 1):
        rng = np.random.default_rng([50, number])
        favourite = styles[number % len(styles)]
        others = [style for style in styles if style != favourite]
        second = [str(rng.choice(others))] if others and number % 3 == 0 else []
        a_day = 1 if number > LISTENERS - THIN else int(rng.integers(3, 6))
        people.append(Listener(f"user-{number:02d}", (favourite, *second), a_day))
    return people


def write_listens(directory: Path, truth: Truth) -> list[Path]:
    """Write `listens/dt=D/listens.parquet` (schema `nightjar.schemas.LISTENS`) for each day; the same bytes every time.

    The listens of a day are of songs uploaded by then, and a few of tracks that nobody uploaded.
    """
    people = listeners(truth)
    paths = []
    for day in truth.days:
        known = [upload for upload in truth.accepted if upload.day <= day]
        rows = [row for person in people for row in _day_of(person, day, known)]
        rows += _of_unknown(people[:: LISTENERS // 3], day)
        path = directory / f"listens/dt={day}/listens.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(schemas.table("listens", rows), path, compression="zstd", store_schema=False)
        paths.append(path)
    return paths


def _day_of(person: Listener, day: str, known: Sequence[Upload]) -> list[dict]:
    """What one person plays on one day, in order: songs drawn by taste and popularity, favourites more than once."""
    rng = np.random.default_rng(zlib.crc32(f"{person.user_id} {day}".encode()))
    met = [upload for upload in known if _chance(person.user_id, upload.track_id) >= UNDISCOVERED]
    weights = np.array([0.5 + _chance("popularity", upload.track_id) for upload in met])
    liked = np.array([upload.style in person.tastes for upload in met], dtype=bool)
    at = dt.datetime.fromisoformat(f"{day}T07:00:00+00:00") + dt.timedelta(seconds=int(rng.integers(0, 12 * 3600)))
    rows = []
    for _ in range(int(rng.integers(0, person.a_day + 1))):
        fits = rng.random() >= OUTSIDE_TASTE
        shares = weights * (liked == fits)
        if not shares.any():
            continue
        upload = met[int(rng.choice(len(met), p=shares / shares.sum()))]
        skipped = rng.random() < (0.10 if fits else 0.75)
        played = (upload.seconds or UNKNOWN_LENGTH_S) * (rng.uniform(0.05, 0.3) if skipped else rng.uniform(0.75, 1.0))
        rows.append(_row(person.user_id, upload.track_id, at, played, "skip" if skipped else "play"))
        at += dt.timedelta(seconds=int(played) + int(rng.integers(3, 90)))
        if not skipped and rng.random() < 0.3:
            rows.append(_row(person.user_id, upload.track_id, at, 0.0, "like"))
    return rows


def _chance(*names: str) -> float:
    """A number in [0, 1) that belongs to these names."""
    return hashlib.sha256("/".join(names).encode()).digest()[0] / 256


def _of_unknown(people: Sequence[Listener], day: str) -> list[dict]:
    """Listens of tracks that the app has deleted, or that were never delivered."""
    at = dt.datetime.fromisoformat(f"{day}T21:30:00+00:00")
    return [
        _row(person.user_id, track_id, at + dt.timedelta(minutes=number), 11.0, "play")
        for number, (person, track_id) in enumerate(zip(people, UNKNOWN_TRACKS, strict=False))
    ]


def _row(user_id: str, track_id: str, at: dt.datetime, played_s: float, kind: str) -> dict:
    return {
        "user_id": user_id,
        "track_id": track_id,
        "listened_at": at,
        "played_s": round(float(played_s), 1),
        "kind": kind,
    }
