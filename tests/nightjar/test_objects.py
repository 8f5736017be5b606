"""Object storage on a real server: conditional writes, errors that name the remedy."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from nightjar.errors import NightjarError
from nightjar.objects import ObjectChanged, ObjectMissing, Objects


@pytest.fixture
def objects(settings) -> Objects:
    return Objects(settings)


def test_an_object_comes_back_with_its_metadata(objects):
    etag = objects.put("a/b.mp3", b"body", metadata={"title": "%E6%AD%8C"})
    info = objects.head("a/b.mp3")
    assert (info.key, info.size, info.etag, info.metadata) == ("a/b.mp3", 4, etag, {"title": "%E6%AD%8C"})
    assert info.modified.tzinfo is not None
    assert objects.get("a/b.mp3") == b"body"
    assert objects.exists("a/b.mp3")


def test_what_is_not_there_is_missing(objects, tmp_path):
    for read in (objects.get, objects.head, lambda key: objects.download(key, tmp_path / "x")):
        with pytest.raises(ObjectMissing, match="there is no object 'none'"):
            read("none")
    assert not objects.exists("none")
    objects.delete("none")


def test_a_conditional_put_needs_what_it_expects(objects):
    first = objects.put("key", b"1", expect="")
    with pytest.raises(ObjectChanged, match=r"'key' was written by somebody else meanwhile\. Run the task again"):
        objects.put("key", b"2", expect="")
    second = objects.put("key", b"2", expect=first)
    with pytest.raises(ObjectChanged):
        objects.put("key", b"3", expect=first)
    assert objects.get("key") == b"2"
    assert objects.head("key").etag == second


def test_of_many_writers_at_once_one_wins(objects):
    def write(number: int) -> bool:
        try:
            objects.put("raced", str(number).encode(), expect="")
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert objects.get("raced") == str(won.index(True)).encode()


def test_listings_are_sorted_and_may_be_long(objects):
    keys = [f"many/{number:04d}" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: objects.put(key, b""), keys[::-1]))
    assert [seen.key for seen in objects.list("many/")] == keys
    assert list(objects.list("none/")) == []


def test_folders_are_the_names_right_below(objects):
    for key in ("t/dt=2/model=a/x", "t/dt=1/x", "t/dt=1/y", "t/file", "other/z"):
        objects.put(key, b"")
    assert objects.folders("t/") == ["dt=1", "dt=2"]
    assert objects.folders("none/") == []


def test_files_of_any_size_go_up_and_down(objects, tmp_path):
    body = bytes(range(256)) * 40_000  # 10 MB: more than one part
    (tmp_path / "up").write_bytes(body)
    objects.upload("large", tmp_path / "up")
    objects.download("large", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == body


def test_a_bucket_that_is_not_there_names_the_setting(settings):
    nowhere = Objects(replace(settings, bucket="no-such-bucket"))
    for ask in (lambda: nowhere.get("x"), lambda: list(nowhere.list("x")), lambda: nowhere.folders("x/")):
        with pytest.raises(NightjarError, match=r"no bucket 'no-such-bucket'\. Create it, or set NIGHTJAR_BUCKET"):
            ask()


def test_wrong_credentials_are_refused_and_say_so(settings, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(NightjarError, match="Check NIGHTJAR_S3_ENDPOINT, the AWS_"):
        Objects(settings).put("x", b"")


def test_a_client_is_shared_but_for_another_process_or_environment(settings, objects, monkeypatch):
    made = objects._client
    assert Objects(settings)._client is made
    assert Objects(replace(settings, bucket="another"))._client is made
    assert Objects(settings, hurried=True)._client is not made
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)  # as a forked process does, whose sockets are its parent's
        assert Objects(settings)._client is not made
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert Objects(settings)._client is not made
