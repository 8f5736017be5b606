"""What docs/reading-lists.md shows to app developers, run as it stands there: on a single server and on a cluster, by a
user who has the rights of the page and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
import redis

from nightjar.publish.encode import decode
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.takedowns.steps import forget
from tests.nightjar.publish import lists, page
from tests.nightjar.publish.lists import OWNER, POINTER, list_key, new_users_key

DAY, NEXT = "2026-11-22", "2026-11-23"


@pytest.fixture(scope="module", params=["alone", "cluster"])
def servers(request: pytest.FixtureRequest) -> list[int]:
    """The ports of the servers that can be written."""
    if request.param == "alone":
        return [request.getfixturevalue("valkey").ports["kv"]]
    return request.getfixturevalue("valkey_cluster").ports[:3]


@pytest.fixture
def store(servers: list[int]) -> Iterator[redis.Redis | redis.RedisCluster]:
    """A client that may do everything; nothing is in the store."""
    with page.everything(servers) as client:
        yield client


@pytest.fixture
def settings(settings, servers, store):
    return replace(settings, kv_url=f"redis://127.0.0.1:{servers[0]}/0")


@pytest.fixture
def url(servers) -> Iterator[str]:
    """The address of an app."""
    with page.app(servers) as made:
        yield made


@pytest.fixture(params=[False, True], ids=["bytes", "decode_responses"])
def client(request, python, servers, url):
    """As the page makes it; with health checks all the time."""
    options = {"decode_responses": request.param, "health_check_interval": 0.001}
    with python["connect"](url, len(servers) > 1, **options) as made:
        yield made


@pytest.fixture(scope="module")
def python() -> dict:
    """What the page's Python defines."""
    names: dict = {}
    exec(compile(page.code("python"), "reading-lists.md", "exec"), names)
    return names


@pytest.fixture
def version(settings) -> str:
    lists.write(settings, DAY, length=25, new_users=20)
    return publish_lists(settings, DAY)["version"]


def test_the_bytes_of_the_page():
    (dump,) = re.findall(r"```\n([0-9a-f ]+)\n```", page.PAGE)
    assert decode(bytes.fromhex(dump)) == [("abc", 1.0), ("d", 0.5)]


def test_the_python_of_the_page(settings, store, python, client, version):
    reader = Reader(settings.kv_url)
    for user in ("u001", "u039", "nobody", ""):
        assert python["recommend"](client, user) == (date.fromisoformat(DAY), reader.recommend(user))
    reader.close()
    assert client.ping()
    store.set(list_key(version, "u001"), b"\x02")
    with pytest.raises(ValueError, match="does not know"):
        python["recommend"](client, "u001")


def test_the_python_of_the_page_tells_what_was_lost(settings, store, python, client):
    said: list[str] = []

    def songs(today: str = DAY) -> list:
        return python["recommend_or"](client, "nobody", ["fallback"], date.fromisoformat(today), said.append)

    with pytest.raises(python["NeverPublished"]):
        python["recommend"](client, "nobody")
    assert songs() == ["fallback"]
    assert said.pop() == "no lists were ever published"
    lists.write(settings, DAY)
    version = publish_lists(settings, DAY)["version"]
    assert len(songs("2026-11-24")) == lists.LENGTH
    assert said == []
    songs("2026-11-25")
    assert said.pop() == "the lists are 3 days old"
    store.delete(new_users_key(version))
    assert songs() == ["fallback"]
    assert said.pop() == f"no lists: the pointer names {version}, which is not in the store"
    store.delete(POINTER)
    assert songs() == ["fallback"]
    assert said.pop() == "no lists: the pointer is gone"
    store.set(POINTER, b"\xff")
    assert songs() == ["fallback"]
    assert "not in the store" in said.pop()
    store.delete(POINTER, OWNER) if isinstance(store, redis.Redis) else [
        store.delete(each) for each in (POINTER, OWNER)
    ]
    songs()
    assert said.pop() == "no lists were ever published"


def test_the_python_of_the_page_falls_back_where_no_store_answers(python, servers):
    said: list[str] = []
    nowhere = redis.Redis(port=1, socket_connect_timeout=1, retry=None)
    assert python["recommend_or"](nowhere, "u", [], date.fromisoformat(DAY), said.append) == []
    assert said


def test_many_users_at_once(settings, python, client, version):
    users = [f"u{number:03d}" for number in range(lists.USERS)] + ["nobody"]
    assert python["many"](client, users) == {user: python["recommend"](client, user)[1] for user in users}


