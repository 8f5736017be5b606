"""Whether a night is good enough to be ranked and published. Pure arithmetic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from nightjar.errors import GateClosed
from nightjar.thresholds import (
    DRIFT_ENERGY,
    DRIFT_MIN_EARLIER,
    DRIFT_MIN_SONGS,
    MAX_ALIKE,
    MAX_ODD_VECTORS,
    MAX_REJECT_SHARE,
    MIN_EXPLAINED,
    MIN_REJECTS_TO_STOP,
)

_LENGTH_ERROR = 0.01
"""By how much the length of a vector that was normalised in single precision differs from 1, and much more."""


@dataclass(frozen=True)
class Night:
    """What is judged: the uploads, those rejected by reason, vectors (songs, dimensions) of an even sample of the day's
    songs, and of one of the days before."""

    uploads: int
    reasons: Counter[str]
    new: np.ndarray
    earlier: np.ndarray


def judge(day: str, night: Night, accepted: bool = False) -> dict:
    """{"uploads", "rejects", "share", "alike", "explained"}: the share of uploads that were rejected, the mean cosine
    between two new songs, and how much the new vectors have in common with earlier ones (see `explained`); the last two
    None where there are too few songs to tell.

    Raises GateClosed with all that is out of its limits, unless the night is accepted.
    """
    rejects = sum(night.reasons.values())
    share = rejects / night.uploads if night.uploads else 0.0
    found = [_too_many(night, rejects, share)] if rejects >= MIN_REJECTS_TO_STOP and share > MAX_REJECT_SHARE else []
    near = common = None
    if len(night.new) >= DRIFT_MIN_SONGS:
        odd = _odd(night.new)
        if odd.mean() > MAX_ODD_VECTORS:
            found.append(f"{odd.sum()} of {len(odd)} vectors are not numbers of length 1")
        usual = night.new[~odd]
        near, common = alike(usual), explained(usual, night.earlier)
        if near is not None and near > MAX_ALIKE:
            found.append(f"two songs of the day have a cosine of {near:.2f} on average, at most {MAX_ALIKE} is music")
        if common is not None and common < MIN_EXPLAINED:
            found.append(
                f"the day's vectors have {common:.0%} in common with those of the days before, at least "
                f"{MIN_EXPLAINED:.0%} is another mix of music"
            )
    if found and not accepted:
        raise GateClosed(
            f"{day} is not published: {'; '.join(found)}",
            f"See `nightjar rejects {day}` and the log of embed_tracks, mend the cause and backfill the day; last "
            f"night's lists stay until then; if it is right so: nightjar publish {day} --accept",
        )
    return {"uploads": night.uploads, "rejects": rejects, "share": round(share, 4)} | {
        name: None if value is None else round(value, 4) for name, value in (("alike", near), ("explained", common))
    }


def alike(vectors: np.ndarray) -> float | None:
    """The mean cosine between two different ones of unit `vectors` (songs, dimensions); None of fewer than two. Near 1
    where an embedder says the same of every song."""
    count = len(vectors)
    if count < 2:
        return None
    total = vectors.sum(axis=0, dtype=np.float64)
    return float((total @ total - count) / (count * (count - 1)))


def explained(new: np.ndarray, earlier: np.ndarray) -> float | None:
    """How much `new` unit vectors have in common with `earlier` ones, 1 where it is as much as these have among
    themselves: the share of their energy in the few directions that hold most of the earlier vectors' energy.

    Music fills few of a network's directions, whatever the genre; noise and another model's vectors lie in all. The
    mean vector would not tell: the embedder whitens, so that it is near zero of any mix. The directions are taken from
    one half of the earlier vectors, and the other half is what `new` is compared with. None where there are too few
    vectors, or where the earlier ones fill all directions alike.
    """
    if len(earlier) < DRIFT_MIN_EARLIER or len(new) < DRIFT_MIN_SONGS:
        return None
    if new.shape[1] != earlier.shape[1]:
        return 0.0
    known, others = earlier[::2].astype(np.float64), earlier[1::2].astype(np.float64)
    energy, directions = np.linalg.eigh(known.T @ known)
    energy, directions = energy[::-1], directions[:, ::-1]
    count = 1 + int(np.searchsorted(np.cumsum(energy), DRIFT_ENERGY * energy.sum()))
    main = directions[:, :count]
    by_chance = count / earlier.shape[1]
    usual, found = (float(((vectors @ main) ** 2).sum() / len(vectors)) for vectors in (others, new.astype(np.float64)))
    return found / usual if by_chance < MIN_EXPLAINED / 2 * usual else None


def _odd(vectors: np.ndarray) -> np.ndarray:
    """Of each vector whether it is not one: not finite, or not of length 1."""
    with np.errstate(invalid="ignore", over="ignore"):
        return ~(np.abs(np.linalg.norm(vectors, axis=1) - 1) < _LENGTH_ERROR)


def _too_many(night: Night, rejects: int, share: float) -> str:
    reason, times = min(night.reasons.items(), key=lambda item: (-item[1], item[0]))
    return (
        f"{rejects} of {night.uploads} uploads were rejected ({share:.0%}, at most {MAX_REJECT_SHARE:.0%} may be), "
        f"{times} of them as {reason}"
    )
