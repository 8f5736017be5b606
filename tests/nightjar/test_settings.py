"""Settings from the environment, and from the embedded parts where the environment says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nightjar.errors import NightjarError
from nightjar.settings import Settings

ADDRESSES = ("NIGHTJAR_S3_ENDPOINT", "NIGHTJAR_BUCKET", "NIGHTJAR_MILVUS_URI", "NIGHTJAR_KV_URL")


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without addresses, and the file of parts that were started."""
    file = tmp_path / "environment"
    file.write_text("NIGHTJAR_S3_ENDPOINT=http://here\nNIGHTJAR_MODEL=theirs\nAWS_ACCESS_KEY_ID=local\n")
    for name in (*ADDRESSES, "NIGHTJAR_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "cloud")
    monkeypatch.setenv("NIGHTJAR_ENV_FILE", str(file))
    yield file
    for name in (*ADDRESSES, "NIGHTJAR_MODEL"):  # what `load` added
        os.environ.pop(name, None)


def test_what_one_process_has_another_gets():
    made = Settings(bucket="b", shard_songs=7, first_night="2026-11-20")
    assert Settings.load(made.environment()) == made


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_a_size_that_is_no_number_is_refused(text):
    with pytest.raises(NightjarError, match="NIGHTJAR_SHARD_SONGS"):
        Settings.load({"NIGHTJAR_SHARD_SONGS": text})


def test_the_parts_started_last_are_found(embedded):
    found = Settings.load()
    assert (found.s3_endpoint, found.model) == ("http://here", "theirs")
    assert os.environ["AWS_ACCESS_KEY_ID"] == "local"


def test_what_the_environment_says_goes_before(embedded, monkeypatch):
    monkeypatch.setenv("NIGHTJAR_MODEL", "ours")
    assert Settings.load().model == "ours"


def test_an_address_in_the_environment_keeps_the_file_out(embedded, monkeypatch):
    monkeypatch.setenv("NIGHTJAR_BUCKET", "production")
    assert Settings.load().s3_endpoint == ""
    assert os.environ["AWS_ACCESS_KEY_ID"] == "cloud"
