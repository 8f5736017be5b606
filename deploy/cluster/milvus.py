"""The parts of Milvus itself, each a process: three coordinators, a data node, an index node, query nodes, a proxy."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.cluster import binaries
from deploy.embedded import loopback, ports
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.embedded.service import Service, executable

ROLES = {
    "rootcoord": "rootCoord",
    "datacoord": "dataCoord",
    "querycoord": "queryCoord",
    "indexnode": "indexNode",
    "datanode": "dataNode",
    "querynode": "queryNode",
    "proxy": "proxy",
}
"""What `milvus run` calls them, and the sections of the configuration that give their addresses."""

ROOT_PATH = "milvus"
"""What the keys of everything begin with, in etcd and in object storage."""
_NO_PORT = "99999"
"""A port that there is none of keeps the server of metrics off, which nobody asks here."""
_LOOPBACK = Path(loopback.__file__)


class Role(Service):
    """One process of Milvus. It keeps nothing that matters itself: a kill loses no acknowledged row."""

    grace_s = 3.0
    """Sessions end at once by an orderly end; a query node would wait for others to take over, for minutes."""

    def __init__(self, data: Path, ports: dict[str, int], role: str, storage: SeaweedFS, number: int = 1) -> None:
        """`number` tells nodes of one role apart."""
        self.role, self.storage = role, storage
        self.name = f"{role}{number}" if role == "querynode" else role
        super().__init__(data, ports)

    @property
    def port_names(self) -> tuple[str, ...]:
        return (self.name, "proxy_internal") if self.role == "proxy" else (self.name,)

    def prepare(self) -> None:
        (self.folder / "milvus.yaml").write_text(json.dumps(self._configuration(), indent=1))  # JSON is YAML
        (self.folder / "glog.conf").write_text("--logtostderr=true\n--minloglevel=2\n")  # else it refuses to start

    def command(self) -> list[str]:
        # The alias is part of a lock's name in a folder that all of a machine's Milvus share.
        return [
            *(executable("python"), str(_LOOPBACK), str(binaries.fetch(binaries.MILVUS) / "milvus")),
            *("run", self.role, "-alias", f"{self.name}-{self.ports[self.name]}"),
        ]

    def environment(self) -> dict[str, str]:
        return {
            "LD_LIBRARY_PATH": str(binaries.MILVUS.folder),
            "MILVUSCONF": str(self.folder),
            "METRICS_PORT": _NO_PORT,
        }

    def ready(self) -> bool:
        return ports.answers(self.ports[self.name])

    def _configuration(self) -> dict:
        """What differs from Milvus's own defaults."""
        own = {"ip": "127.0.0.1", "port": self.ports[self.name]}
        if self.role == "proxy":
            own |= {"internalPort": self.ports["proxy_internal"], "http": {"enabled": False}}
        kafka = {"api": {"version": {"request": "false"}}, "broker": {"version": {"fallback": "0.9.0.1"}}}
        return {
            "etcd": {"endpoints": f"127.0.0.1:{self.ports['etcd']}", "rootPath": ROOT_PATH, "use": {"embed": False}},
            "minio": {
                "address": "127.0.0.1",
                "port": self.ports["s3"],
                "accessKeyID": self.storage.keys["AWS_ACCESS_KEY_ID"],
                "secretAccessKey": self.storage.keys["AWS_SECRET_ACCESS_KEY"],
                "useSSL": False,
                "bucketName": self.storage.bucket,
                "rootPath": ROOT_PATH,
            },
            "mq": {"type": "kafka"},
            "kafka": {
                "brokerList": f"127.0.0.1:{self.ports['kafka']}",
                "consumer": kafka,
                "producer": kafka | {"compression": {"codec": "none"}},
            },
            "localStorage": {"path": str(self.folder / "local")},
            "common": {"storageType": "remote", "gracefulStopTimeout": 2, "session": {"ttl": 10}},
            "grpc": {"client": {"maxMaxAttempts": 3}},
            "log": {"level": "warn", "stdout": True},
            ROLES[self.role]: own,
        }
