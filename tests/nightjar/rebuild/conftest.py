"""These tests run on Milvus Lite, on a Milvus server, or on the Milvus that NIGHTJAR_TEST_MILVUS names, as those of
`tests/nightjar/vectors` do."""

from __future__ import annotations

import pytest

from nightjar.vectors.steps import load_vectors
from tests.nightjar.duplicates import nights
from tests.nightjar.vectors.conftest import milvus_server, settings

__all__ = ["in_the_environment", "milvus_server", "settings"]


@pytest.fixture(autouse=True)
def in_the_environment(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the processes that are killed."""
    monkeypatch.setenv("NIGHTJAR_MILVUS_URI", settings.milvus_uri)


@pytest.fixture
def loaded(settings, milvus):
    """Three days, as the nights load them."""
    for day in nights.DAYS:
        nights.write_day(settings, day)
        load_vectors(settings, day)
    return settings
