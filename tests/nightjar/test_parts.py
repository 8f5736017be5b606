"""Which environment a command gets: the embedded parts' file as a whole with its own variables over it, or nothing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from nightjar import parts
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.settings import Settings

WRITTEN = Settings(
    s3_endpoint="http://127.0.0.1:1",
    bucket="written",
    milvus_uri="http://127.0.0.1:2",
    milvus_token="theirs",
    kv_url="redis://127.0.0.1:3/0",
    shard_songs=3,
    airflow=".venv/bin/python -m deploy.embedded airflow",
    embedder_options="--env 'A=it''s \"b\"' --network  host",
)
KEY = {"AWS_ACCESS_KEY_ID": "written=key"}


@pytest.fixture
def file(tmp_path):
    """A file as the embedded parts write it."""
    file = tmp_path / "environment"
    file.write_text(parts.described(WRITTEN.environment() | KEY))
    return file


def taken(file, **own: str) -> tuple[dict[str, str], str]:
    environ = {"NIGHTJAR_ENV_FILE": str(file)} | own
    said = parts.take(environ)
    return environ, said


def test_the_whole_file_is_taken_where_nothing_says_where_the_parts_are(file):
    own = {
        "NIGHTJAR_SHARD_SONGS": "9",
        "NIGHTJAR_MILVUS_TOKEN": "mine",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_PROFILE": "mine",
    }
    environ, said = taken(file, **own)
    assert Settings.load(environ) == replace(WRITTEN, shard_songs=9)
    assert (environ["AWS_ACCESS_KEY_ID"], "AWS_PROFILE" in environ, said) == ("written=key", False, "")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:19530", "http://localhost:19530", "http://[::1]:19530"])
def test_a_milvus_of_this_machine_may_be_another_and_it_is_said(file, uri):
    environ, said = taken(file, NIGHTJAR_MILVUS_URI=uri)
    assert Settings.load(environ) == replace(WRITTEN, milvus_uri=uri, milvus_token="")
    assert environ["AWS_ACCESS_KEY_ID"] == "written=key"
    assert said == f"NIGHTJAR_MILVUS_URI is set; the lake and the key-value store are those of {file}"


@pytest.mark.parametrize(
    "own",
    [
        {"NIGHTJAR_S3_ENDPOINT": "http://elsewhere:9000"},
        {"NIGHTJAR_S3_ENDPOINT": ""},
        {"NIGHTJAR_BUCKET": "production"},
        {"NIGHTJAR_KV_URL": "redis://127.0.0.1:6379/0"},
        {"NIGHTJAR_MILVUS_URI": "https://milvus.production:19530"},
        {"NIGHTJAR_MILVUS_URI": "http://127.0.0.1.production:19530"},
        {"NIGHTJAR_MILVUS_URI": "http://127.0.0.1:19530", "NIGHTJAR_BUCKET": "production"},
        {"NIGHTJAR_MILVUS_URI": "http://127.0.0.1:19530", "NIGHTJAR_MILVUS_TOKEN": "of-production"},
        {"NIGHTJAR_MILVUS_URI": "http://127.0.0.1:19530", "NIGHTJAR_MILVUS_BUCKET": "milvus"},
    ],
)
def test_another_system_gets_nothing_of_the_file(file, own):
    environ, said = taken(file, **own)
    assert environ == {"NIGHTJAR_ENV_FILE": str(file)} | own
    assert said == ""


def test_a_shell_reads_the_same(file):
    script = f"set -a && . {file} && env -0"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env={}).stdout
    read = dict(line.split("=", 1) for line in said.split("\0") if line)
    assert Settings.load(read) == WRITTEN


def test_values_without_quotes_are_read_too(file):
    file.write_text("# by hand\n\nNIGHTJAR_AIRFLOW=docker compose exec airflow\n")
    assert taken(file)[0]["NIGHTJAR_AIRFLOW"] == "docker compose exec airflow"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x7fELF\xff\xfe", "it is not text"),
        (b"{}", "line 1: it is not NAME=value"),
        (b"A=1\nB='2\n", "line 2: No closing quotation"),
        (None, "No such file or directory"),
    ],
)
def test_a_named_file_that_is_none_is_an_error_that_names_it(file, content, why):
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NightjarError, match=f"{file} gives no settings: {why}"):
        taken(file)


def test_without_a_file_that_was_started_last_nothing_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_LAST_STARTED", tmp_path / "none")
    environ: dict[str, str] = {}
    assert (parts.take(environ), environ) == ("", {})


def test_the_command_line_says_which_parts_are_the_files(file, monkeypatch, capsys):
    for name in (*WRITTEN.environment(), *KEY):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever the command does
        monkeypatch.delenv(name)
    monkeypatch.setenv("NIGHTJAR_ENV_FILE", str(file))
    monkeypatch.setenv("NIGHTJAR_MILVUS_URI", "http://127.0.0.1:4")
    file.write_text(parts.described(WRITTEN.environment() | KEY | {"NIGHTJAR_SHARD_SONGS": "none"}))
    assert main(["status"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("nightjar: NIGHTJAR_MILVUS_URI is set; the lake")
    assert "NIGHTJAR_SHARD_SONGS='none'" in said[1]
    assert os.environ["NIGHTJAR_S3_ENDPOINT"] == WRITTEN.s3_endpoint
    file.unlink()
    monkeypatch.delenv("NIGHTJAR_S3_ENDPOINT")
    for name in ("NIGHTJAR_BUCKET", "NIGHTJAR_KV_URL"):
        monkeypatch.delenv(name)
    assert main(["status"]) == 1
    assert f"{file} gives no settings: No such file" in capsys.readouterr().err
