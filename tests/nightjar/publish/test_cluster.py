"""Publishing to a cluster of three Valkey servers: keys of one version lie on all of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from nightjar.lake import Lake
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.takedowns import published
from nightjar.takedowns.forgotten import Forgotten
from tests.nightjar.publish import lists

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]
SLOTS = 16384


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[int]]:
    """The ports of three primaries that have found each other."""
    from deploy.embedded import ports
    from deploy.embedded.valkey import Valkey

    numbers = [ports.choose(["kv"], {})["kv"] for _ in range(3)]
    servers = []
    try:
        for number in numbers:
            folder = tmp_path / str(number)
            folder.mkdir()
            binary = Valkey(folder, {"kv": number}).command()[0]
            options = ["--bind", "127.0.0.1", "--port", str(number), "--dir", str(folder), "--cluster-enabled", "yes"]
            options += ["--cluster-port", str(ports.choose(["bus"], {})["bus"]), "--save", ""]
            servers.append(subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL))
        _join(numbers)
        yield numbers
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _join(numbers: list[int]) -> None:
    clients = [redis.Redis(port=number) for number in numbers]
    for client in clients:
        _until(client.ping)
    for at, client in enumerate(clients):
        first, last = SLOTS * at // 3, SLOTS * (at + 1) // 3 - 1
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        bus = client.config_get("cluster-port")["cluster-port"]
        for other in clients:
            if other is not client:
                other.execute_command("CLUSTER", "MEET", "127.0.0.1", numbers[at], bus)
    for client in clients:
        _until(lambda client=client: client.cluster("INFO")["cluster_state"] == "ok")
        _until(lambda client=client: client.cluster("INFO")["cluster_known_nodes"] == "3")
        client.close()


def _until(holds) -> None:
    for _ in range(600):
        try:
            if holds():
                return
        except redis.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError("the cluster did not form")


def test_lists_are_spread_read_and_removed(settings, cluster):
    settings = replace(settings, kv_url=f"redis://127.0.0.1:{cluster[0]}/0")
    for day in DAYS:
        lists.write(settings, day)
        assert publish_lists(settings, day)["moved"]
    assert not publish_lists(settings, DAYS[0])["moved"]
    reader = Reader(settings.kv_url)
    for number in range(lists.USERS):
        user = f"u{number:03d}"
        assert {each.track_id.rpartition("_")[0] for each in reader.recommend(user)} == {f"{DAYS[-1]}_a_{user}"}
    assert len(reader.recommend("nobody")) == lists.LENGTH
    reader.close()
    sizes = [redis.Redis(port=number).dbsize() for number in cluster]
    assert min(sizes) > 10
    assert sum(sizes) == 1 + 2 * (lists.USERS + 1)


def test_a_song_is_taken_off_the_lists_on_all_of_its_servers(settings, cluster):
    settings = replace(settings, kv_url=f"redis://127.0.0.1:{cluster[0]}/0")
    for day in DAYS[:2]:
        lists.write(settings, day)
        publish_lists(settings, day)
    gone = {f"{day}_a_u{number:03d}_3" for day in DAYS for number in range(0, lists.USERS, 2)}
    with closing(Store(settings.kv_url)) as store:
        changed = published.remove(Lake(settings).objects, store, Forgotten(frozenset(gone), frozenset({"u001"})))
        assert changed == 2 * (lists.USERS // 2 + 1)
        assert published.remove(Lake(settings).objects, store, Forgotten(frozenset(gone))) == 0
    with closing(Reader(settings.kv_url)) as reader:
        ranks = {user: [e.track_id[-1] for e in reader.recommend(user)] for user in ("u000", "u001", "u002", "u003")}
    assert ranks == {"u000": list("1245"), "u001": list("12345"), "u002": list("1245"), "u003": list("12345")}
