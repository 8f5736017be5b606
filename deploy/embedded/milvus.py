"""Vectors: Milvus Lite, one process that others share by its port."""

from __future__ import annotations

import signal

from deploy.embedded import ports
from deploy.embedded.service import Service, executable


class MilvusLite(Service):
    """Milvus's protocol on a port; every acknowledged row survives a kill."""

    name = "milvus"
    port_names = ("milvus",)
    ends_by = signal.SIGINT  # closes its files; any other signal just ends it
    grace_s = 8.0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.ports['milvus']}"

    def command(self) -> list[str]:
        place = ["--data-dir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.ports["milvus"])]
        return [executable("milvus-lite"), "server", *place]

    def environment(self) -> dict[str, str]:
        return {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}

    def ready(self) -> bool:
        return ports.answers(self.ports["milvus"])