def test_pages(settings, milvus, store, python, client, version):
    for user, length in (("u001", 25), ("nobody", 20)):
        whole = python["recommend"](client, user)[1]
        pages, token = [], None
        while not pages or token is not None:
            songs, token = python["page"](client, user, token)
            pages.append(songs)
        assert len(whole) == length
        assert [song for each in pages for song in each] == whole
        assert [len(each) for each in pages] == [10, 10, length - 20]
    first, token = python["page"](client, "u001")
    forget(settings, [first[0][0]])
    follow, _ = python["page"](client, "u001", token)
    assert follow == python["recommend"](client, "u001")[1][10:20]
    for key in (list_key(version, "u001"), new_users_key(version)):
        store.delete(key)
    with pytest.raises(python["Lost"]):
        python["page"](client, "u001", token)
    lists.write(settings, NEXT, length=25)
    publish_lists(settings, NEXT, accept=True)
    assert python["page"](client, "u001", token)[0] == python["recommend"](client, "u001")[1][:10]


def test_what_an_app_leaves_out(python):
    songs = [("a", 0.5), ("b", 0.25), ("c", 0.125)]
    assert python["left"](songs, {"a"}, {"c", "d"}) == [("b", 0.25)]
    assert python["left"](songs) == songs


def test_of_many_keys_a_server_alone_may_be_asked_at_once(settings, servers, url, version):
    if len(servers) > 1:
        pytest.skip("a cluster takes no command for keys of several slots")
    with redis.Redis.from_url(url) as app:
        assert all(app.mget([list_key(version, "u001"), new_users_key(version)]))


def test_an_app_may_not_write(servers, url, python):
    with python["connect"](url, len(servers) > 1) as app, pytest.raises(redis.exceptions.NoPermissionError):
        app.set("nightjar:x", b"x")


# --- JavaScript -------------------------------------------------------------------------------------------------------
def test_the_javascript_of_the_page(settings, servers, store, url, version, javascript):
    reader = Reader(settings.kv_url)
    users = ["u001", "u039", "nobody", "ünï"]
    expected = [[{"trackId": song.track_id, "score": song.score} for song in reader.recommend(user)] for user in users]
    reader.close()
    assert javascript(url, len(servers) > 1, users) == [{"day": DAY, "songs": songs} for songs in expected]
    store.set(list_key(version, "u001"), b"\x02")
    store.set(list_key(version, "u002"), b"")
    store.delete(new_users_key(version))
    unknown, empty, missing, right = javascript(url, len(servers) > 1, ["u001", "u002", "nobody", "u003"])
    assert "does not know" in unknown
    assert "does not know" in empty
    assert "not in the store" in missing
    assert len(right["songs"]) == 25
    store.delete(POINTER)
    assert javascript(url, len(servers) > 1, ["u001"]) == ["the pointer is gone"]
    store.delete(OWNER)
    assert javascript(url, len(servers) > 1, ["u001"]) == ["no lists were ever published"]


@pytest.fixture(params=["least", *(pytest.param(each, marks=pytest.mark.services) for each in page.CLIENTS)])
def javascript(request, servers, tmp_path_factory):
    """What the page's JavaScript answers for users with a client, or the message that it throws."""
    if request.param == "least" and len(servers) > 1:
        pytest.skip("it follows no redirections")
    if request.param != "least":
        page.install(request.getfixturevalue("javascript_packages"))
        return page.script(request.getfixturevalue("javascript_packages"), request.param)
    return page.script(tmp_path_factory.mktemp("page"), request.param)


@pytest.fixture(scope="session")
def javascript_packages(tmp_path_factory):
    return tmp_path_factory.mktemp("packages")


@pytest.mark.services
@pytest.mark.parametrize("client", page.CLIENTS)
def test_text_is_refused(settings, servers, url, version, javascript_packages, client):
    page.install(javascript_packages)
    (said,) = page.script(javascript_packages, client, text=True)(url, len(servers) > 1, ["u001"])
    assert "have the client give Buffers" in said


@pytest.mark.services
def test_the_javascript_of_the_page_falls_back(settings, servers, url, version, javascript_packages):
    page.install(javascript_packages)
    run = page.script(javascript_packages, "ioredis", call="recommendOr(get, user, ['fallback'], '2026-11-26', alert)")
    songs, said = run(url, len(servers) > 1, ["u001"])
    assert (len(songs), said) == (25, "the lists are 4 days old")
    elsewhere = url.replace("@", "wrong@")
    assert run(elsewhere, False, ["u001"])[0] == ["fallback"]
