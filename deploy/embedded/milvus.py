"""Vectors: Milvus Lite, one process that others share by its port."""

from __future__ import annotations

import signal
from pathlib import Path

from deploy.embedded import ports
from deploy.embedded.service import Service, executable

_PROGRAM = Path(__file__).with_name("milvus_server.py")
"""Run and not imported: the embedder's environment, whose tests start other services, has no Milvus Lite."""
_TOKEN = "NIGHTJAR_MILVUS_TOKEN"


class MilvusLite(Service):
    """Milvus's protocol on a port; every acknowledged row survives a kill."""

    name = "milvus"
    port_names = ("milvus",)
    ends_by = signal.SIGINT  # closes its files; any other signal just ends it
    grace_s = 8.0

    def __init__(self, data: Path, ports: dict[str, int], token: str) -> None:
        """`token` is what clients must bring; with an empty one everybody on this machine is served."""
        super().__init__(data, ports)
        self.token = token

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.ports['milvus']}"

    def command(self) -> list[str]:
        place = [str(self.folder), str(self.ports["milvus"])]
        return [executable("python"), "-P", str(_PROGRAM), *place]  # -P: what lies beside it is not imported

    def environment(self) -> dict[str, str]:
        return {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", _TOKEN: self.token}

    def ready(self) -> bool:
        return ports.answers(self.ports["milvus"])
