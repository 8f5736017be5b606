"""Lists are published, read, taken down and brought back over TLS, on one server and on a cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import redis

from deploy.embedded import ports
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.publish import rollback
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.settings import Settings
from nightjar.takedowns import published
from nightjar.takedowns.forgotten import Forgotten
from tests import tls
from tests.nightjar.publish import lists

DAYS = ["2026-11-20", "2026-11-21"]


def _announce(servers: list[int], announced: list[int]) -> None:
    """Have the nodes of a cluster tell clients these ports, and return when each node tells all of them."""
    clients = [redis.Redis(port=port) for port in servers]
    for client, port in zip(clients, announced, strict=True):
        client.config_set("cluster-announce-port", port)
    wanted = set(announced) if any(announced) else set(servers)
    while any({int(name.rpartition(":")[2]) for name in client.cluster("NODES")} != wanted for client in clients):
        time.sleep(0.05)
    for client in clients:
        client.close()


@pytest.fixture(params=["alone", "cluster"])
def address(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """`rediss://` of a store whose every server is behind TLS, without a certificate to trust."""
    if request.param == "alone":
        servers = [request.getfixturevalue("valkey").ports["kv"]]
    else:
        servers = request.getfixturevalue("valkey_cluster").ports
    listeners = list(ports.choose(map(str, servers), {}).values())
    for port in servers[:3]:
        redis.Redis(port=port).flushall()
    with tls.in_front_of(dict(zip(listeners, servers, strict=True)), tmp_path):
        if request.param == "cluster":
            _announce(servers, listeners)
        yield f"rediss://127.0.0.1:{listeners[0]}/0"
        if request.param == "cluster":
            _announce(servers, [0] * len(servers))


@pytest.fixture
def settings(settings: Settings, address: str, tmp_path) -> Settings:
    return replace(settings, kv_url=f"{address}?ssl_ca_certs={tmp_path / 'tls.pem'}")


def test_lists_live_behind_tls(settings):
    made = []
    for day in DAYS:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    gone = f"{DAYS[1]}_a_u007_2"
    with closing(Store(settings)) as store:
        assert published.remove(Lake(settings), store, Forgotten(frozenset({gone}), frozenset({"u001"}))) == 3
    with closing(Reader(settings.kv_url)) as reader:
        assert [each.track_id[-1] for each in reader.recommend("u007")] == list("1345")
        assert rollback.go_to(settings)["current"] == made[0]
        assert next(each.track_id for each in reader.recommend("u002")) == f"{DAYS[0]}_a_u002_1"


def test_a_certificate_that_does_not_fit_is_said(settings, address):
    with pytest.raises(NightjarError, match="certificate verify failed") as refused:
        Store(replace(settings, kv_url=address))
    assert "add ?ssl_ca_certs=FILE" in refused.value.remedy
    with pytest.raises(NightjarError, match="mismatch") as refused:
        Store(replace(settings, kv_url=settings.kv_url.replace("127.0.0.1", "localhost")))
    assert "Name the store" in refused.value.remedy
