"""Two environments in one store: each below a prefix of its own, and never one in the other's lists."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from nightjar.cli import main
from nightjar.doctor import servers
from nightjar.doctor.examine import FAIL
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.publish import owners
from nightjar.publish.reader import Reader
from nightjar.publish.rollback import go_to
from nightjar.publish.steps import publish_lists
from nightjar.rebuild.lists import rebuild_lists
from nightjar.settings import Settings
from nightjar.takedowns.steps import forget, purge_takedowns
from tests.nightjar.duplicates.nights import take_down
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import OWNER, POINTER, list_key, new_users_key

DAYS = ["2026-11-20", "2026-11-21"]


def another(settings: Settings, **changes: str) -> Settings:
    """The settings of another environment, which has a bucket of its own."""
    made = replace(settings, bucket=f"{settings.bucket}-{secrets.token_hex(3)}", **changes)
    Lake(settings).objects._client.create_bucket(Bucket=made.bucket)
    return made


def two_days(settings: Settings, edition: str) -> list[str]:
    made = []
    for day in DAYS:
        lists.write(settings, day, edition=edition)
        made.append(publish_lists(settings, day)["version"])
    return made


def keys(kv, pattern: str = "*") -> dict[bytes, bytes]:
    return {key: kv.get(key) for key in kv.scan_iter(pattern)}


@pytest.fixture
def published(settings, kv) -> list[str]:
    return two_days(settings, "a")


@pytest.mark.parametrize("prefix", ["staging:", "nightjar:staging:"])
def test_each_prefix_is_a_store_of_its_own(settings, milvus, kv, published, prefix, monkeypatch, capsys):
    staging, before = another(settings, kv_prefix=prefix), keys(kv)
    later = two_days(staging, "b")
    assert keys(kv).items() > before.items(), "nothing of the other was touched"
    ours = keys(kv, f"{prefix}*")
    assert len(ours) == len(before)
    assert publish_lists(settings, DAYS[1])["current"] == published[1]
    assert go_to(staging)["current"] == later[0]
    assert go_to(staging, later[1])["moved"]
    kv.delete(f"{prefix}current", f"{prefix}{later[1]}:list:u001")
    assert rebuild_lists(staging)["written"] == 1
    assert keys(kv, f"{prefix}*") == ours
    song = f"{DAYS[1]}_b_u003_2"
    assert forget(staging, [song, f"{DAYS[1]}_a_u003_2"], ["u001"])["lists"] == 3
    assert song.encode() not in b"".join(keys(kv, f"{prefix}*").values())
    assert rebuild_lists(settings)["written"] == rebuild_lists(settings)["removed"] == 0
    assert {key: body for key, body in keys(kv).items() if not key.startswith(prefix.encode())} == before
    reader = Reader(staging.kv_url, prefix)
    assert {each.track_id.split("_")[1] for each in reader.recommend("u002")} == {"b"}
    reader.close()
    for name, value in staging.environment().items():
        monkeypatch.setenv(name, value)
    assert main(["recs", "u002"]) == 0
    assert f"The app reads just this, in version {later[1]}" in capsys.readouterr().out


def test_the_lists_of_another_lake_are_neither_replaced_nor_removed(settings, milvus, kv, published):
    other = another(settings)
    lists.write(other, DAYS[1])
    before = keys(kv)
    take_down(other, DAYS[1], users=["u002"])
    for refused in (
        lambda: publish_lists(other, DAYS[1]),
        lambda: rebuild_lists(other),
        lambda: go_to(other),
        lambda: forget(other, [f"{DAYS[1]}_a_u003_2"], ["u001"]),
        lambda: purge_takedowns(other, DAYS[1]),
    ):
        said = f"below nightjar: are those of another lake, {settings.bucket}/.*, not of {other.bucket}/.*KV_PREFIX"
        with pytest.raises(NightjarError, match=said):
            refused()
    failed = [each for each in servers.look_at_kv(other) if each.state == FAIL]
    assert [("another lake" in each.found, "NIGHTJAR_KV_PREFIX" in each.remedy) for each in failed] == [(True, True)]
    assert keys(kv) == before
    kv.delete(OWNER, POINTER)  # as the message advises
    assert publish_lists(other, DAYS[1])["moved"]
    with pytest.raises(NightjarError, match=f"another lake, {other.bucket}/"):
        publish_lists(settings, DAYS[1])


def test_a_copy_of_a_bucket_is_another_lake(settings, kv, published):
    copy = another(settings)
    for seen in list(Lake(settings).objects.list("")):
        Lake(copy).objects.put(seen.key, Lake(settings).objects.get(seen.key))
    before = keys(kv)
    for refused in (lambda: publish_lists(copy, DAYS[1]), lambda: rebuild_lists(copy), lambda: go_to(copy)):
        with pytest.raises(NightjarError, match="another lake"):
            refused()
    assert keys(kv) == before


def test_a_store_without_a_mark_is_adopted_by_the_lake_whose_version_is_live(settings, kv, published):
    """As one that an older Nightjar wrote."""
    mark = kv.getdel(OWNER)
    Lake(settings).objects.delete(owners.LAKE)
    other = another(settings)
    lists.write(other, DAYS[0])
    for refused in (lambda: publish_lists(other, DAYS[0]), lambda: rebuild_lists(other), lambda: go_to(other)):
        with pytest.raises(NightjarError, match=f"shows {published[1]}, which was not published from {other.bucket}"):
            refused()
    assert kv.get(OWNER) is None
    assert go_to(settings)["moved"]
    assert kv.get(OWNER).startswith(f"{settings.bucket}/".encode())
    assert kv.get(OWNER) != mark, "it was named anew"


def test_what_another_lake_left_in_a_store_without_a_mark_stays(settings, kv, published):
    other = another(settings, kv_prefix="other:")
    version = two_days(other, "b")[1]
    left = {key.replace(b"other:", b"nightjar:"): body for key, body in keys(kv, f"other:{version}:*").items()}
    kv.mset(left)
    kv.delete(OWNER)
    assert rebuild_lists(settings)["removed"] == 0
    assert keys(kv).items() >= left.items()
    assert rebuild_lists(settings)["removed"] == len(left), "by now all that is there is this lake's"


def test_a_lost_store_is_filled_again_and_marked(settings, kv, published):
    before = keys(kv)
    kv.flushall()
    assert rebuild_lists(settings)["moved"]
    assert keys(kv) == before
    kv.delete(OWNER)
    assert publish_lists(settings, DAYS[1])["moved"] is False
    assert keys(kv) == before


def test_of_two_lakes_that_publish_first_at_once_one_is_refused(settings, kv, monkeypatch):
    other = another(settings)
    for each in (settings, other):
        lists.write(each, DAYS[0])
    plain = owners.claim

    def late(*arguments):
        monkeypatch.setattr(owners, "claim", plain)
        publish_lists(other, DAYS[0])
        plain(*arguments)

    monkeypatch.setattr(owners, "claim", late)
    with pytest.raises(NightjarError, match=f"another lake, {other.bucket}"):
        publish_lists(settings, DAYS[0])
    assert len(keys(kv)) == lists.USERS + 3


def test_rights_for_a_prefix_are_enough(settings, kv, valkey):
    kv.execute_command("ACL", "SETUSER", "staging", "reset", "on", ">hush", "~staging:*", *_rights())
    staging = another(settings, kv_prefix="staging:", kv_url=valkey.url.replace("://", "://staging:hush@"))
    try:
        two_days(staging, "b")
        assert go_to(staging)["moved"]
        assert rebuild_lists(staging)["written"] == 0
        with pytest.raises(NightjarError, match=r"the rights ~nightjar:\*"):
            publish_lists(replace(staging, kv_prefix="nightjar:"), DAYS[0])
    finally:
        kv.execute_command("ACL", "DELUSER", "staging")


def _rights() -> list[str]:
    from nightjar.publish.connection import RIGHTS

    return RIGHTS.split()


def test_a_full_store_without_a_mark_goes_back(settings, kv, published):
    kv.delete(OWNER)
    kv.config_set("maxmemory", 1)
    try:
        assert go_to(settings)["current"] == published[0]
    finally:
        kv.config_set("maxmemory", 0)
    assert kv.get(list_key(published[0], "u001"))
    assert kv.get(new_users_key(published[0]))
