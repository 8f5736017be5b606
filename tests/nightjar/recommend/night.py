"""A small made-up night in the real lake and the real Milvus: four styles, listeners with a taste, vectors to match."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.recommend import steps
from nightjar.recommend.similar import find_similar
from nightjar.settings import Settings
from nightjar.vectors.store import VectorStore

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]
STYLES = 4
SONGS_PER_DAY = 20
DIMENSION = 16


def songs(day: str) -> list[str]:
    """The day's track ids; the style of `s21-07` is 7 % STYLES."""
    return [f"s{day[-2:]}-{number:02d}" for number in range(SONGS_PER_DAY)]


def style(track_id: str) -> int:
    return int(track_id[-2:]) % STYLES


def uploader(track_id: str) -> str:
    return f"up{int(track_id[-2:]) % 7}"


def vector(track_id: str) -> np.ndarray:
    """Near its style's axis: cosines are about .9 within a style and about 0 between two."""
    seed = int(track_id[1:3]) * 100 + int(track_id[-2:])
    made = 0.25 * np.random.default_rng(seed).standard_normal(DIMENSION) / np.sqrt(DIMENSION) * 1.5
    made[style(track_id)] += 1
    return (made / np.linalg.norm(made)).astype(np.float32)


def tracks(day: str, ids: list[str], seconds: dict[str, float] | None = None) -> pa.Table:
    uploaded = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return schemas.table(
        "tracks",
        [
            {
                "track_id": each,
                "day": day,
                "key": f"uploads/dt={day}/{each}.wav",
                "sha256": each,
                "size_bytes": 1,
                "uploader": uploader(each),
                "title": each,
                "artist": None,
                "codec": "pcm_s16le",
                "sample_rate": 44100,
                "channels": 2,
                "duration_s": (seconds or {}).get(each, 100.0),
                "loudness_lufs": -14.0,
                "uploaded_at": uploaded,
            }
            for each in ids
        ],
    )


def listen(user: str, track_id: str, day: str, played_s: float = 100.0, kind: str = "play") -> dict:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=20)
    return {"user_id": user, "track_id": track_id, "listened_at": at, "played_s": played_s, "kind": kind}


def listens(day: str, users: int = 24) -> list[dict]:
    """User u<n> plays four of the day's songs of style n % STYLES, and skips one of the next style."""
    made = []
    for number in range(users):
        own = [each for each in songs(day) if style(each) == number % STYLES]
        other = [each for each in songs(day) if style(each) == (number + 1) % STYLES]
        start = number // STYLES
        made += [listen(f"u{number:02d}", own[(start + step) % len(own)], day) for step in range(2)]
        made.append(listen(f"u{number:02d}", other[start % len(other)], day, 3.0, "skip"))
    return made


def write_day(settings: Settings, day: str, **changes: list[dict]) -> None:
    """Commit everything that publish_recommendations reads of a day, and load its vectors.

    `changes` may give rows of listens, duplicate_groups, takedowns, rejects_ingest and rejects_embed, `pairs` of
    `pair`, `tracks`, a list of track ids, and the `seconds` of songs.
    """
    lake = Lake(settings)
    ids = changes.get("tracks", songs(day))
    lake.write(Partition("tracks", day), tracks(day, ids, changes.get("seconds")))
    lake.write(Partition("listens", day), schemas.table("listens", changes.get("listens", listens(day))))
    lake.write(Partition("takedowns", day), schemas.table("takedowns", changes.get("takedowns", [])))
    for stage in ("ingest", "embed"):
        rows = schemas.table("rejects", changes.get(f"rejects_{stage}", []))
        lake.write(Partition("rejects", day, stage=stage), rows)
    rejected = {row["track_id"] for row in changes.get("rejects_embed", [])}
    embedded = [{"track_id": each, "day": day, "vector": vector(each)} for each in ids if each not in rejected]
    lake.write(Partition("embeddings", day, settings.model), schemas.table("embeddings", embedded))
    load(settings, day, [each for each in ids if each not in rejected])
    groups = schemas.table("duplicate_groups", changes.get("duplicate_groups", []))
    lake.write(Partition("duplicate_groups", day, settings.model), groups)
    pairs = schemas.table("duplicate_pairs", changes.get("pairs", []))
    lake.write(Partition("duplicate_pairs", day, settings.model), pairs)


def load(settings: Settings, day: str, ids: list[str]) -> None:
    rows = [{"track_id": each, "day": day, "vector": vector(each)} for each in ids]
    with VectorStore(settings) as store:
        store.ensure(DIMENSION)
        if rows:
            store.upsert("tracks", schemas.table("embeddings", rows))


def pair(a: str, b: str, verdict: str = "cover", overlap_s: float = 100.0) -> dict:
    """A row of duplicate_pairs, of songs that share so many seconds and whose evidence nobody looks at."""
    numbers = [field.name for field in schemas.DUPLICATE_PAIRS if pa.types.is_float32(field.type)]
    words = {"a": a, "b": b, "verdict": verdict, "decided_by": "accompaniment", "evidence": "x"}
    return dict.fromkeys(numbers, 0.9) | words | {"spans": [], "overlap_s": overlap_s}


def reject(track_id: str, stage: str, reason: str = "unreadable") -> dict:
    return {"key": f"uploads/{track_id}", "track_id": track_id, "stage": stage, "reason": reason, "detail": "x"}


def learn(settings: Settings, day: str) -> dict:
    """Everything before ranking; what `weigh_listens` says."""
    plan = steps.weigh_listens(settings, day)
    find_similar(settings, day)
    steps.learn_neighbours(settings, day)
    return plan
