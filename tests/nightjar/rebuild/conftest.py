"""These tests run against the Milvus that NIGHTJAR_TEST_MILVUS names, which they empty, else against Milvus Lite."""

from __future__ import annotations

import pytest

from tests.nightjar.vectors.conftest import milvus_lite, settings

__all__ = ["in_the_environment", "milvus_lite", "settings"]


@pytest.fixture(autouse=True)
def in_the_environment(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the processes that are killed."""
    monkeypatch.setenv("NIGHTJAR_MILVUS_URI", settings.milvus_uri)
