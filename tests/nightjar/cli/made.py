"""A night of which the commands tell: two days, of which the second has a copy of a song of the first and a cover."""

from __future__ import annotations

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.publish.steps import commit_lists, publish_lists
from nightjar.recommend import steps as recommend
from nightjar.settings import Settings
from tests import kept
from tests.nightjar.recommend import night

FIRST, DAY = night.DAYS[:2]
COPY = {"a": "s20-00", "b": "s21-00", "verdict": "duplicate", "score": 0.98, "mix": 0.99, "accompaniment": 0.98}
COVER = {"a": "s20-01", "b": "s21-01", "verdict": "cover", "score": 0.7, "mix": 0.6, "accompaniment": 0.9}
SPAN = {"a_s": 1.5, "b_s": 0.0, "seconds": 90.0, "similarity": 0.98}
REST = {"decided_by": "mix", "vocals": None, "offset_s": 1.5, "overlap_s": 90.0, "share": 1.0, "speed": 1.0}
REST |= {"pitch": 0.0, "spans": [SPAN], "evidence": "all parts match"}


def nights(settings: Settings) -> Settings:
    """Two days, not ranked."""
    return _made(settings, _nights)


def published(settings: Settings) -> Settings:
    """And the second day's lists, ranked and published."""
    return _made(settings, _published)


def _made(settings: Settings, make) -> Settings:
    if not kept.stores(settings, make):
        for day in (FIRST, DAY):
            night.load(settings, day, night.songs(day))
    return settings


def _nights(settings: Settings) -> None:
    lake = Lake(settings)
    reject = night.reject("lost", "ingest", "not_audio") | {"key": f"uploads/dt={DAY}/lost\x1b[31m.mp3"}
    night.write_day(settings, FIRST)
    groups = [{"track_id": each, "canonical_id": "s20-00"} for each in ("s20-00", "s21-00")]
    night.write_day(settings, DAY, duplicate_groups=groups, rejects_ingest=[reject])
    for day, pairs in ((FIRST, []), (DAY, [COPY | REST, COVER | REST])):
        lake.write(Partition("duplicate_pairs", day, settings.model), schemas.table("duplicate_pairs", pairs))
        for track_id in night.songs(day):
            lake.objects.put(f"lake/claims/{track_id}", day.encode())


def _published(settings: Settings) -> None:
    _nights(settings)
    night.learn(settings, DAY)
    recommend.rank_shard(settings, DAY, 0, 1)
    commit_lists(settings, DAY, 1)
    publish_lists(settings, DAY)
