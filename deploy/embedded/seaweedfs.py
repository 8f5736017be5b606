"""Object storage: SeaweedFS, all of its servers in one process, of which others may ask the S3 server alone."""

from __future__ import annotations

import secrets
import subprocess
import urllib.error
from pathlib import Path

from deploy.embedded import ports
from deploy.embedded.service import Service, executable

_SERVERS = ("s3", "master", "volume", "filer", "admin")
_PEERS = ("MASTER", "VOLUME", "FILER", "S3", "ADMIN", "WORKER", "CLIENT")
_SIGNED = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")


class SeaweedFS(Service):
    """An S3 server that checks signatures; one key pair, which `keys` gives as AWS_* variables, may do everything."""

    name = "seaweedfs"
    port_names = tuple(server + kind for server in _SERVERS for kind in ("", "_grpc"))
    grace_s = 8.0

    def __init__(self, data, ports, keys: dict[str, str], bucket: str) -> None:
        super().__init__(data, ports)
        self.keys, self.bucket = keys, bucket

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    def environment(self) -> dict[str, str]:
        """With what keeps others from the servers behind S3, which by themselves serve everybody: keys for the volume
        server's HTTP, and for gRPC a certificate that both sides must have. See `weed scaffold -config=security`."""
        keys = {f"WEED_JWT_{name}_KEY": secrets.token_hex(32) for name in _SIGNED}
        pair = {"CERT": str(self._certificate), "KEY": str(self._key)}
        peers = {f"WEED_GRPC_{peer}_{kind}": path for peer in _PEERS for kind, path in pair.items()}
        return self.keys | keys | peers | {"WEED_GRPC_CA": str(self._certificate)}

    def prepare(self) -> None:
        python = Path(executable("weed")).with_name("python")  # of the environment that has the servers
        program = [python, "-P", Path(__file__).with_name("certificate.py")]  # -P: as for Milvus
        subprocess.run([*program, self._certificate, self._key], check=True)

    def command(self) -> list[str]:
        listen = [f"-{server}.port={self.ports[server]}" for server in _SERVERS]
        listen += [f"-{server}.port.grpc={self.ports[server + '_grpc']}" for server in _SERVERS]
        off = [
            "-disableHttp",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
        ]
        return [
            executable("weed"),
            "-logtostderr=true",  # else it writes files into /tmp
            "mini",
            f"-dir={self.folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-bucket={self.bucket}",
            f"-s3.localSocket={self.folder}/s3.sock",
            f"-filer.localSocket={self.folder}/filer.sock",
            *listen,
            *off,
        ]

    @property
    def _certificate(self) -> Path:
        return self.folder / "peers.pem"

    @property
    def _key(self) -> Path:
        return self.folder / "peers.key"

    def ready(self) -> bool:
        if not ports.answers(self.ports["s3"]):
            return False
        try:  # the bucket is made a moment after the server answers: 403 says that it is there, 404 that it is not
            ports.OPENER.open(f"{self.endpoint}/{self.bucket}", timeout=2).close()
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False
        return True

    def end_leftovers(self) -> None:
        """Remove the sockets too that it makes in /tmp, whatever it is told."""
        super().end_leftovers()
        for server in _SERVERS:
            Path(f"/tmp/seaweedfs-{server}-grpc-{self.ports[server + '_grpc']}.sock").unlink(missing_ok=True)
