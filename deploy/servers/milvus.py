"""Milvus 2.3.5, the real server, all of its roles in one process with an etcd and a message queue of its own."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path

from deploy.cluster import binaries
from deploy.embedded import loopback, ports
from deploy.embedded.service import Service, executable

_ROLES = ("rootCoord", "dataCoord", "queryCoord", "dataNode", "queryNode", "indexNode")
_QUICK_LOADS = {"checkInterval": 100, "distPullInterval": 100, "checkHandoffInterval": 500}
"""Milliseconds between looks at what is loaded; with its own, 500 to 5000, a small collection takes seconds."""
_PID_FILES = Path("/run/milvus")


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 server on this machine where Milvus keeps its files, and from which it imports."""

    port: int
    name: str
    keys: dict[str, str]
    """AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""


class MilvusStandalone(Service):
    """A server on 127.0.0.1. Every acknowledged row survives a kill; an orderly end may take it half an hour."""

    name = "milvus-standalone"
    port_names = ("milvus", "milvus_internal", "milvus_metrics", "etcd", "etcd_peer", *_ROLES)
    ends_by = signal.SIGKILL
    ready_within_s = 120.0

    def __init__(self, data: Path, ports: dict[str, int], bucket: Bucket) -> None:
        super().__init__(data, ports)
        self.bucket = bucket

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.ports['milvus']}"

    def command(self) -> list[str]:
        # Its pid file is named by the alias: two servers of one name refuse each other.
        server = [str(binaries.fetch(binaries.MILVUS) / "milvus"), "run", "standalone", "-alias", self._alias]
        return [executable("python"), loopback.__file__, *server]

    def environment(self) -> dict[str, str]:
        return {
            "MILVUSCONF": str(self._configs),
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self.ports["milvus_metrics"]),
            "LD_LIBRARY_PATH": str(binaries.MILVUS.folder),
        }

    def prepare(self) -> None:
        self._configs.mkdir(exist_ok=True)
        (self._configs / "glog.conf").write_text("--logtostderr=true\n--minloglevel=2\n")  # else it does not start
        for name, settings in (("milvus.yaml", self.configuration()), ("etcd.yaml", self._etcd())):
            (self._configs / name).write_text(json.dumps(settings, indent=1))  # which is YAML too

    def configuration(self) -> dict:
        """What differs from the defaults that are compiled in."""
        return {role: {"ip": "127.0.0.1", "port": self.ports[role]} for role in _ROLES} | {
            "etcd": {
                "endpoints": f"127.0.0.1:{self.ports['etcd']}",
                "use": {"embed": True},
                "data": {"dir": str(self.folder / "etcd")},
                "config": {"path": str(self._configs / "etcd.yaml")},
            },
            "mq": {"type": "rocksmq"},
            "rocksmq": {"path": str(self.folder / "queue")},
            "localStorage": {"path": str(self.folder / "local")},
            "minio": {
                "address": "127.0.0.1",
                "port": self.bucket.port,
                "bucketName": self.bucket.name,
                "rootPath": "milvus",
                "accessKeyID": self.bucket.keys["AWS_ACCESS_KEY_ID"],
                "secretAccessKey": self.bucket.keys["AWS_SECRET_ACCESS_KEY"],
                "useSSL": False,
            },
            "common": {"storageType": "remote", "session": {"ttl": 5}},
            "queryCoord": _QUICK_LOADS | {"ip": "127.0.0.1", "port": self.ports["queryCoord"]},
            "proxy": {
                "timeTickInterval": 50,
                "ip": "127.0.0.1",
                "port": self.ports["milvus"],
                "internalPort": self.ports["milvus_internal"],
                "http": {"enabled": False},
            },
            "log": {"level": "warn", "stdout": True},
        }

    def ready(self) -> bool:
        if not ports.answers(self.ports["milvus"]):
            return False
        try:
            address = f"http://127.0.0.1:{self.ports['milvus_metrics']}/healthz"
            with ports.OPENER.open(address, timeout=5) as answer:
                return answer.read().strip() == b"OK"
        except OSError:
            return False

    def end_leftovers(self) -> None:
        super().end_leftovers()
        (_PID_FILES / f"standalone-{self._alias}.pid").unlink(missing_ok=True)

    @property
    def _alias(self) -> str:
        return f"nightjar-{self.ports['milvus']}"

    @property
    def _configs(self) -> Path:
        return self.folder / "configs"

    def _etcd(self) -> dict:
        client, peer = (f"http://127.0.0.1:{self.ports[name]}" for name in ("etcd", "etcd_peer"))
        return {
            "name": "default",
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
