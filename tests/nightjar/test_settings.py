from __future__ import annotations

from dataclasses import fields, replace

import pytest

from nightjar.errors import NightjarError
from nightjar.settings import Settings


def test_without_variables_the_defaults_hold():
    assert Settings.load({}) == Settings()


def test_every_field_travels_through_the_environment():
    other = Settings(
        **{
            field.name: field.default + 1 if isinstance(field.default, int) else f"{field.default}x"
            for field in fields(Settings)
        }
    )
    assert Settings.read(other.environment()) == other


@pytest.mark.parametrize("text", ["", "0", "-3", "many", "1.5", " 7"])
def test_a_number_that_is_none_names_its_variable(text):
    with pytest.raises(NightjarError, match=r"NIGHTJAR_SHARD_SONGS=.* is not a positive whole number\. Set it, say 50"):
        Settings.load({"NIGHTJAR_SHARD_SONGS": text})


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """An environment file as the embedded parts write it, and nothing else that says where the parts are."""
    file = tmp_path / "environment"
    written = replace(Settings(), s3_endpoint="http://127.0.0.1:1", bucket="written", shard_songs=3)
    lines = [f"{name}={value}\n" for name, value in written.environment().items()]
    file.write_text("".join(lines) + "AWS_ACCESS_KEY_ID=written=key\n")
    for name in (*written.environment(), "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("NIGHTJAR_ENV_FILE", str(file))
    return written


def test_the_embedded_parts_are_found_by_their_file(embedded, monkeypatch):
    import os

    monkeypatch.setenv("NIGHTJAR_SHARD_SONGS", "9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    assert Settings.load() == replace(embedded, shard_songs=9)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "written=key"


def test_an_address_in_the_environment_wins_over_the_file(embedded, monkeypatch):
    monkeypatch.setenv("NIGHTJAR_S3_ENDPOINT", "http://elsewhere:9000")
    assert Settings.load() == Settings(s3_endpoint="http://elsewhere:9000")


def test_a_file_that_is_not_there_is_no_error(embedded, monkeypatch, tmp_path):
    monkeypatch.setenv("NIGHTJAR_ENV_FILE", str(tmp_path / "none"))
    assert Settings.load() == Settings()
