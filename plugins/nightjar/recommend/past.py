"""Whether the days before a day are through with their duplicates, so that its lists can know all songs up to it."""

from __future__ import annotations

import logging

from nightjar import days
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.thresholds import PAST_DAYS_AWAITED

log = logging.getLogger(__name__)


def past_is_swept(settings: Settings, day: str) -> dict:
    """{"swept", "missing"}: the days shortly before `day` that are ingested and not swept yet, if any.

    In a backfill, Airflow may embed the later of two days first. Lists made then would lack the earlier day's songs,
    and the same backfill run again would give others.
    """
    lake = Lake(settings)
    missing = [
        each
        for each in days.before(day, PAST_DAYS_AWAITED + 1)[:-1]
        if lake.exists(Partition("tracks", each))
        and not lake.exists(Partition("duplicate_pairs", each, settings.model))
    ]
    log.info("past of %s: %s", day, f"waiting for {', '.join(missing)}" if missing else "all swept")
    return {"swept": not missing, "missing": missing}
