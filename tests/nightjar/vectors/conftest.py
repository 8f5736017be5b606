"""These tests run against the Milvus that NIGHTJAR_TEST_MILVUS names, which they empty, else against Milvus Lite."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest


@pytest.fixture
def settings(settings):
    return replace(settings, milvus_uri=os.environ.get("NIGHTJAR_TEST_MILVUS", settings.milvus_uri))


@pytest.fixture
def milvus(request):
    """A client of the vector database, which is empty."""
    from pymilvus import MilvusClient

    uri = os.environ.get("NIGHTJAR_TEST_MILVUS") or request.getfixturevalue("milvus_lite").uri
    client = MilvusClient(uri)
    for collection in client.list_collections():
        for alias in client.list_aliases(collection).get("aliases", []):
            client.drop_alias(alias)
        client.drop_collection(collection)
    yield client
    client.close()
