"""What the key-value store promises, on one Valkey server and on a cluster of six alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import redis

from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.publish import rollback
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.publish.versions import owner
from nightjar.takedowns import published
from nightjar.takedowns.forgotten import Forgotten
from nightjar.thresholds import KV_CHUNK
from tests.nightjar.publish import lists

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]
KEYS = [f"v:{number}" for number in range(2 * KV_CHUNK + 7)]


@pytest.fixture(scope="module", params=["alone", "cluster"])
def servers(request: pytest.FixtureRequest) -> list[int]:
    """The ports of the servers that can be written."""
    if request.param == "alone":
        return [request.getfixturevalue("valkey").ports["kv"]]
    return request.getfixturevalue("valkey_cluster").ports[:3]


@pytest.fixture
def clients(servers: list[int]) -> Iterator[list[redis.Redis]]:
    """A client of each of them; they are empty."""
    made = [redis.Redis(port=port) for port in servers]
    for client in made:
        client.flushall()
    yield made
    for client in made:
        client.close()


@pytest.fixture
def settings(settings, servers, clients):
    return replace(settings, kv_url=f"redis://127.0.0.1:{servers[0]}/0")


@pytest.fixture
def store(settings) -> Iterator[Store]:
    with closing(Store(settings)) as made:
        yield made


def test_keys_in_any_number_are_written_read_counted_and_removed(store, clients):
    store.write((key, key.encode()) for key in KEYS)
    assert store.read([KEYS[-1], "none", KEYS[0]]) == [KEYS[-1].encode(), None, KEYS[0].encode()]
    assert store.count([*KEYS, "none"]) == len(KEYS)
    assert sorted(key for chunk in store.chunks() for key in chunk) == sorted(KEYS)
    assert all(client.dbsize() > len(KEYS) // (2 * len(clients)) for client in clients), "they lie on all servers"
    assert store.remove([*KEYS[:1000], "none"]) == 1000
    assert store.count(KEYS) == len(KEYS) - 1000


def test_values_of_another_length_and_missing_ones_are_noticed(store):
    store.write((key, b"12345") for key in KEYS)
    store.write([(KEYS[3], b"1234"), (KEYS[KV_CHUNK + 1], b"")])
    store.remove([KEYS[-1]])
    assert store.wrong((key, 5) for key in KEYS) == [3, KV_CHUNK + 1, len(KEYS) - 1]
    assert store.wrong([]) == []


def test_the_pointer_moves_only_from_where_it_was(store):
    first, second, third = (f"{day}.0123abcd" for day in DAYS)
    assert store.current() == ""
    assert store.move("", first)
    assert not store.move("", second)
    assert not store.move(third, second)
    assert store.current() == first
    assert store.move(first, second)
    assert store.current() == second
    assert (store.mark(), store.claim("a/1"), store.claim("b/2"), store.mark()) == ("", "a/1", "a/1", "a/1")
    store.write([(KEYS[0], b"1")])
    assert [key for chunk in store.chunks() for key in chunk] == [KEYS[0]], "the pointer and the mark are no lists"


def test_values_are_swapped_only_for_what_was_read(store):
    store.write([(KEYS[0], b"a"), (KEYS[1], b"b"), (KEYS[2], b"c")])
    changes = [(KEYS[0], b"a", b"x"), (KEYS[1], b"other", b"x"), (KEYS[2], b"c", b""), (KEYS[3], b"d", b"x")]
    assert store.swap(changes) == [True, False, True, False]
    assert store.read(KEYS[:4]) == [b"x", b"b", None, None]


def test_every_server_must_keep_what_it_is_given(store, clients):
    store.check(1000, 10)
    last = clients[-1]
    last.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(NightjarError, match=r"allkeys-lru.*noeviction"):
            store.check(1000, 10)
    finally:
        last.config_set("maxmemory-policy", "noeviction")
    for client in clients:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 10_000)
    try:
        with pytest.raises(NightjarError, match="has room for"):
            store.check(1_000_000, 10)
    finally:
        for client in clients:
            client.config_set("maxmemory", 0)


def test_its_servers_are_described_and_a_key_is_tried(store, clients):
    assert len(store.nodes()) == len(clients)
    for node in store.nodes():
        assert (node["server"], node["role"], node["policy"], node["appends"]) == (
            "valkey",
            "master",
            "noeviction",
            True,
        )
    store.try_key()
    assert sum(client.dbsize() for client in clients) == 0


def test_lists_are_spread_read_and_removed(settings, clients):
    for day in DAYS:
        lists.write(settings, day)
        assert publish_lists(settings, day)["moved"]
    assert not publish_lists(settings, DAYS[0])["moved"]
    with closing(Reader(settings.kv_url)) as reader:
        for number in range(lists.USERS):
            user = f"u{number:03d}"
            assert {each.track_id.rpartition("_")[0] for each in reader.recommend(user)} == {f"{DAYS[-1]}_a_{user}"}
        assert len(reader.recommend("nobody")) == lists.LENGTH
    sizes = [client.dbsize() for client in clients]
    assert min(sizes) > 10
    assert sum(sizes) == 2 + 2 * (lists.USERS + 1)


def test_a_song_is_taken_off_the_lists_on_all_of_its_servers(settings, store):
    for day in DAYS[:2]:
        lists.write(settings, day)
        publish_lists(settings, day)
    gone = {f"{day}_a_u{number:03d}_3" for day in DAYS for number in range(0, lists.USERS, 2)}
    changed = published.remove(Lake(settings), store, Forgotten(frozenset(gone), frozenset({"u001"})))
    assert changed == 2 * (lists.USERS // 2 + 1)
    assert published.remove(Lake(settings), store, Forgotten(frozenset(gone))) == 0
    with closing(Reader(settings.kv_url)) as reader:
        ranks = {user: [e.track_id[-1] for e in reader.recommend(user)] for user in ("u000", "u001", "u002", "u003")}
    assert ranks == {"u000": list("1245"), "u001": list("12345"), "u002": list("1245"), "u003": list("12345")}


def test_a_full_store_gives_up_what_is_taken_down_and_goes_back(settings, store, clients):
    made = []
    for day in DAYS[:2]:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    for client in clients:
        client.config_set("maxmemory", 1)  # whatever it holds is too much
    try:
        with pytest.raises(NightjarError, match="is full"):
            store.write([("more", b"x")])
        gone = f"{DAYS[1]}_a_u007_2"
        assert (
            published.remove(Lake(settings), store, Forgotten(frozenset({gone}), frozenset({"u001"}))) == 3
        )  # u001 in both
        assert rollback.go_to(settings)["current"] == made[0]
    finally:
        for client in clients:
            client.config_set("maxmemory", 0)
    reader = Reader(settings.kv_url)
    assert rollback.go_to(settings, made[1])["moved"]
    assert gone not in [each.track_id for each in reader.recommend("u007")]
    assert {each.track_id.split("_")[2] for each in reader.recommend("u001")} == {"new"}
    reader.close()


def test_only_lists_that_hold_a_song_are_fetched_for_its_takedown(settings, store, clients, monkeypatch):
    lists.write(settings, DAYS[0], users=3 * KV_CHUNK)
    publish_lists(settings, DAYS[0])
    fetched, plain = [], Store.read
    monkeypatch.setattr(Store, "read", lambda self, keys: plain(self, fetched.extend(keys := list(keys)) or keys))
    gone = Forgotten(frozenset({f"{DAYS[0]}_a_u007_2", f"{DAYS[0]}_a_new_1"}), frozenset({"u1001"}))
    assert published.remove(Lake(settings), store, gone) == 3
    assert {owner(key)[1] for key in fetched} == {"u007", "", "u1001"}


def test_a_way_back_waits_for_no_imports():
    heavy = "[each for each in ('numba', 'scipy', 'pandas', 'duckdb', 'pymilvus') if each in sys.modules]"
    script = f"import sys; import nightjar.cli.publish; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
