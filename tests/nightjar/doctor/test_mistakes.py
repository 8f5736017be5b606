"""Mistakes that people make in settings, as `nightjar doctor` tells them: what is wrong, and no defect of ours."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.doctor import embedder, machine, metadata, model, servers, storage
from nightjar.doctor.examine import FAIL, OK, SKIP, WARN
from nightjar.lake import Lake, Partition
from nightjar.models import live
from tests.nightjar.doctor.found import failure, only, script


def all_found(capsys) -> dict[str, dict[str, list[str]]]:
    """What the whole command says, by state and check."""
    assert main(["doctor", "--json"]) == 1
    found: dict = {OK: {}, WARN: {}, FAIL: {}, SKIP: {}}
    for each in json.loads(capsys.readouterr().out)["findings"]:
        found[each["state"]].setdefault(each["check"], []).append(each["found"])
    return found


def test_who_needs_a_setting_that_cannot_be_is_not_asked(hosts, monkeypatch, capsys) -> None:
    monkeypatch.setenv("NIGHTJAR_S3_ENDPOINT", "127.0.0.1:1")
    found = all_found(capsys)
    assert found[FAIL] == {"settings": ["NIGHTJAR_S3_ENDPOINT='127.0.0.1:1' is no address"]}
    asked_nothing = {storage.NAME, storage.CLOCK, model.NAME, servers.MILVUS, servers.KV}
    because = ["not asked: NIGHTJAR_S3_ENDPOINT cannot be, see settings"]
    assert found[SKIP] == dict.fromkeys(asked_nothing, because)
    assert found[OK].keys() == {machine.VERSIONS, machine.FOLDERS, metadata.NAME, embedder.NAME, embedder.WEIGHTS}


def test_all_settings_that_cannot_be_are_listed_together(hosts, monkeypatch, capsys) -> None:
    for name, value in (("SHARD_SONGS", "many"), ("KV_URL", "redis://:hu#sh@kv"), ("AIRFLOW", "air'flow")):
        monkeypatch.setenv(f"NIGHTJAR_{name}", value)
    found = all_found(capsys)
    assert [each.split()[0] for each in found[FAIL].pop("settings")] == [
        "NIGHTJAR_KV_URL",
        "NIGHTJAR_SHARD_SONGS='many'",
        'NIGHTJAR_AIRFLOW="air\'flow"',
    ]
    assert found[FAIL] == {}
    assert found[SKIP].keys() == {servers.KV, metadata.NAME}
    assert found[OK].keys() > {storage.NAME, servers.MILVUS, embedder.WEIGHTS}
    assert "hu" not in str(found).replace("huggingface", "")


def test_a_file_is_no_milvus_and_none_is_made(hosts, tmp_path: Path) -> None:
    found = only(servers.MILVUS, replace(hosts, milvus_uri=str(tmp_path / "x.db")))
    assert found[SKIP][0].found == "not asked: NIGHTJAR_MILVUS_URI cannot be, see settings"
    assert not (tmp_path / "x.db").exists()


def test_other_servers_than_object_storage(hosts) -> None:
    milvus = replace(hosts, s3_endpoint=hosts.milvus_uri)
    failure(storage.NAME, milvus, "failed for 'doctor/'", "NIGHTJAR_S3_ENDPOINT")
    failure(storage.CLOCK, milvus, "does not answer as a web server", "See object storage")

    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        web = replace(hosts, s3_endpoint=f"http://127.0.0.1:{server.server_port}")
        failure(storage.NAME, web, "is no object storage: it answers a list with 404", "NIGHTJAR_S3_ENDPOINT")
        server.shutdown()


def test_tls_of_a_store_without(hosts) -> None:
    failure(servers.KV, replace(hosts, kv_url=f"rediss{hosts.kv_url[5:]}"), "asks for TLS, and its port", "redis://")
    failure(servers.KV, replace(hosts, kv_url="rediss://127.0.0.1:1"), "rediss://127.0.0.1:1 failed", "speaks TLS")


def test_the_bucket_of_imports(hosts) -> None:
    failure(storage.NAME, replace(hosts, milvus_bucket="nosuch"), "MILVUS_BUCKET=nosuch: there is no", "or unset it")
    found = only(storage.NAME, replace(hosts, milvus_bucket=hosts.bucket))
    assert found[FAIL] == []
    assert found[OK][-1].found == f"NIGHTJAR_MILVUS_BUCKET={hosts.bucket} can be written"


@pytest.mark.services
def test_a_milvus_server_tells_its_query_nodes(hosts, milvus_standalone) -> None:
    found = only(servers.MILVUS, replace(hosts, milvus_uri=milvus_standalone.uri))
    assert found[FAIL] + found[WARN] == []
    assert re.search(r"answers: v?2\.[0-9.]+\S*, 1 query node$", found[OK][0].found), found[OK][0]


def test_a_model_that_nobody_knows(hosts, lake: Lake, tmp_path: Path) -> None:
    assert only(model.NAME, hosts)[OK][0].found == "none is live yet, the first will be nightjar_pair-2"
    live.begin(lake.objects, "nightjar_pair-2")
    assert only(model.NAME, hosts)[OK][0].found == "nightjar_pair-2 is live"
    other = replace(hosts, model="other-1")
    script(tmp_path / "python", "exit 3")
    assert "has embedded nothing, and the embedder does not say" in only(model.NAME, other)[WARN][0].found
    script(tmp_path / "python", 'for each; do case "$each" in --out=*) echo other-1 >"${each#--out=}";; esac; done')
    assert "has embedded nothing yet" in only(model.NAME, other)[OK][0].found
    failed = only(model.NAME, hosts)[FAIL][0]
    assert "nightjar_pair-2 is live, and the embedder does not make it any more" in failed.found
    assert "no day either" in failed.found
    assert failed.remedy.startswith("Remove models/live.json from the bucket")
    third = replace(hosts, model="third-1")
    warned = only(model.NAME, third)[WARN][0]
    assert "has embedded nothing, and the embedder does not make it" in warned.found
    assert warned.remedy == "Unset it, and it is nightjar_pair-2; it makes other-1"
    stems = Partition("stems", "2026-11-20", "nightjar_pair-2")
    lake.write(stems, schemas.STEMS.empty_table())
    remedy = only(model.NAME, hosts)[FAIL][0].remedy
    assert remedy.startswith("nightjar model fill other-1, then nightjar model promote other-1")
    partition = Partition("embeddings", "2026-11-20", "third-1")
    lake.write_part(partition, 0, schemas.EMBEDDINGS.empty_table())
    lake.commit(partition, 1)
    assert "is embedded, and is not the live one" in only(model.NAME, third)[OK][0].found


def test_without_object_storage_only_that_fails(hosts) -> None:
    lost = replace(hosts, s3_endpoint="http://127.0.0.1:1")
    for name in (model.NAME, servers.MILVUS, servers.KV):
        found = only(name, lost)
        assert found[FAIL] + found[WARN] == [], name
        assert len(found[SKIP]) == 1, name


def test_what_airflow_says_and_slots_that_no_core_is_there_for(hosts, tmp_path: Path) -> None:
    said = (
        "Traceback (most recent call last):\n  File ...\n"
        'sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "db" failed: refused\n'
        "\tIs the server running on that host?\n\n(Background on this error at: https://sqlalche.me/e/20/e3q8)"
    )
    script(tmp_path / "airflow", f"cat >&2 <<'END'\n{said}\nEND\nexit 1")
    failure(metadata.NAME, hosts, "OperationalError.*connection to server at .* refused$", "SQL_ALCHEMY_CONN")
    for slots, state, words in (
        ("500", WARN, "500 slots on"),
        ("-1", WARN, "no end of slots on"),
        ("0", FAIL, "has no slots"),
    ):
        script(tmp_path / "airflow", f'echo \'[{{"pool": "separation", "slots": "{slots}"}}]\'')
        assert words in only(metadata.NAME, hosts)[state][0].found
    script(tmp_path / "airflow", 'echo \'[{"pool": "separation", "slots": "500"}]\'')
    assert only(metadata.NAME, replace(hosts, embedder_runner="kubernetes"))[WARN] == []


@pytest.mark.parametrize("python", ["/bin/true", "/bin/echo", sys.executable])
def test_an_interpreter_that_is_not_the_embedders(hosts, python: str) -> None:
    failure(embedder.NAME, replace(hosts, embedder_python=python), re.escape(python), "NIGHTJAR_EMBEDDER_PYTHON")


def test_a_temporary_folder_that_is_not_there(hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("/nonexistent", str(tmp_path)):
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setenv("TMPDIR", folder)
        warned = [each.found for each in only(machine.FOLDERS, hosts)[WARN] if "TMPDIR=" in each.found]
        taken = tempfile.gettempdir()
        assert warned == ([] if taken == folder else [f"TMPDIR={folder} cannot be written: {taken} is taken"])
    assert taken == str(tmp_path)


def test_what_is_seen_of_a_key_value_store_by_who_may_not(hosts, kv) -> None:
    kv.execute_command("ACL", "SETUSER", "app", "on", ">hush", "~nightjar:*", "+get")
    try:
        app = replace(hosts, kv_url=hosts.kv_url.replace("://", "://app:hush@"))
        failure(servers.KV, app, "no permissions to run the 'info'", r"rights ~nightjar:\* and \+info \+get .*\+eval")
        failure(servers.KV, replace(app, kv_url=app.kv_url.replace("hush", "wrong")), "WRONGPASS|invalid", "password")
    finally:
        kv.execute_command("ACL", "DELUSER", "app")
