from __future__ import annotations

import re

import pytest

from nightjar.errors import NightjarError
from nightjar.rules import place
from nightjar.settings import Settings

IS_NONE = [
    ("S3_ENDPOINT", "127.0.0.1:1", "='127.0.0.1:1' is no address. Begin it with http:// or https://"),
    ("S3_ENDPOINT", "http://", "names no host"),
    ("S3_ENDPOINT", "http://my_store:9000", "host of other characters"),
    ("S3_ENDPOINT", "http://key:hush@host", "has a user or a password"),
    ("S3_ENDPOINT", "http://host:9000 ", "a space or a line break"),
    ("BUCKET", "", "='' is no name of a bucket"),
    ("BUCKET", "a b\n", "is no name of a bucket"),
    ("MILVUS_URI", "", "='' is no address"),
    ("MILVUS_URI", "/tmp/x.db", "is no address"),
    ("MILVUS_URI", "http://user:hush@host", "has a user or a password"),
    ("MILVUS_BUCKET", "a/b", "is no name of a bucket"),
    ("KV_URL", "hush", "NIGHTJAR_KV_URL is no address. Begin it with redis:// or rediss:// or unix://"),
    ("KV_URL", "redis://127.0.0.1:abc/0", "a port that is no number from 1 to 65535"),
    ("KV_PREFIX", "nightjar", "NIGHTJAR_KV_PREFIX='nightjar' is no prefix of keys"),
    ("KV_PREFIX", "", "is no prefix of keys"),
    ("KV_PREFIX", "night*:", "with a colon at the end"),
    ("KV_PREFIX", "night::", "is no prefix of keys"),
    ("KV_URL", "redis://127.0.0.1:99999", "a port that is no number"),
    ("KV_URL", "redis://127.0.0.1:0", "a port that is no number"),
    ("KV_URL", "redis://127.0.0.1/abc", "no number of a database"),
    ("KV_URL", "redis:///0", "names no host"),
    ("KV_URL", "unix://", "names no socket"),
    ("KV_URL", "redis://:hush#cr/et@host", "# is %23"),
    ("KV_URL", "redis://:hush/cret@host", "/ is %2F"),
    ("KV_URL", "redis://me:12?hush@host/0", r"\? is %3F"),
    ("KV_URL", "redis://me:hush[@host/0", "IPv6 address. Write special characters"),
    ("MODEL", "no such", "='no such' is no name of a model"),
    ("MODEL", "x" * 65, "is no name of a model"),
    ("SEPARATOR", "foo", "='foo' is not known. Set one of htdemucs-2, none"),
    ("SECOND_OPINION", "foo", "Set one of echoprint, or unset it"),
    ("AIRFLOW", "air'flow", "No closing quotation"),
    ("AIRFLOW", "", "has no words"),
    ("EMBEDDER_OPTIONS", "--network 'unbalanced", "No closing quotation"),
    ("EMBEDDER_KUBERNETES", "cluster:8001", "is no address"),
    ("ALERT_WEBHOOK", "chat.example/hush", "NIGHTJAR_ALERT_WEBHOOK is no address"),
    ("FIRST_NIGHT", "tomorrow", "='tomorrow' is not a day. Write it like 2026-11-20"),
]


@pytest.mark.parametrize(("name", "value", "said"), IS_NONE)
def test_a_value_that_cannot_be_ends_any_command_and_tells_no_secret(name, value, said):
    with pytest.raises(NightjarError) as error:
        Settings.load({f"NIGHTJAR_{name}": value})
    assert str(error.value).startswith(f"NIGHTJAR_{name}")
    assert re.search(said.replace("(", r"\("), str(error.value)), error.value
    assert "hush" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ENDPOINT", ""),
        ("S3_ENDPOINT", "https://s3.example.com:9000/storage/v1/s3"),
        ("S3_ENDPOINT", "http://[::1]:9000"),
        ("BUCKET", "arn:aws:s3:eu-west-1:123456789012:accesspoint/nightjar"),
        ("KV_URL", "redis://kv"),
        ("KV_PREFIX", "music.app:staging_2:"),
        ("KV_URL", "rediss://user:p%23ss@kv.example:6380/3?ssl_cert_reqs=none"),
        ("KV_URL", "redis://:p@ss@kv/"),
        ("KV_URL", "unix:///run/valkey.sock?db=2"),
        ("MODEL", ""),
        ("AIRFLOW", ".venv/bin/python -m deploy.embedded airflow"),
    ],
)
def test_values_that_can_be(name, value):
    assert getattr(Settings.load({f"NIGHTJAR_{name}": value}), name.lower()) == value


def test_all_that_is_wrong_is_known_together_and_the_rest_is_read():
    environ = {"NIGHTJAR_SHARD_SONGS": "many", "NIGHTJAR_BUCKET": "", "NIGHTJAR_KV_URL": "redis://kv"}
    settings = Settings.read(environ)
    assert list(settings.wrong()) == ["bucket", "shard_songs"]
    assert settings.sound() == Settings(kv_url="redis://kv")


def test_a_place_has_no_user_and_password():
    assert place("redis://me:hush@kv:7000/0") == "redis://kv:7000"
    assert place("unix://me:hush@/run/valkey.sock") == "unix:///run/valkey.sock"
    for unreadable in ("redis://:hush/x@kv", "redis://hush:12/x@kv", "hush"):
        assert place(unreadable) == "an address that cannot be read"
