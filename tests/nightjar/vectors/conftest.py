"""These tests run against the Milvus that NIGHTJAR_TEST_MILVUS names, which they empty, else against Milvus Lite."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def milvus_lite(milvus_lite):
    address = os.environ.get("NIGHTJAR_TEST_MILVUS")
    return SimpleNamespace(uri=address) if address else milvus_lite


@pytest.fixture
def settings(settings, milvus_lite):
    return replace(settings, milvus_uri=milvus_lite.uri)
