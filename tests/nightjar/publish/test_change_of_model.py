"""The first lists of a model that took over: what its promotion accepted passes, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightjar.errors import GateClosed
from nightjar.lake import Lake
from nightjar.models import live
from nightjar.publish.steps import publish_lists
from tests.nightjar.publish import lists

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
LENGTH = 30
OTHER = "other-2"


@pytest.fixture
def published(settings, kv):
    """Lists of the first model, which the app reads; and settings of another one with other lists of the next day."""
    live.begin(Lake(settings).objects, settings.model)
    lists.write(settings, DAYS[0], length=LENGTH)
    publish_lists(settings, DAYS[0])
    other = replace(settings, model=OTHER)
    lists.write(other, DAYS[1], length=LENGTH, edition="b")
    return settings, other


def promote(settings, accepted: bool) -> None:
    live.switch(Lake(settings).objects, OTHER, settings.model, accepted)


def test_lists_of_a_candidate_are_not_published(published):
    with pytest.raises(GateClosed, match=r"by other-2 stay in the lake: nightjar_pair-2 is the live model"):
        publish_lists(published[1], DAYS[1], accept=True)


def test_without_acceptance_the_first_night_is_judged_as_any(published):
    settings, other = published
    promote(settings, accepted=False)
    with pytest.raises(GateClosed, match=r"100% of a list are songs that were not on it"):
        publish_lists(other, DAYS[1])
    assert publish_lists(other, DAYS[1], accept=True)["moved"]


def test_what_was_accepted_passes_once_and_only_the_churn(published):
    settings, other = published
    promote(settings, accepted=True)
    lists.write(other, DAYS[1], length=LENGTH // 2, edition="b")
    with pytest.raises(GateClosed, match=r"lists have 15 songs, in .* 30"):
        publish_lists(other, DAYS[1])
    lists.write(other, DAYS[1], length=LENGTH, edition="b")
    assert publish_lists(other, DAYS[1])["churn"] == 1
    lists.write(other, DAYS[2], length=LENGTH, edition="c")
    with pytest.raises(GateClosed, match=r"100% of a list are songs"):
        publish_lists(other, DAYS[2])
