"""Whether a night is good enough to be ranked and published."""

from __future__ import annotations

from collections import Counter

from nightjar.errors import GateClosed
from nightjar.thresholds import MAX_REJECT_SHARE, MIN_REJECTS_TO_STOP


def judge(day: str, uploads: int, reasons: Counter[str]) -> dict:
    """{"uploads", "rejects", "share"} of a night with `uploads`, of which were rejected so many for each reason.

    Raises GateClosed if at least MIN_REJECTS_TO_STOP were, and more than MAX_REJECT_SHARE of all.
    """
    rejects = sum(reasons.values())
    share = rejects / uploads if uploads else 0.0
    if rejects >= MIN_REJECTS_TO_STOP and share > MAX_REJECT_SHARE:
        reason, times = min(reasons.items(), key=lambda item: (-item[1], item[0]))
        raise GateClosed(
            f"{day} is not published: {rejects} of {uploads} uploads were rejected ({share:.0%}, at most "
            f"{MAX_REJECT_SHARE:.0%} may be), {times} of them as {reason}",
            f"See `nightjar rejects {day}`, mend the cause and backfill the day; last night's lists stay until then",
        )
    return {"uploads": uploads, "rejects": rejects, "share": round(share, 4)}
