"""A Valkey cluster of six servers: three primaries, each with a replica that takes its place when it dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import redis

from deploy.embedded.service import Service
from deploy.embedded.valkey import Valkey
from nightjar.errors import NightjarError

PRIMARIES = 3
_NODES = 2 * PRIMARIES
_SLOTS = 16384
_FORMED_WITHIN_S = 60.0
_SILENCE_MS = 2000
"""A server that is silent for so long is taken for dead; by itself Valkey waits for 15 s."""


class _Node(Valkey):
    """One server of the cluster; `number` tells it apart."""

    def __init__(self, data: Path, ports: dict[str, int], number: int) -> None:
        self.name = f"valkey-{number}"
        super().__init__(data, {"kv": ports[f"kv_{number}"], "bus": ports[f"bus_{number}"]}, password="")

    def command(self) -> list[str]:
        cluster = ["--cluster-enabled", "yes", "--cluster-port", str(self.ports["bus"])]
        return [*super().command(), *cluster, "--cluster-node-timeout", str(_SILENCE_MS)]


class ValkeyCluster:
    """The six servers with their state below `data`; they find each other again after any end."""

    port_names = tuple(f"{kind}_{number}" for kind in ("kv", "bus") for number in range(_NODES))

    def __init__(self, data: Path, ports: dict[str, int]) -> None:
        self.nodes: list[Service] = [_Node(data, ports, number) for number in range(_NODES)]

    @property
    def url(self) -> str:
        """The address of one server, by which clients find the others."""
        return f"redis://127.0.0.1:{self.ports[0]}/0"

    @property
    def ports(self) -> list[int]:
        """Of each server; the primaries are first, as long as none has died."""
        return [node.ports["kv"] for node in self.nodes]

    def start(self) -> None:
        for node in self.nodes:
            node.start()

    def wait(self) -> None:
        """Return when every slot is served and every replica follows. Raises NightjarError."""
        for node in self.nodes:
            node.wait()
        clients = [redis.Redis(port=port) for port in self.ports]
        try:
            if clients[0].cluster("INFO")["cluster_known_nodes"] == "1":
                self._join(clients)
            _until(lambda: all(_is_whole(client) for client in clients))
        finally:
            for client in clients:
                client.close()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def _join(self, clients: list[redis.Redis]) -> None:
        for number, client in enumerate(clients[:PRIMARIES]):
            first, last = _SLOTS * number // PRIMARIES, _SLOTS * (number + 1) // PRIMARIES - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in self.nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.ports["kv"], node.ports["bus"])
        _until(lambda: all(client.cluster("INFO")["cluster_known_nodes"] == str(_NODES) for client in clients))
        for number, client in enumerate(clients[PRIMARIES:]):
            primary = clients[number].execute_command("CLUSTER", "MYID").decode()
            _until(lambda client=client, primary=primary: _follow(client, primary))


def _follow(replica: redis.Redis, primary: str) -> bool:
    try:
        replica.execute_command("CLUSTER", "REPLICATE", primary)
    except redis.ResponseError:  # it has not heard of that one yet
        return False
    return True


def _is_whole(client: redis.Redis) -> bool:
    if client.cluster("INFO")["cluster_state"] != "ok":
        return False
    seen = client.info("replication")
    return seen["role"] == "master" or seen["master_link_status"] == "up"


def _until(holds: Callable[[], bool]) -> None:
    overdue = time.monotonic() + _FORMED_WITHIN_S
    while not holds():
        if time.monotonic() > overdue:
            raise NightjarError("the servers of Valkey do not form a cluster", "See their logs below logs/")
        time.sleep(0.05)
