"""Forgetting at once: the published lists of all versions, with readers and publishers beside."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.publish.encode import decode
from nightjar.publish.reader import Reader
from nightjar.publish.rollback import go_to
from nightjar.publish.steps import publish_lists
from nightjar.publish.store import Store
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.steps import forget, purge_takedowns
from nightjar.vectors.steps import load_vectors
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import take_down
from tests.nightjar.publish.lists import list_key, new_users_key
from tests.nightjar.takedowns import world

FIRST, DAY = "2026-11-20", "2026-11-21"
USERS = [f"u{number}" for number in range(30)]


def write(settings, day: str, edition: str = "") -> None:
    """Lists of a day: song x is third on every second one and on that of new users, the only one on u1's."""
    lists = {user: [f"{day}{edition}-{user}-{at}" for at in range(5)] for user in ("", *USERS)}
    for user in ("", *USERS[::2]):
        lists[user].insert(2, "x")
    lists["u1"] = ["x"]
    rows = [
        {"user_id": user, "rank": rank, "track_id": song, "score": 1 / rank, "because": ["x"], "source": "fresh"}
        for user, songs in lists.items()
        for rank, song in enumerate(songs, start=1)
    ]
    Lake(settings).write(Partition("lists", day, settings.model), schemas.table("lists", rows))


@pytest.fixture
def published(settings, milvus, kv):
    """Two versions."""
    for day in (FIRST, DAY):
        write(settings, day)
        publish_lists(settings, day)
    return settings


def naming(kv, what: bytes) -> list[str]:
    """Keys of the lists whose key or content says it."""
    keys = [key for key in kv.scan_iter("nightjar:2*") if what in key + b" " + kv.get(key)]
    return sorted(key.decode() for key in keys)


def recommended(settings, user: str) -> list[str]:
    with closing(Reader(settings.kv_url)) as reader:
        return [each.track_id for each in reader.recommend(user)]


def test_a_song_leaves_the_lists_of_all_versions_and_the_rest_stays_as_it_was(published, kv):
    before = {key.decode(): kv.get(key) for key in kv.scan_iter("nightjar:2*")}
    assert len(naming(kv, b"\x01x")) == 2 * 17
    found = forget(published, ["x"])
    assert (found["lists"], found["vectors"], found["unknown"]) == (2 * 17, 0, ["x"])
    assert naming(kv, b"\x01x") == []
    after = {key.decode(): kv.get(key) for key in kv.scan_iter("nightjar:2*")}
    assert sorted(before.keys() - after.keys()) == sorted(key for key in before if key.endswith(":list:u1"))
    for key, body in after.items():
        assert decode(body) == [each for each in decode(before[key]) if each.track_id != "x"]
    assert recommended(published, "u1") == recommended(published, "") != []


def test_a_user_reads_what_new_users_do_and_no_record_names_them(published, kv):
    assert forget(published, users=["u4", "nobody"])["unknown"] == ["nobody"]
    assert naming(kv, b":u4") == []
    assert recommended(published, "u4") == recommended(published, "")
    records = [json.loads(Lake(published).objects.get(s.key)) for s in Lake(published).objects.list("published/")]
    assert [len(record["users"]) for record in records] == [29, 29]
    assert not any("u4" in record["users"] for record in records)
    was = go_to(published)["was"]
    assert recommended(published, "u4") == recommended(published, "")
    go_to(published, was)


def test_asking_twice_changes_nothing(published, kv):
    first = forget(published, ["x"], ["u4"])
    before = {key: kv.get(key) for key in kv.scan_iter()}, world.contents(published)
    again = forget(published, ["x"], ["u4"])
    assert (again["lists"], again["vectors"], again["unknown"]) == (0, 0, first["unknown"])
    assert ({key: kv.get(key) for key in kv.scan_iter()}, world.contents(published)) == before


def test_nothing_that_is_published_later_brings_it_back(published, kv):
    """Neither the same day, nor lists that were made before, nor a way back; also if only the app's export says it."""
    forget(published, ["x"], ["u4"])
    publish_lists(published, DAY)
    assert naming(kv, b"\x01x") == naming(kv, b":u4") == []
    write(published, DAY, "again")
    publish_lists(published, DAY)
    go_to(published)
    write(published, "2026-11-22")
    take_down(published, "2026-11-22", users=["u6"])
    publish_lists(published, "2026-11-22", accept=True)
    live = f"nightjar:{kv.get('nightjar:current').decode()}:"
    assert naming(kv, b"\x01x") == naming(kv, b":u4") == []
    assert not [key for key in naming(kv, b":u6") if key.startswith(live)]
    purge_takedowns(published, "2026-11-22")
    assert naming(kv, b":u6") == [], "nor on the version before"


def test_a_list_that_was_replaced_in_the_lake_since_is_found(published, kv):
    rows = schemas.table("lists", [])
    Lake(published).write(Partition("lists", DAY, published.model), rows)
    forget(published, ["x"])
    assert naming(kv, b"\x01x") == []


