"""What users of the key-value store must be allowed, as docs/reading-lists.md has it: enough, and nothing in vain."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from nightjar.errors import NightjarError
from nightjar.publish.connection import RIGHTS, explained
from nightjar.publish.encode import encode
from nightjar.publish.reader import Reader
from nightjar.publish.store import Store
from nightjar.publish.versions import list_key, new_users_key
from nightjar.settings import Settings

VERSION = "2026-11-20.0123abcd"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "reading-lists.md"


def everything(url: str) -> None:
    """All that nights, commands and the doctor ever do with the store."""
    store = Store(Settings(kv_url=url))
    try:
        store.try_key()
        store.check(1, 1)
        assert store.nodes()
        keys = [list_key(VERSION, "u"), new_users_key(VERSION)]
        body = encode([("abc", 1.0)])
        store.write([(key, body) for key in keys])
        assert store.wrong([(key, len(body)) for key in keys]) == []
        assert store.count(keys) == 2
        assert store.read(keys) == [body, body]
        assert store.claim("lake") == store.mark() == "lake"
        assert store.move(store.current(), VERSION)
        assert store.swap([(keys[0], body, b"")]) == [True]
        assert keys[1] in [key for chunk in store.chunks() for key in chunk]
    finally:
        store.close()


def reads(url: str) -> None:
    reader = Reader(url)
    try:
        assert [each.track_id for each in reader.recommend("u")] == ["abc"]
    finally:
        reader.close()
    keys = [f"nightjar:{name}" for name in (list_key(VERSION, "u"), new_users_key(VERSION))]
    with explained(url, "nightjar:"), redis.Redis.from_url(url, health_check_interval=0.001) as client:
        assert client.mget(keys)[1][:1] == client.getrange(keys[1], 0, 0) == b"\x01"
        assert client.ping()


def documented(user: str) -> list[str]:
    """The rights that the documentation gives a user, without its password."""
    found = re.search(rf"^ACL SETUSER {user} on >\S+ (.*)$", DOCUMENT.read_text(), re.MULTILINE)
    return found[1].split()


@pytest.fixture
def url(kv, valkey) -> Iterator[str]:
    password = secrets.token_hex(8)
    kv.execute_command("ACL", "SETUSER", "other", "reset", "on", f">{password}")
    yield valkey.url.replace("://", f"://other:{password}@")
    kv.execute_command("ACL", "DELUSER", "other")


def test_the_documented_rights_are_enough_and_each_is_needed(kv, url) -> None:
    writer, reader = documented("nightjar"), documented("app")
    assert writer == ["~nightjar:*", *RIGHTS.split()]
    for rights, use in ((writer, everything), (reader, reads)):
        kv.execute_command("ACL", "SETUSER", "other", *rights)
        use(url)
        for right in rights[1:]:
            kv.execute_command("ACL", "SETUSER", "other", right.replace("+", "-"))
            with pytest.raises(NightjarError, match=r"the rights ~nightjar:\* and \+info"):
                use(url)
            kv.execute_command("ACL", "SETUSER", "other", right)
            use(url)
        kv.execute_command("ACL", "SETUSER", "other", "resetkeys", "~elsewhere:*")
        with pytest.raises(NightjarError, match="the rights ~nightjar"):
            use(url)
        kv.execute_command("ACL", "SETUSER", "other", "resetkeys", "nocommands")
    assert all(0 < kv.ttl(key) <= 60 for key in kv.scan_iter("nightjar:doctor-*")), "what could not be removed"


def test_a_reader_may_not_write(kv, url) -> None:
    kv.execute_command("ACL", "SETUSER", "other", *documented("app"))
    with pytest.raises(NightjarError, match="no permissions"):
        Store(Settings(kv_url=url)).write([("x", b"x")])
