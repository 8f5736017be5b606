"""Objects that the store lists and does not hand out: denied, archived, encrypted, deleted under a version.

SeaweedFS encrypts and keeps versions itself; a proxy in front of it says what it cannot: rights of one key, archives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nightjar.ingest import exports, steps
from nightjar.lake import Partition
from nightjar.objects import StoreFailed
from tests.faulty_proxy import FaultyProxy, faulty_proxy
from tests.nightjar.ingest.exported import listen, listens, parquet
from tests.nightjar.ingest.made import rejects, song

DAY = "2026-11-20"


@pytest.fixture
def proxy(settings) -> Iterator[FaultyProxy]:
    with faulty_proxy(settings.s3_endpoint) as running:
        yield running


@pytest.fixture
def through(settings, proxy):
    """Settings of a store that refuses what the proxy is told to refuse."""
    return replace(settings, s3_endpoint=proxy.endpoint)


def put(lake, *names: str) -> None:
    for name in names:
        lake.objects.put(f"uploads/dt={DAY}/{name}", song())


def run_day(settings) -> dict:
    shards = steps.freeze(settings, DAY)["shards"]
    for shard in range(shards):
        steps.probe_shard(settings, DAY, shard, shards)
    return steps.commit_tracks(settings, DAY, shards)


def refuse(proxy: FaultyProxy, path: str, *, status: int = 403, code: str = "AccessDenied", head: bool = True) -> None:
    proxy.spoil("GET", path, status=status, code=code, times=99)
    if head:
        proxy.spoil("HEAD", path, status=status, times=99)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, r"does not hand it out: its policy.*AccessDenied"),
        ({"head": False}, "does not hand it out.*AccessDenied"),
        ({"head": False, "code": "InvalidObjectState"}, "is archived, and has to be restored"),
        ({"head": False, "status": 400, "code": "KMS.DisabledException"}, "the key of its encryption.*KMS.Disabled"),
    ],
)
def test_an_upload_that_is_refused_is_one_reject(lake, through, proxy, how, said):
    put(lake, "a.mp3", "b.mp3")
    refuse(proxy, "/a.mp3", **how)
    assert run_day(through) == {"uploads": 2, "tracks": 1, "rejects": {"refused": 1}}
    ((reason, detail),) = rejects(lake, DAY).values()
    assert reason == "refused"
    assert re.search(said, detail), detail


def test_an_upload_that_is_there_and_cannot_be_found_is_asked_for_again(lake, through, proxy):
    put(lake, "a.mp3", "b.mp3")
    proxy.spoil("GET", "/a.mp3", status=404, code="NoSuchKey", times=1)
    assert run_day(through) == {"uploads": 2, "tracks": 2, "rejects": {}}


def test_an_upload_that_is_there_and_is_never_found_is_refused_and_not_missing(lake, through, proxy, monkeypatch):
    monkeypatch.setattr("nightjar.objects._BODY_RETRY_S", (0.0, 0.0))
    put(lake, "a.mp3", "b.mp3")
    proxy.spoil("GET", "/a.mp3", status=404, code="NoSuchKey", times=99)
    assert run_day(through) == {"uploads": 2, "tracks": 1, "rejects": {"refused": 1}}
    ((_, detail),) = rejects(lake, DAY).values()
    assert detail == "It cannot be read: the store says that it is there, and finds nothing when it is asked for it"


@pytest.mark.parametrize(("status", "code"), [(400, "ExpiredToken"), (403, "RequestTimeTooSkewed")])
def test_credentials_that_are_no_good_any_more_are_a_fault_of_the_place(lake, through, proxy, status, code):
    put(lake, "a.mp3", "b.mp3")
    refuse(proxy, "/b.mp3", status=status, code=code)
    with pytest.raises(StoreFailed, match=code):
        run_day(through)


def test_an_upload_that_is_handed_out_later_is_taken_in_by_the_run_that_follows(settings, lake, through, proxy):
    put(lake, "a.mp3", "b.mp3")
    refuse(proxy, "/a.mp3")
    run_day(through)
    steps.refreeze(settings, DAY)
    assert run_day(settings) == {"uploads": 2, "tracks": 2, "rejects": {}}


def test_all_uploads_refused_are_a_fault_of_the_place_and_commit_nothing(lake, through, proxy):
    put(lake, "a.mp3", "b.mp3")
    lake.objects.put(f"uploads/dt={DAY}/empty.mp3", b"")
    refuse(proxy, f"/{through.bucket}/uploads/")
    with pytest.raises(StoreFailed, match=r"hands out none of the 2 uploads .* Give the credentials"):
        run_day(through)
    assert not lake.exists(Partition("tracks", DAY))


def test_songs_that_the_day_has_already_keep_a_refused_one_from_stopping_it(settings, lake, through, proxy):
    put(lake, "a.mp3")
    run_day(settings)
    put(lake, "b.mp3", "c.mp3")
    steps.refreeze(settings, DAY)
    refuse(proxy, "/b.mp3")
    refuse(proxy, "/c.mp3")
    assert run_day(through) == {"uploads": 3, "tracks": 1, "rejects": {"refused": 2}}


def test_an_export_that_is_refused_is_one_reject_and_all_of_them_fail_the_task(settings, lake, through, proxy):
    for name in ("a", "b"):
        lake.objects.put(f"listens/dt={DAY}/{name}.parquet", parquet(listens(listen(user_id=name))))
    refuse(proxy, "/a.parquet")
    assert steps.ingest_listens(through, DAY)["listens"] == 1
    assert rejects(lake, DAY, exports.STAGE)["a.parquet"][0] == "refused"
    assert steps.ingest_listens(settings, DAY)["listens"] == 2
    refuse(proxy, "/b.parquet")
    with pytest.raises(StoreFailed, match="none of the 2 files of listens"):
        steps.ingest_listens(through, DAY)
    assert lake.read(Partition("listens", DAY)).num_rows == 2


def test_an_upload_encrypted_with_a_key_of_the_app_is_refused(settings, lake, buckets):
    put(lake, "plain.mp3")
    buckets.put_object(
        Bucket=settings.bucket,
        Key=f"uploads/dt={DAY}/secret.mp3",
        Body=song(),
        SSECustomerAlgorithm="AES256",
        SSECustomerKey="k" * 32,
    )
    assert run_day(settings) == {"uploads": 2, "tracks": 1, "rejects": {"refused": 1}}


def test_of_versions_the_last_counts_and_a_delete_marker_is_no_upload(settings, lake, buckets):
    buckets.put_bucket_versioning(Bucket=settings.bucket, VersioningConfiguration={"Status": "Enabled"})
    put(lake, "kept.mp3", "gone.mp3", "going.mp3")
    lake.objects.put(f"uploads/dt={DAY}/kept.mp3", b"text that came before\n" * 100)
    put(lake, "kept.mp3")
    lake.objects.delete(f"uploads/dt={DAY}/gone.mp3")
    assert steps.freeze(settings, DAY)["uploads"] == 2
    lake.objects.delete(f"uploads/dt={DAY}/going.mp3")
    assert run_day(settings) == {"uploads": 2, "tracks": 1, "rejects": {"missing": 1}}


def test_a_listing_that_repeats_a_key_counts_an_upload_once(settings, lake, monkeypatch):
    put(lake, "a.mp3", "b.mp3")
    client = lake.objects._client
    pages = client.get_paginator("list_objects_v2").paginate

    class Repeating:
        """A gateway that begins each page with the last key of the one before."""

        def paginate(self, **how):
            seen = [each for page in pages(**how) for each in page.get("Contents", [])]
            yield from ({"Contents": seen[max(0, at - 1) : at + 1]} for at in range(len(seen)))

    monkeypatch.setattr(client, "get_paginator", lambda _: Repeating())
    assert [seen.key[-5:] for seen in lake.objects.list(f"uploads/dt={DAY}/")] == ["a.mp3", "b.mp3"]
