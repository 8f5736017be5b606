"""A song that everybody uploads is one group, by few comparisons, whatever the order of the days."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest

from nightjar.duplicates.steps import regroup
from nightjar.lake import Lake
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.encodes import encodes
from tests.nightjar.duplicates.made import copied, song
from tests.nightjar.duplicates.nights import DAYS, UPLOADS, Upload
from tests.nightjar.duplicates.test_steps import groups, night

SIXTY, COPIES = 60, 180


def swept(settings, uploads: list[Upload], order: tuple[str, ...]) -> Counter[str]:
    """Sweep days of uploads; what the sweeps say together."""
    said: Counter[str] = Counter()
    for day in order:
        nights.write_day(settings, day, uploads)
        said.update(night(settings, day))
    return said


def of(found: dict[str, str], begin: str) -> dict[str, str]:
    return {track: canonical for track, canonical in found.items() if track.startswith(begin)}


@pytest.mark.services  # each day: the crowd of the test below, which is made of prints
def test_sixty_encodes_of_one_song_are_one_group_and_a_takedown_leaves_the_rest(settings, milvus, tmp_path: Path):
    made = encodes("night-bus", SIXTY, tmp_path)
    uploads = [
        *UPLOADS,
        *(Upload(name, DAYS[at % len(DAYS)], prints, 77) for at, (name, prints) in enumerate(sorted(made.items()))),
    ]
    swept(settings, uploads, DAYS)
    first = min((each for each in uploads if each.track_id in made), key=lambda each: nights.uploaded_at(each))
    found = groups(settings)
    assert of(found, "night-bus") == dict.fromkeys(made, first.track_id)
    assert {name: one for name, one in found.items() if name not in made} == nights.GROUPS

    for gone in (first.track_id, max(made)):
        nights.take_down(settings, first.day if gone == first.track_id else DAYS[2], tracks=[gone])
        made.pop(gone)
    regroup(Lake(settings), settings.model, DAYS[0])
    left = of(groups(settings), "night-bus")
    assert left.keys() == made.keys()
    assert len(set(left.values())) == 1


def crowd() -> list[Upload]:
    """Copies of two songs, of many lengths, and many uploads of one file, all over three days, among other songs."""
    uploads = list(UPLOADS)
    for at in range(COPIES):
        rng = np.random.default_rng(at)
        start, stop = int(rng.integers(0, 40)), 300 - int(rng.integers(0, 40))
        prints = copied(song(70 + at % 2), share=float(rng.uniform(0.01, 0.06)), start=start, stop=stop)
        uploads.append(Upload(f"crowd{at % 2}-{at:03d}", DAYS[at % 3], prints, 70 + at % 2, start))
    same = [Upload(f"same-{at:02d}", DAYS[at % 3], song(80), 80, same_bytes_as="same") for at in range(40)]
    return [*uploads, *same]


@pytest.fixture
def in_order(settings, milvus) -> tuple[Counter[str], dict[str, str]]:
    said = swept(settings, crowd(), DAYS)
    return said, groups(settings)


def test_a_crowd_is_one_group_by_few_comparisons(in_order):
    said, found = in_order
    assert {len(set(of(found, name).values())) for name in ("crowd0", "crowd1", "same")} == {1}
    assert [len(of(found, name)) for name in ("crowd0", "crowd1", "same")] == [COPIES // 2, COPIES // 2, 40]
    assert len(set(found.values())) == 3 + 2
    pairs = 2 * comb(COPIES // 2, 2) + comb(40, 2)
    assert said["candidates"] < pairs / 2


@pytest.mark.services
def test_a_crowd_is_the_same_whatever_the_order_of_days(in_order, settings):
    _, expected = in_order
    for number, order in enumerate((DAYS[::-1], (DAYS[1], DAYS[2], DAYS[0]))):
        at = replace(settings, model=f"crowd-{number}")
        swept(at, crowd(), order)
        assert groups(at) == expected
