"""What is fetched is what was pinned, or nothing."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace

import pytest

from deploy.cluster import binaries
from deploy.cluster.binaries import Package
from nightjar.errors import NightjarError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that a copy command fetches."""
    monkeypatch.setattr(binaries, "HOME", tmp_path / "servers")
    file = tmp_path / "server-1.tgz"
    file.write_bytes(b"a server")
    digest = hashlib.sha256(b"a server").hexdigest()
    return Package(
        "server", "1", ("cp", str(file), "."), f"sha256:{digest}", lambda arrived, to: shutil.copy(arrived, to / "run")
    )


def test_a_package_is_fetched_once(package):
    folder = binaries.fetch(package)
    assert (folder / "run").read_bytes() == b"a server"
    assert binaries.fetch(replace(package, command=("false",))) == folder
    assert [each.name for each in binaries.HOME.iterdir()] == ["server-1"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"digest": f"sha256:{'0' * 64}"}, "has the sha256"),
        ({"command": ("false",)}, "cannot be fetched"),
        ({"command": ("no-such-tool",)}, "there is no no-such-tool"),
    ],
)
def test_anything_else_is_refused_and_leaves_nothing(package, change, told):
    with pytest.raises(NightjarError, match=told):
        binaries.fetch(replace(package, **change))
    assert list(binaries.HOME.iterdir()) == []


def test_every_server_is_pinned():
    for each in (binaries.MILVUS, binaries.ETCD, binaries.KAFKA, binaries.JAVA):
        algorithm, _, digest = each.digest.partition(":")
        assert len(digest) == 2 * hashlib.new(algorithm).digest_size
        assert any(each.version in word for word in each.command)
