"""A day waits for the ingested days shortly before it, and for no others."""

from __future__ import annotations

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.recommend.past import past_is_swept
from nightjar.settings import Settings


def test_waits_for_what_is_ingested_and_not_swept(settings: Settings, lake: Lake) -> None:
    for day in ("2026-11-01", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"):  # the first is long ago
        lake.write(Partition("tracks", day), schemas.empty("tracks"))
    assert past_is_swept(settings, "2026-11-22") == {"swept": False, "missing": ["2026-11-20", "2026-11-21"]}
    lake.write(Partition("duplicate_pairs", "2026-11-21", settings.model), schemas.empty("duplicate_pairs"))
    assert past_is_swept(settings, "2026-11-22")["missing"] == ["2026-11-20"]
    lake.write(Partition("duplicate_pairs", "2026-11-20", settings.model), schemas.empty("duplicate_pairs"))
    assert past_is_swept(settings, "2026-11-22") == {"swept": True, "missing": []}
