"""The step that opens publish_recommendations: what the gate judges of a night, from the lake, and its judgement.

How much is read does not grow with the library. Nothing heavy is imported: a task that only looks should cost little.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter

import numpy as np
import pyarrow as pa

from nightjar.days import before
from nightjar.held import noted
from nightjar.lake import Lake, Partition
from nightjar.recommend.gate import Exports, Night, judge
from nightjar.settings import Settings
from nightjar.thresholds import DRIFT_DAY_SONGS, DRIFT_DAYS, DRIFT_SONGS

log = logging.getLogger(__name__)

_UPLOAD_STAGES = ("ingest", "embed")
"""Stages whose rejects are uploads; those of listens are rows of another table."""


def gate(settings: Settings, day: str, accept: bool = False) -> dict:
    """Stop a night that rejected too much, or whose vectors are not those of music: what `gate.judge` gives, and
    "accepted", whether a person has accepted it. `accept` does that, for the night as it is now.

    Raises GateClosed, PartitionMissing.
    """
    objects, key = Lake(settings).objects, accepted_key(settings, day)
    if accept:
        objects.put(key, b"")
    accepted = objects.exists(key)
    with noted(objects, settings.model, day):
        summary = judge(day, read(settings, day), accepted) | {"accepted": accepted}
    log.info(
        "gate %s: open, %d of %d uploads rejected, mean cosine of songs %s, share like no earlier song %s%s",
        *(day, summary["rejects"], summary["uploads"], summary["alike"], summary["strange"]),
        ", accepted by a person" if accepted else "",
    )
    return summary


def read(settings: Settings, day: str) -> Night:
    """Raises PartitionMissing."""
    lake = Lake(settings)
    reasons: dict[str, list[str]] = {
        stage: lake.read(Partition("rejects", day, stage=stage), ["reason"])["reason"].to_pylist()
        for stage in _UPLOAD_STAGES
    }
    uploads = lake.manifest(Partition("tracks", day)).rows + len(reasons["ingest"])
    counted = Counter(reason for each in reasons.values() for reason in each)
    new = _sample(lake, settings.model, day, DRIFT_SONGS)
    return Night(uploads, counted, new, _earlier(lake, settings.model, day), _exports(lake, day))


def _exports(lake: Lake, day: str) -> list[Exports]:
    """None of a day before exports were recorded. Files of other formats count where there are no others."""
    partition = Partition("exports", day)
    rows = lake.read(partition).to_pylist() if lake.exists(partition) else []
    made = []
    for kind in ("listens", "takedowns"):
        files = [row for row in rows if row["key"].startswith(f"{kind}/")]
        files = [row for row in files if row["problem"] != "bad_name"] or files
        failed = [(row["key"], row["problem"]) for row in files if row["problem"]]
        made.append(Exports(kind, len(files), failed))
    return made


def accepted_key(settings: Settings, day: str) -> str:
    """Where it is noted that a person accepts the night as it is now: for other rejects or vectors it does not hold."""
    lake = Lake(settings)
    judged = [Partition("rejects", day, stage=stage) for stage in _UPLOAD_STAGES]
    judged.append(Partition("embeddings", day, settings.model))
    content = b"".join(lake.manifest(partition).to_json() for partition in judged)
    if failed := [each.failed for each in _exports(lake, day) if each.failed]:
        content += repr(failed).encode()
    return f"accepted/{day}.{hashlib.sha256(content).hexdigest()[:8]}"


def _earlier(lake: Lake, model: str, day: str) -> np.ndarray:
    """Vectors of the committed days before, the nearest first."""
    found: list[np.ndarray] = [np.zeros((0, 0), np.float32)]
    for earlier in reversed(before(day, DRIFT_DAYS + 1)[:-1]):
        if lake.exists(Partition("embeddings", earlier, model)):
            vectors = _sample(lake, model, earlier, DRIFT_DAY_SONGS)
            if len(vectors) and vectors.shape[1] == (found[1].shape[1] if len(found) > 1 else vectors.shape[1]):
                found.append(vectors)
        if sum(map(len, found)) >= DRIFT_SONGS:
            break
    return np.concatenate(found[1:]) if len(found) > 1 else found[0]


def _sample(lake: Lake, model: str, day: str, most: int) -> np.ndarray:
    """The vectors of an even sample of a day's songs: shards are cut by hash, so that some of the parts will do."""
    partition = Partition("embeddings", day, model)
    parts: list[pa.Table] = []
    for part in lake.manifest(partition).parts:
        parts.append(lake.part(partition, part, ["vector"]))
        if sum(map(len, parts)) >= most:
            break
    if not sum(map(len, parts)):
        return np.zeros((0, 0), np.float32)
    vectors = pa.concat_tables(parts)["vector"].combine_chunks()
    chosen = vectors.take(pa.array(np.arange(0, len(vectors), -(-len(vectors) // most))))
    return chosen.flatten().to_numpy(zero_copy_only=False).reshape(len(chosen), -1)
