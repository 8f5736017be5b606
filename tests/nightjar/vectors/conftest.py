"""Every test of vectors runs on Milvus Lite, and as one of the marker `services` on a Milvus server.

NIGHTJAR_TEST_MILVUS names another Milvus, which they empty, to run on instead: a cluster, a later version.
"""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

_ELSEWHERE = os.environ.get("NIGHTJAR_TEST_MILVUS")
_SERVERS = ["milvus_lite", pytest.param("milvus_standalone", marks=pytest.mark.services)]


@pytest.fixture(scope="session", params=[_ELSEWHERE] if _ELSEWHERE else _SERVERS)
def milvus_server(request: pytest.FixtureRequest):
    return SimpleNamespace(uri=_ELSEWHERE, query_nodes=None) if _ELSEWHERE else request.getfixturevalue(request.param)


@pytest.fixture
def settings(settings, milvus_server):
    bucket = getattr(milvus_server, "bucket", None)
    return replace(settings, milvus_uri=milvus_server.uri, milvus_bucket=bucket.name if bucket else "")
