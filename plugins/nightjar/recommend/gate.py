"""Whether a night is good enough to be ranked and published. Pure arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nightjar.errors import GateClosed
from nightjar.thresholds import (
    DRIFT_MIN_EARLIER,
    DRIFT_MIN_SONGS,
    MAX_ALIKE,
    MAX_FAILED_EXPORT_SHARE,
    MAX_ODD_VECTORS,
    MAX_REJECT_SHARE,
    MAX_STRANGE,
    MIN_REJECTS_TO_STOP,
)

_LENGTH_ERROR = 0.01
"""By how much the length of a vector that was normalised in single precision differs from 1, and much more."""
_RANDOM_DIRECTIONS, _RANDOM_SHARE = 2000, 0.95
"""So many are compared with earlier songs; what so large a share of them stays below is no nearness."""


@dataclass(frozen=True)
class Exports:
    """The day's files of one kind, listens or takedowns, and those that could not be taken: key and reason of each."""

    kind: str
    files: int
    failed: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Night:
    """What is judged: the uploads, those rejected by reason, vectors (songs, dimensions) of an even sample of the day's
    songs, and of one of the days before, and the app's exports."""

    uploads: int
    reasons: Counter[str]
    new: np.ndarray
    earlier: np.ndarray
    exports: Sequence[Exports] = ()


def judge(day: str, night: Night, accepted: bool = False) -> dict:
    """{"uploads", "rejects", "share", "alike", "strange"}: the share of uploads that were rejected, but for empty ones,
    the mean cosine between two new songs, and the share of new songs that sound like no earlier one (see `strange`);
    the last two None where there are too few songs to tell.

    Raises GateClosed with all that is out of its limits, unless the night is accepted.
    """
    rejects = sum(night.reasons.values())
    empty = night.reasons["empty"]  # an upload that was broken off says nothing of the music
    counted, uploads = rejects - empty, night.uploads - empty
    share = counted / uploads if uploads else 0.0
    found = (
        [_too_many(night.reasons - Counter(empty=empty), uploads, share)]
        if counted >= MIN_REJECTS_TO_STOP and share > MAX_REJECT_SHARE
        else []
    )
    found += [_not_taken(each) for each in night.exports if len(each.failed) > MAX_FAILED_EXPORT_SHARE * each.files]
    near = unlike = None
    if len(night.new) >= DRIFT_MIN_SONGS:
        odd = _odd(night.new)
        if odd.mean() > MAX_ODD_VECTORS:
            found.append(f"{odd.sum()} of {len(odd)} vectors are not numbers of length 1")
        usual = night.new[~odd]
        near, unlike = alike(usual), strange(usual, night.earlier)
        if near is not None and near > MAX_ALIKE:
            found.append(f"two songs of the day have a cosine of {near:.2f} on average, at most {MAX_ALIKE} is music")
        if unlike is not None and unlike > MAX_STRANGE:
            found.append(
                f"{unlike:.0%} of the day's songs are no nearer to any song of the days before than noise is, at most "
                f"{MAX_STRANGE:.0%} is another mix of music"
            )
    if found and not accepted:
        raise GateClosed(
            f"{day} is not published: {'; '.join(found)}",
            f"See `nightjar rejects {day}` and the log of embed_tracks, mend the cause and backfill the day; last "
            f"night's lists stay until then; if it is right so: nightjar publish {day} --accept",
        )
    return {"uploads": night.uploads, "rejects": rejects, "share": round(share, 4)} | {
        name: None if value is None else round(value, 4) for name, value in (("alike", near), ("strange", unlike))
    }


def alike(vectors: np.ndarray) -> float | None:
    """The mean cosine between two different ones of unit `vectors` (songs, dimensions); None of fewer than two. Near 1
    where an embedder says the same of every song."""
    count = len(vectors)
    if count < 2:
        return None
    total = vectors.sum(axis=0, dtype=np.float64)
    return float((total @ total - count) / (count * (count - 1)))


def strange(new: np.ndarray, earlier: np.ndarray) -> float | None:
    """The share of `new` unit vectors whose nearest one of `earlier` is no nearer than that of a random direction: 0.95
    of noise and most of another model's vectors, next to none of music, also of a genre that was not there.

    Noise has neighbours too, at some distance that depends on how many songs there are and how they lie: it is measured
    with random directions, always the same. The mean vector would not tell: the embedder whitens, so that it is near
    zero of any mix. None where there are too few vectors, or where the earlier ones are strange to each other.
    """
    if len(earlier) < DRIFT_MIN_EARLIER or len(new) < DRIFT_MIN_SONGS:
        return None
    if new.shape[1] != earlier.shape[1]:
        return 1.0
    if _strange(earlier[1::2], earlier[::2]) > MAX_STRANGE:
        return None
    return _strange(new, earlier)


def _strange(new: np.ndarray, known: np.ndarray) -> float:
    directions = np.random.default_rng(0).standard_normal((_RANDOM_DIRECTIONS, known.shape[1]), np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    near = np.quantile((directions @ known.T).max(axis=1), _RANDOM_SHARE)
    return float(((new @ known.T).max(axis=1) <= near).mean())


def _odd(vectors: np.ndarray) -> np.ndarray:
    """Of each vector whether it is not one: not finite, or not of length 1."""
    with np.errstate(invalid="ignore", over="ignore"):
        return ~(np.abs(np.linalg.norm(vectors, axis=1) - 1) < _LENGTH_ERROR)


def _not_taken(exports: Exports) -> str:
    (key, reason), *_ = exports.failed
    return (
        f"{len(exports.failed)} of {exports.files} exports of {exports.kind} could not be taken (at most "
        f"{MAX_FAILED_EXPORT_SHARE:.0%} may be), the first is {key}: {reason}"
    )


def _too_many(reasons: Counter[str], uploads: int, share: float) -> str:
    reason, times = min(reasons.items(), key=lambda item: (-item[1], item[0]))
    return (
        f"{reasons.total()} of {uploads} uploads were rejected ({share:.0%}, at most {MAX_REJECT_SHARE:.0%} may be), "
        f"{times} of them as {reason}"
    )
