"""Fixtures that start the real servers, once a session and only those that a test asks for; each test finds them empty.

`settings` alone starts object storage; ask for `kv` or `milvus` besides to have those. Where `make test` has an
embedded part and production another, tests of the marker `services` start that one. Works in both environments:
nothing but pytest and the library is imported until a test needs it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "nightjar-tests", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}


@pytest.fixture(scope="session", autouse=True)
def past_proxies() -> None:
    """The servers are reached directly, also where a proxy leads to the world."""
    from deploy.embedded.ports import past_proxies

    os.environ.update(past_proxies(os.environ))


@pytest.fixture(scope="session")
def stack_ports() -> dict[str, int]:
    """A free port for each server, started or not."""
    from deploy.embedded import ports
    from deploy.embedded.milvus import MilvusLite
    from deploy.embedded.postgres import Postgres
    from deploy.embedded.seaweedfs import SeaweedFS
    from deploy.embedded.valkey import Valkey

    names = [name for service in (SeaweedFS, Valkey, MilvusLite, Postgres) for name in service.port_names]
    return ports.choose(names, {})


@pytest.fixture(scope="session")
def stack_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


def _running(service) -> Iterator:
    try:
        service.start()
        service.wait()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def seaweedfs(stack_data: Path, stack_ports: dict[str, int]) -> Iterator:
    """The running object store."""
    from deploy.embedded.seaweedfs import SeaweedFS

    yield from _running(SeaweedFS(stack_data, stack_ports, KEYS, "first"))


@pytest.fixture(scope="session")
def valkey(stack_data: Path, stack_ports: dict[str, int]) -> Iterator:
    """The running key-value store."""
    from deploy.embedded.valkey import Valkey

    yield from _running(Valkey(stack_data, stack_ports, password=""))


@pytest.fixture(scope="session")
def milvus_lite(stack_data: Path, stack_ports: dict[str, int]) -> Iterator:
    """The running vector database."""
    from deploy.embedded.milvus import MilvusLite

    yield from _running(MilvusLite(stack_data, stack_ports, token=""))


@pytest.fixture(scope="session")
def valkey_cluster(stack_data: Path) -> Iterator:
    """A running cluster of six key-value stores."""
    from deploy.embedded import ports
    from deploy.servers.valkey_cluster import ValkeyCluster

    yield from _running(ValkeyCluster(stack_data, ports.choose(ValkeyCluster.port_names, {})))


@pytest.fixture(scope="session")
def milvus_standalone(stack_data: Path, seaweedfs) -> Iterator:
    """A running Milvus server, whose files are in a bucket beside the lakes."""
    from deploy.embedded import ports
    from deploy.servers.milvus import Bucket, MilvusStandalone

    bucket = Bucket(seaweedfs.ports["s3"], "milvus", KEYS)
    yield from _running(MilvusStandalone(stack_data, ports.choose(MilvusStandalone.port_names, {}), bucket))


@pytest.fixture(scope="session")
def milvus_server(milvus_lite):
    """The Milvus that tests use: something with a `uri`."""
    return milvus_lite


@pytest.fixture(scope="session")
def postgres(stack_data: Path, stack_ports: dict[str, int]) -> Iterator:
    """The running PostgreSQL; `postgres.url` leads to its database."""
    from deploy.embedded.postgres import Postgres

    yield from _running(Postgres(stack_data, stack_ports, secrets.token_hex(16)))


@pytest.fixture(scope="session")
def buckets(seaweedfs):
    """A client that makes and removes buckets; making it takes a test's time."""
    import boto3

    from nightjar.settings import CLOUD_ACCOUNT

    with pytest.MonkeyPatch.context() as patch:
        for name in CLOUD_ACCOUNT:
            patch.delenv(name, raising=False)
        for name, value in KEYS.items():
            patch.setenv(name, value)
        client = boto3.session.Session().client("s3", endpoint_url=seaweedfs.endpoint, region_name="us-east-1")
        client.list_buckets()  # reads the keys
    return client


@pytest.fixture
def settings(seaweedfs, buckets, stack_ports: dict[str, int], monkeypatch: pytest.MonkeyPatch):
    """Settings for the servers, with a new empty bucket; the environment gives the same to other processes."""
    from nightjar.settings import CLOUD_ACCOUNT, FIRST_MODEL, Settings

    for name in CLOUD_ACCOUNT:
        monkeypatch.delenv(name, raising=False)
    bucket = f"test-{secrets.token_hex(6)}"
    made = Settings(
        s3_endpoint=seaweedfs.endpoint,
        bucket=bucket,
        milvus_uri=f"http://127.0.0.1:{stack_ports['milvus']}",
        kv_url=f"redis://127.0.0.1:{stack_ports['kv']}/0",
        model=FIRST_MODEL,
        weights_dir=Settings.load(dict(os.environ)).weights_dir,
    )
    for name, value in (KEYS | made.environment()).items():
        monkeypatch.setenv(name, value)
    buckets.create_bucket(Bucket=bucket)
    yield made
    buckets.delete_bucket(Bucket=bucket)  # with all that is in it, as SeaweedFS does


@pytest.fixture
def lake(settings):
    """The lake in the test's own bucket."""
    from nightjar.lake import Lake

    return Lake(settings)


@pytest.fixture
def kv(valkey) -> Iterator:
    """A client of the key-value store, which is empty."""
    import redis

    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def milvus(milvus_server) -> Iterator:
    """A client of the vector database, which is empty."""
    from pymilvus import MilvusClient

    from nightjar.vectors.connection import GRPC_OPTIONS

    client = MilvusClient(milvus_server.uri, grpc_options=GRPC_OPTIONS)
    for collection in client.list_collections():
        for alias in client.list_aliases(collection).get("aliases", []):
            client.drop_alias(alias)
        client.drop_collection(collection)
    yield client
    client.close()