def test_a_reader_sees_lists_as_they_were_or_as_they_shall_be(published):
    whole = {user: recommended(published, user) for user in USERS}
    shall = {user: [each for each in songs if each != "x"] for user, songs in whole.items()}
    new_users = recommended(published, "")
    shall["u1"] = [each for each in new_users if each != "x"]
    seen, done = {user: [] for user in USERS}, threading.Event()

    def read() -> None:
        with closing(Reader(published.kv_url)) as reader:
            while not done.is_set():
                for user in USERS:
                    seen[user].append([each.track_id for each in reader.recommend(user)])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for each in readers:
        each.start()
    try:
        forget(published, ["x"])
    finally:
        done.set()
        for each in readers:
            each.join()
    for user, lists in seen.items():
        for each in lists:
            assert each in (whole[user], shall[user], new_users)
        assert recommended(published, user) == shall[user]


def test_of_two_who_forget_at_once_nobody_undoes_the_others_work(published, kv, monkeypatch):
    """The second comes whole between the first's reading of lists and its writing."""
    plain = Store.swap

    def late(self, changes):
        monkeypatch.setattr(Store, "swap", plain)
        forget(published, [f"{DAY}-u2-0"])
        return plain(self, changes)

    monkeypatch.setattr(Store, "swap", late)
    forget(published, ["x"])
    assert naming(kv, b"\x01x") == naming(kv, f"{DAY}-u2-0".encode()) == []
    assert ledger.forgotten(Lake(published)).tracks == {"x", f"{DAY}-u2-0"}


def test_what_is_forgotten_while_lists_are_written_is_not_published(published, kv, monkeypatch):
    write(published, "2026-11-22")
    plain = Store.write

    def late(self, items):
        monkeypatch.setattr(Store, "write", plain)
        written = plain(self, items)
        ledger.remember(Lake(published).objects, Forgotten(frozenset({"x"}), frozenset({"u6"})))
        return written

    monkeypatch.setattr(Store, "write", late)
    assert publish_lists(published, "2026-11-22")["moved"]
    live = f"nightjar:{kv.get('nightjar:current').decode()}:"
    assert not [key for key in naming(kv, b"\x01x") + naming(kv, b":u6") if key.startswith(live)]


def test_damaged_lists_hold_nothing_up(published, kv):
    version = kv.get("nightjar:current").decode()
    cut = kv.get(list_key(version, "u2"))[:-3]
    other = b"\x07 x of another format"
    kv.set(list_key(version, "u2"), cut)
    kv.set(new_users_key(version), other)
    kv.set(list_key(version, "u3"), b"\x07 nothing of it")
    forget(published, ["x"])
    assert kv.get(list_key(version, "u2")) is None
    assert kv.get(new_users_key(version)) == b"\x01"
    assert kv.get(list_key(version, "u3")) == b"\x07 nothing of it"


def test_the_takedown_is_written_down_though_the_store_is_away(published, kv):
    with pytest.raises(NightjarError, match=r"written down and holds .* then ask again"):
        forget(replace(published, kv_url="redis://127.0.0.1:1/0"), ["x"])
    assert ledger.forgotten(Lake(published)).tracks == {"x"}


def test_vectors_of_every_model_are_removed(settings, milvus, kv):
    world.make(settings)
    milvus.create_collection("others", dimension=4)
    other = replace(settings, model="other")
    nights.write_day(other, nights.DAYS[0])
    load_vectors(other, nights.DAYS[0])
    assert forget(settings, ["alpha"])["vectors"] == 2 * 13
    assert set(world.loaded(settings)) & {"alpha", "alpha-again"} == {"alpha-again"}
    assert forget(settings, users=["bob"])["songs"] == ["beta"]
    assert "beta" not in world.loaded(settings)
    assert not [each for each in world.published(settings) if each.split().count("beta")]


def test_the_command(published, capsys):
    assert main(["forget", "--track", "x", f"{DAY}-u2-0", "--user", "u4"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "2 songs and 1 user forgotten: 34 lists changed, 0 vectors removed; the next night clears the lake."
    )
    assert said[2] == "Nothing is known of x yet: whatever comes of it is left out."
    assert len(said) == 3
    assert main(["forget", "--track", "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        **{"tracks": ["x"], "users": [], "songs": [], "unknown": ["x"], "lists": 0, "vectors": 0}
    }
    with pytest.raises(SystemExit) as stopped:
        main(["forget"])
    assert stopped.value.code == 2
    assert "whom?" in capsys.readouterr().err
    for wrong in ("a\nb", "\udcff"):  # the second is what Python makes of a byte that is not UTF-8
        assert main(["forget", "--track", wrong]) == 1
        assert "is no id" in capsys.readouterr().err
    assert main(["forget", "--track", "A title"]) == 1, "which would be forgotten in vain"
    assert "there is no track 'A title'" in capsys.readouterr().err
    capsys.readouterr()
    assert main(["recs", "u2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["taken_down"] == [f"{DAY}-u2-0", "x"]
    assert main(["recs", "u4"]) == 0
    assert "u4 is to be forgotten" in capsys.readouterr().out
