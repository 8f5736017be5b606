"""Nobody else on the machine is served: each server asks for its password, which only its owner can read."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import grpc
import pytest
import redis
from pymilvus.grpc_gen.milvus_pb2 import ShowCollectionsRequest
from pymilvus.grpc_gen.milvus_pb2_grpc import MilvusServiceStub

from deploy.embedded import ports
from deploy.embedded.milvus import MilvusLite
from deploy.embedded.service import Service
from deploy.embedded.stack import NOTED, Stack
from deploy.embedded.valkey import Valkey
from nightjar.errors import NightjarError
from nightjar.publish.store import Store
from nightjar.settings import Settings
from nightjar.vectors.connection import Connection
from tests.services import _running

SECRET = "hush-hush"
ALERT = b"\x15"
"""The first byte of what a TLS server says to somebody who does not speak TLS; HTTP/2 would begin with a length."""


running = contextmanager(_running)
"""A service, started and in the end stopped."""


def arguments(service: Service) -> str:
    return Path(f"/proc/{service.process.pid}/cmdline").read_text()


def private(folder: Path) -> bool:
    return not folder.stat().st_mode & 0o077


def test_valkey_serves_those_who_know_its_password(tmp_path):
    with running(Valkey(tmp_path, ports.choose(Valkey.port_names, {}), SECRET)) as server:
        with redis.Redis(port=server.ports["kv"]) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("nightjar:current")
        with closing(Store(Settings(kv_url=server.url))) as store:
            assert store.current() == ""
        assert SECRET not in arguments(server)
        assert private(server.folder)
        assert private(server.folder / "secrets.conf")


def test_milvus_lite_serves_those_who_bring_its_token(tmp_path):
    with running(MilvusLite(tmp_path, ports.choose(MilvusLite.port_names, {}), SECRET)) as server:
        own = Settings(milvus_uri=server.uri, milvus_token=server.token)
        assert Connection(own).client.list_collections() == []
        with grpc.insecure_channel(f"127.0.0.1:{server.ports['milvus']}") as channel:
            ask = MilvusServiceStub(channel).ShowCollections
            for token in ("", "root:Milvus", SECRET[:-1]):
                brought = [("authorization", base64.b64encode(token.encode()).decode())] if token else []
                with pytest.raises(grpc.RpcError) as refused:
                    ask(ShowCollectionsRequest(), metadata=brought, timeout=120)
                assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        with pytest.raises(NightjarError, match="Check NIGHTJAR_MILVUS_URI, NIGHTJAR_MILVUS_TOKEN"):
            Connection(replace(own, milvus_token="wrong"), timeout_s=1)
        assert SECRET not in arguments(server)
        assert private(server.folder)


def test_of_the_object_store_only_s3_answers(seaweedfs, settings):
    """Its other servers know of no keys: whoever reaches the filer reads and removes everything."""
    for server, path in {
        "filer": f"buckets/{settings.bucket}/",
        "master": f"col/delete?collection={settings.bucket}",
        "volume": "ui/index.html",
        "s3": settings.bucket,
    }.items():
        with pytest.raises(HTTPError) as refused:
            ports.OPENER.open(f"http://127.0.0.1:{seaweedfs.ports[server]}/{path}", timeout=120)
        assert refused.value.code in (401, 403, 404), server
    for server in ("filer", "master", "volume"):
        with socket.create_connection(("127.0.0.1", seaweedfs.ports[f"{server}_grpc"]), timeout=120) as plain:
            plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
            assert plain.recv(1) in (b"", ALERT), server
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", seaweedfs.ports[f"{server}_grpc"]), timeout=120) as plain,
            pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"),
            stranger.wrap_socket(plain) as wrapped,
        ):
            wrapped.recv(1)


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first = Stack(tmp_path)
    again = Stack(tmp_path)
    assert first.page == again.page
    assert first.environment == again.environment
    assert private(tmp_path / NOTED)
    assert first.settings.milvus_token
    assert ":@" not in first.settings.kv_url
    assert "@" in first.settings.kv_url


def test_a_stack_of_before_gets_the_passwords_that_it_lacks(tmp_path):
    Stack(tmp_path)
    noted = json.loads((tmp_path / NOTED).read_text())
    before = {name: noted[name] for name in ("access_key", "secret_key", "postgres", "jwt", "api", "fernet")}
    (tmp_path / NOTED).write_text(json.dumps(before))
    now = Stack(tmp_path)
    completed = json.loads((tmp_path / NOTED).read_text())
    assert completed.items() >= before.items()
    assert set(completed) == set(noted)
    assert completed["page"] in now.page
    assert private(tmp_path / NOTED)
