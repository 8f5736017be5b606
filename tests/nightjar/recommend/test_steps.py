"""The steps of ranking against the real lake and Milvus Lite."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from nightjar.errors import GateClosed, NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.publish.steps import commit_lists
from nightjar.recommend import steps
from nightjar.recommend.night import gate
from nightjar.recommend.why import why
from nightjar.schemas import NEW_USERS
from nightjar.thresholds import LIST_LENGTH, MAX_PER_UPLOADER
from nightjar.vectors.store import VectorStore
from tests.nightjar.recommend import night

DAY = night.DAYS[-1]


@pytest.fixture
def nights(settings, milvus):
    """Three days, written and loaded."""
    for day in night.DAYS:
        night.write_day(settings, day)
    return settings


def run(settings, day: str = DAY, shards: int | None = None) -> dict[str, list[dict]]:
    """Every user's list, by rank."""
    if shards:
        settings = replace(settings, shard_users=-(-users(settings, day) // shards))
    shards = night.learn(settings, day)["shards"]
    for shard in range(shards):
        steps.rank_shard(settings, day, shard, shards)
    commit_lists(settings, day, shards)
    lists: dict[str, list[dict]] = {}
    rows = Lake(settings).read(Partition("lists", day, settings.model)).to_pylist()
    for row in sorted(rows, key=lambda row: (row["user_id"], row["rank"])):
        lists.setdefault(row["user_id"], []).append(row)
    return lists


def users(settings, day: str) -> int:
    return steps.weigh_listens(settings, day)["users"]


def bytes_of(settings) -> str:
    manifest = Lake(settings).manifest(Partition("lists", DAY, settings.model))
    return hashlib.sha256(manifest.to_json()).hexdigest()


def test_lists_follow_taste_and_say_why(nights):
    lists = run(nights)
    heard = {(row["user_id"], row["track_id"]) for day in night.DAYS for row in night.listens(day)}
    assert {f"u{number:02d}" for number in range(24)} <= set(lists)
    for user in (f"u{number:02d}" for number in range(24)):
        first = lists[user][:5]
        assert sum(night.style(row["track_id"]) == int(user[1:]) % night.STYLES for row in first) >= 4, user
        for row in lists[user]:
            assert (user, row["track_id"]) not in heard
            assert all((user, each) in heard for each in row["because"])
            assert bool(row["because"]) == (row["source"] in ("similar", "co_listened", "both"))
    assert {row["source"] for row in lists[NEW_USERS]} <= {"fresh", "popular"}
    assert len({night.style(row["track_id"]) for row in lists[NEW_USERS][:4]}) == 4  # varied from the beginning
    assert len(lists[NEW_USERS]) == min(LIST_LENGTH, 60)


def test_any_number_of_shards_gives_the_same_rows_and_twice_the_same_bytes(nights):
    whole = run(nights, shards=1)
    first = bytes_of(nights)
    assert run(nights, shards=1) == whole
    assert bytes_of(nights) == first
    assert run(nights, shards=2) == whole
    assert run(nights, shards=5) == whole


def test_a_day_run_again_after_later_days_is_the_same(nights):
    first = run(nights, night.DAYS[1])
    late = "2026-11-23"
    night.write_day(nights, late, tracks=[f"s23-{number:02d}" for number in range(20)], listens=[])
    assert run(nights, night.DAYS[1]) == first


def test_songs_that_came_late_are_known_although_their_own_day_made_no_lists_since(settings, milvus):
    first = night.DAYS[0]
    night.write_day(settings, first, tracks=night.songs(first)[:-1])
    run(settings, first)
    for day in night.DAYS:
        night.write_day(settings, day)
    lists, rows = run(settings), Lake(settings).read(Partition("similar", first, settings.model))
    run(settings, first)
    assert rows["track_id"].to_pylist() == night.songs(first)
    assert Lake(settings).read(Partition("similar", first, settings.model)).equals(rows)
    assert run(settings) == lists


def test_a_swept_day_that_is_being_run_again_does_not_hold_up_the_others(nights):
    before = run(nights)
    first = night.DAYS[0]
    tracks = night.tracks(first, [*night.songs(first), "s20-99"])  # frozen again, and not embedded yet
    Lake(nights).write(Partition("tracks", first), tracks)
    assert run(nights) == before


def test_nobody_gets_their_own_uploads_also_without_a_listen(nights):
    lists = run(nights)
    for user in (f"up{number}" for number in range(7)):
        assert lists[user]
        assert not [row for row in lists[user] if night.uploader(row["track_id"]) == user]


def test_copies_takedowns_and_rejects_are_on_no_list(settings, milvus):
    for day in night.DAYS[:-1]:
        night.write_day(settings, day)
    night.write_day(
        settings,
        DAY,
        duplicate_groups=[{"track_id": each, "canonical_id": "s20-04"} for each in ("s20-04", "s21-08", "s22-12")],
        takedowns=[{"track_id": "s20-01", "user_id": None}, {"track_id": None, "user_id": "up3"}],
        rejects_embed=[night.reject("s22-05", "embed")],
    )
    lists = run(settings)
    listed = {row["track_id"] for rows in lists.values() for row in rows}
    assert "s20-04" in listed
    assert not listed & {"s21-08", "s22-12", "s20-01", "s22-05"}
    assert not [each for each in listed if night.uploader(each) == "up3"]
    assert not {each for rows in lists.values() for row in rows for each in row["because"]} & {"s20-01"}
    heard_copy = {row["user_id"] for day in night.DAYS for row in night.listens(day)} & {
        row["user_id"] for day in night.DAYS for row in night.listens(day) if row["track_id"] in ("s21-08", "s22-12")
    }
    assert heard_copy
    for user in heard_copy:
        assert "s20-04" not in {row["track_id"] for row in lists[user]}
    assert why(settings, "u00", "s21-08", DAY)["stopped_by"] == "copy"
    assert why(settings, "u00", "s20-01", DAY)["stopped_by"] == "taken_down"


def test_a_forgotten_user_has_no_list_and_leaves_no_trace(settings, milvus):
    for day in night.DAYS:
        night.write_day(settings, day)
    lake = Lake(settings)
    before = run(settings)
    assert before["u00"]
    lake.write(
        Partition("takedowns", "2026-11-23"),
        night.schemas.table("takedowns", [{"track_id": None, "user_id": "u00"}]),
    )
    assert "u00" not in run(settings)


def test_why_agrees_with_every_entry_of_a_list(nights):
    lists = run(nights)
    on_list = {row["track_id"]: row for row in lists["u05"]}
    for track_id in night.songs(DAY):
        answer = why(nights, "u05", track_id, DAY)
        assert answer["on_list"] == (track_id in on_list), track_id
        if track_id in on_list:
            row = on_list[track_id]
            assert (answer["rank"], answer["source"]) == (row["rank"], row["source"])
            assert answer["score"] == pytest.approx(row["score"], abs=1e-6)
            if row["because"]:  # else it is a filler: what speaks against it is stronger
                assert [each["track"] for each in answer["reasons"] if each["score"] > 0][:3] == row["because"]
        else:
            assert answer["stopped_by"]
            assert answer["detail"]


def test_why_for_a_new_user_and_for_unknown_songs(nights):
    answer = why(nights, "nobody", lists_first(nights), DAY)
    assert answer["on_list"]
    assert answer["list"] == "new_users"
    assert answer["reasons"] == []
    with pytest.raises(NightjarError, match=r"no-such-song.*not in the library"):
        why(nights, "u00", "no-such-song", DAY)


def lists_first(settings) -> str:
    return run(settings)[NEW_USERS][0]["track_id"]


def test_unknown_songs_nameless_users_and_a_day_without_listens(settings, milvus):
    night.write_day(settings, night.DAYS[0])
    strange = [night.listen("u00", "gone", DAY), night.listen("", "s20-00", DAY), night.listen("u77", "gone", DAY)]
    night.write_day(settings, DAY, listens=strange)
    plan = steps.weigh_listens(settings, DAY)
    assert plan["ignored_listens"] == 3
    lists = run(settings)
    assert lists["u00"]
    assert "u77" not in lists
    night.write_day(settings, "2026-11-23", tracks=[], listens=[])
    assert set(run(settings, "2026-11-23")) == set(lists)


def test_an_empty_library_makes_an_empty_list(settings, milvus):
    night.write_day(settings, DAY, tracks=[], listens=[night.listen("u00", "gone", DAY)])
    assert gate(settings, DAY).items() >= {"uploads": 0, "rejects": 0, "share": 0.0}.items()
    assert steps.weigh_listens(settings, DAY)["users"] == 0
    assert run(settings) == {}


def test_an_empty_library_without_any_collection(settings, milvus, lake):
    for table in ("tracks", "listens", "takedowns"):
        lake.write(Partition(table, DAY), night.schemas.empty(table))
    lake.write(Partition("embeddings", DAY, settings.model), night.schemas.empty("embeddings"))
    lake.write(Partition("rejects", DAY, stage="embed"), night.schemas.empty("rejects"))
    for table in ("duplicate_groups", "duplicate_pairs"):
        lake.write(Partition(table, DAY, settings.model), night.schemas.empty(table))
    assert run(settings) == {}


def test_a_day_that_is_not_there_says_so(settings, milvus):
    night.write_day(settings, night.DAYS[0])
    with pytest.raises(PartitionMissing, match="2026-11-22"):
        steps.weigh_listens(settings, DAY)


def test_a_song_whose_vector_is_lost_is_an_error_that_names_it(nights, milvus):
    with VectorStore(nights) as store:
        milvus.delete(store.collection("tracks"), ids=["s22-03"])
    with pytest.raises(NightjarError, match=r"s22-03.*load_vectors"):
        run(nights)


def test_the_gate_stops_a_night_of_rejects(settings, milvus):
    ingest = [night.reject(f"x{number}", "ingest", "silent") for number in range(8)]
    embed = [night.reject(f"s22-{number:02d}", "embed", "separation_failed") for number in range(3)]
    night.write_day(settings, DAY, rejects_ingest=ingest, rejects_embed=embed)
    with pytest.raises(GateClosed, match=r"11 of 28 uploads were rejected \(39%.*8 of them as silent"):
        gate(settings, DAY)
    night.write_day(settings, DAY, rejects_ingest=ingest[:6], rejects_embed=embed)
    assert gate(settings, DAY).items() >= {"uploads": 26, "rejects": 9, "share": 0.3462}.items()


def test_no_uploader_fills_a_list(settings, milvus, monkeypatch):
    monkeypatch.setattr(night, "uploader", lambda track_id: "one" if night.style(track_id) == 0 else "two")
    for day in night.DAYS:
        night.write_day(settings, day)
    for rows in run(settings).values():
        assert max(Counter(night.uploader(row["track_id"]) for row in rows).values()) == MAX_PER_UPLOADER
