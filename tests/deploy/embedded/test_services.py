"""The servers behind the fixtures: real, empty at the start of a test, and they keep what they acknowledge."""

from __future__ import annotations

import signal

import pytest

from deploy.embedded import processes
from nightjar import schemas
from nightjar.lake import Partition
from nightjar.settings import Settings


def test_each_test_has_a_bucket_of_its_own(settings, lake):
    assert list(lake.objects.list("")) == []
    lake.objects.put("a", b"1")
    assert Settings.load() == settings


def test_lake_on_the_real_store(lake):
    partition = Partition("uploads", "2026-11-20")
    lake.write(partition, schemas.empty("uploads"))
    assert lake.read(partition).num_rows == 0


@pytest.mark.parametrize("number", [1, 2])
def test_vectors_and_lists_start_empty(milvus, kv, number):
    assert milvus.list_collections() == []
    assert kv.dbsize() == 0
    milvus.create_collection("songs", dimension=4)
    milvus.create_alias("songs", "alias")
    kv.set("a", number)


def test_a_killed_key_value_store_keeps_what_it_acknowledged(valkey, kv):
    kv.set("kept", "yes")
    processes.end([valkey.process], signal.SIGKILL, 5)
    assert valkey.process is None
    valkey.start()
    valkey.wait()
    assert kv.get("kept") == b"yes"
