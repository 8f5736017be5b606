"""The whole cluster: one data directory, started and ended as one."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from deploy.cluster import binaries
from deploy.cluster.backing import Etcd, Kafka, ZooKeeper
from deploy.cluster.milvus import ROLES, ROOT_PATH, Role
from deploy.embedded import folders, ports, processes
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.embedded.service import REPOSITORY, Service
from nightjar.errors import NightjarError

HOME = REPOSITORY / ".nightjar" / "cluster"
"""The data directory of the cluster that `make cluster` starts."""

QUERY_NODES = 2
_BUCKET = "milvus"
NOTED = "cluster.json"
"""The file in a data directory that says that a cluster was made there."""
_ALL_NODES = "__default_resource_group"
_READY_WITHIN_S = 90.0
Say = Callable[[str], None]


class Cluster:
    """Every process of the cluster with its state below `data`."""

    def __init__(self, data: Path) -> None:
        """Raises NightjarError if `data` cannot be a data directory."""
        self.data = folders.usable(data)
        noted = self.data / NOTED
        made = json.loads(noted.read_text()) if noted.exists() else {"keys": _new_keys(), "ports": {}}
        if not processes.marked(f"{self.data}:"):  # else somebody listens on them
            made["ports"] = ports.choose(_port_names(), made["ports"])
            noted.touch(mode=0o600)
            noted.write_text(json.dumps(made))
        self._build(made["keys"], made["ports"])

    def _build(self, keys: dict[str, str], chosen: dict[str, int]) -> None:
        data = self.data
        storage = SeaweedFS(data, chosen, keys, _BUCKET)
        self.backing: list[Service] = [storage, Etcd(data, chosen), ZooKeeper(data, chosen), Kafka(data, chosen)]
        single = [Role(data, chosen, role, storage) for role in ROLES if role != "querynode"]
        self.query_nodes = [Role(data, chosen, "querynode", storage, number + 1) for number in range(QUERY_NODES)]
        self.roles = {each.name: each for each in (*single, *self.query_nodes)}

    @property
    def uri(self) -> str:
        """Milvus's address, for NIGHTJAR_MILVUS_URI."""
        return f"http://127.0.0.1:{self.roles['proxy'].ports['proxy']}"

    @property
    def services(self) -> list[Service]:
        return [*self.backing, *self.roles.values()]

    # --- life ---------------------------------------------------------------------------------------------------------
    def up(self, say: Say = lambda line: None) -> None:
        """Start what does not run; returns when the proxy answers. Raises NightjarError, and then nothing runs: also if
        the cluster is ended meanwhile."""
        for package in (binaries.MILVUS, binaries.ETCD, binaries.KAFKA, binaries.JAVA):
            binaries.fetch(package)
        begun, stopped = time.monotonic(), folders.stopped(self.data)
        try:
            storage, etcd, zookeeper, kafka = self.backing
            for together in ([storage, etcd, zookeeper], [kafka], list(self.roles.values())):
                if kafka in together and not any(role.process for role in self.roles.values()):
                    self._forget_sessions(etcd)
                for service in together:
                    service.start()
                for service in together:
                    service.wait()
                    say(f"{service.name:<12} answers after {time.monotonic() - begun:4.1f} s")
            self._wait_for_query_nodes()
            say(f"the cluster is ready after {time.monotonic() - begun:.1f} s")
        except BaseException as error:
            asked = folders.stopped(self.data) != stopped
            self.down()
            if asked and isinstance(error, Exception):
                raise NightjarError("the cluster was stopped while it started", "To start it: make cluster") from error
            raise

    @staticmethod
    def _forget_sessions(etcd: Etcd) -> None:
        """Remove the sessions of killed processes, which would be waited for; the number given last stays."""
        sessions = f"{ROOT_PATH}/meta/session/"
        etcd.remove(sessions, f"{sessions}id")
        etcd.remove(f"{sessions}id\0", f"{sessions}\xff")

    def _wait_for_query_nodes(self) -> None:
        """Return when the proxy knows all of the query nodes. Raises NightjarError if one of the processes ends."""
        deadline = time.monotonic() + _READY_WITHIN_S
        while self._known_query_nodes() != QUERY_NODES:
            for service in self.services:
                service.answers()
            if time.monotonic() > deadline:
                raise NightjarError(
                    f"Milvus does not know {QUERY_NODES} query nodes after {_READY_WITHIN_S:.0f} s",
                    f"The logs are in {self.data / 'logs'}",
                )
            time.sleep(0.2)

    def _known_query_nodes(self) -> int:
        try:
            with contextlib.closing(MilvusClient(self.uri, timeout=2)) as client:
                return client.describe_resource_group(_ALL_NODES).num_available_node
        except (MilvusException, grpc.RpcError):
            return 0

    def down(self, say: Say = lambda line: None) -> None:
        """End every process of the cluster, whoever started it; the data stays."""
        folders.note_stop(self.data)

        def end(service: Service) -> None:
            ran = service.process
            service.stop()
            if ran:
                say(f"{service.name:<12} stopped")

        with ThreadPoolExecutor() as threads:
            list(threads.map(end, self.roles.values()))
        for service in reversed(self.backing):  # what needs others first
            end(service)
        processes.end(processes.marked(f"{self.data}:"), signal.SIGTERM, 2.0)


def clusters() -> list[Path]:
    """The data directories of the clusters that there were, beside HOME."""
    return sorted(noted.parent for noted in HOME.parent.glob(f"*/{NOTED}"))


def _port_names() -> list[str]:
    names = [name for service in (SeaweedFS, Etcd, ZooKeeper, Kafka) for name in service.port_names]
    nodes = [f"querynode{number + 1}" for number in range(QUERY_NODES)]
    return [*names, *(role for role in ROLES if role != "querynode"), "proxy_internal", *nodes]


def _new_keys() -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": secrets.token_hex(16), "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32)}
