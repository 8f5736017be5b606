"""Object storage behind a network that cuts off, loses and delays: a real server, and a proxy that spoils answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from nightjar import objects as module
from nightjar.objects import ObjectChanged, ObjectMissing, Objects, StoreFailed
from tests.faulty_proxy import FaultyProxy, faulty_proxy

BODY = bytes(range(256)) * 8


@pytest.fixture
def proxy(settings) -> Iterator[FaultyProxy]:
    with faulty_proxy(settings.s3_endpoint) as running:
        yield running


@pytest.fixture
def direct(settings) -> Objects:
    return Objects(settings)


@pytest.fixture
def objects(settings, proxy) -> Objects:
    return Objects(replace(settings, s3_endpoint=proxy.endpoint))


@pytest.mark.parametrize("left", [0, 1, 2047])
def test_a_body_that_is_cut_off_is_asked_for_again(objects, proxy, left):
    objects.put("key", BODY)
    fault = proxy.spoil("GET", "/key", cut_after=left, times=2)
    assert objects.get("key") == BODY
    assert fault.seen == 2
    proxy.spoil("GET", "/key", cut_after=left)
    assert objects.part_of("key", 100, 2200) == BODY[100:2200]


def test_a_large_object_that_is_read_where_one_seeks_survives_it_too(objects, proxy):
    body = BODY * 1024
    objects.put("large", body)
    fault = proxy.spoil("GET", "/large", cut_after=5)
    file = objects.open("large", len(body))
    file.seek(1000)
    assert file.read(3000) == body[1000:4000]
    assert fault.seen == 1


def test_what_is_cut_off_every_time_is_an_error_that_says_so(objects, proxy, monkeypatch):
    monkeypatch.setattr(objects, "_pauses", (0.0,))
    objects.put("key", BODY)
    fault = proxy.spoil("GET", "/key", cut_after=10, times=99)
    with pytest.raises(StoreFailed, match=r"failed for 'key': .*Is the store up\?"):
        objects.get("key")
    assert fault.seen == 2


def test_files_come_whole_or_the_error_says_so(objects, proxy, tmp_path):
    (tmp_path / "up").write_bytes(BODY)
    lost = proxy.spoil("PUT", "/file", lost=True)
    objects.upload("file", tmp_path / "up")
    cut = proxy.spoil("GET", "/file", cut_after=10)
    objects.download("file", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == BODY
    assert (lost.seen, cut.seen) == (1, 1)
    proxy.spoil("GET", "/file", cut_after=10, times=99)
    with pytest.raises(StoreFailed, match="failed for 'file'"):
        objects.download("file", tmp_path / "down")
    proxy.spoil("PUT", "/file", status=403, code="AccessDenied", times=99)
    with pytest.raises(StoreFailed, match=r"failed for 'file': .*AccessDenied"):
        objects.upload("file", tmp_path / "up")


def test_an_upload_into_no_bucket_names_the_setting(objects, proxy, tmp_path):
    (tmp_path / "up").write_bytes(BODY)
    proxy.spoil("PUT", "/file", status=404, code="NoSuchBucket")
    with pytest.raises(StoreFailed, match=r"there is no bucket .* set NIGHTJAR_BUCKET"):
        objects.upload("file", tmp_path / "up")


@pytest.mark.parametrize("status", [500, 503])
def test_a_busy_server_is_asked_again(objects, proxy, status):
    fault = proxy.spoil("PUT", "/key", status=status)
    etag = objects.put("key", BODY, expect="")
    assert (fault.seen, objects.head("key").etag) == (1, etag)
    fault = proxy.spoil("GET", "list-type=2", status=status)
    assert [each.key for each in objects.list("k")] == ["key"]
    assert fault.seen == 1


def test_an_answer_that_is_late_is_waited_for(objects, proxy):
    objects.put("key", BODY)
    proxy.spoil("GET", "/key", delay_s=0.5)
    assert objects.get("key") == BODY


def test_a_conditional_put_whose_answer_is_lost_has_been_made(objects, proxy):
    lost = proxy.spoil("PUT", "/key", lost=True, times=2)
    first = objects.put("key", b"1", metadata={"title": "x"}, expect="")
    assert lost.seen == 1 or lost.seen == 2
    assert first == objects.head("key").etag
    proxy.spoil("PUT", "/key", lost=True)
    second = objects.put("key", b"2", expect=first)
    assert (objects.get("key"), objects.head("key").etag) == (b"2", second)


def test_a_conditional_put_that_lost_the_race_is_a_conflict_also_where_an_answer_was_lost(objects, direct, proxy):
    first = direct.put("key", b"theirs")
    proxy.spoil("PUT", "/key", lost=True)
    with pytest.raises(ObjectChanged):
        objects.put("key", b"ours", expect="")
    with pytest.raises(ObjectChanged):  # nothing was lost: the same bytes are somebody else's
        objects.put("key", b"theirs", expect="")
    proxy.spoil("PUT", "/key", lost=True)
    with pytest.raises(ObjectChanged):
        objects.put("key", b"ours", expect="0" * 32)
    assert (direct.get("key"), direct.head("key").etag) == (b"theirs", first)


def test_what_is_missing_is_missing_and_not_asked_for_again(objects, proxy):
    with pytest.raises(ObjectMissing):
        objects.get("none")
    assert len(proxy.requests) == 1


def test_the_pauses_are_short_beside_a_task():
    assert sum(module._BODY_RETRY_S) < 30
