"""The commands on a made-up night in the real lake, Milvus and key-value store."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.ingest import steps as ingest
from nightjar.lake import Lake, Partition
from nightjar.publish.steps import commit_lists
from nightjar.recommend import steps as recommend
from tests.nightjar.cli.made import DAY, FIRST
from tests.nightjar.recommend import night


def test_status_counts_what_each_day_came_to(published, ask, capsys):
    first, second = ask("status")["days"]
    assert first == {
        "day": FIRST,
        "uploads": None,
        "tracks": 20,
        "rejects": 0,
        "export_problems": None,
        "listens": 72,
        "takedowns": 0,
        "embedded": 20,
        "windows": None,
        "pairs": 0,
        "grouped": 0,
        "list_entries": None,
        "vectors": 20,
        "published": None,
    }
    assert (second["rejects"], second["pairs"], second["grouped"]) == (1, 2, 2)
    assert second["list_entries"] > 24
    assert second["published"].startswith(f"{DAY}.")
    assert main(["status", "--last", "1"]) == 0
    said = capsys.readouterr().out
    assert FIRST not in said[said.index("Days, by") :].splitlines()[2]
    assert f"1 earlier days, from {FIRST}: --last 2" in said


def test_status_of_lists_that_changed_since_they_were_published(published, ask, capsys):
    night.learn(published, DAY)
    recommend.rank_shard(published, DAY, 0, 1)
    lake = Lake(published)
    rows = lake.read(Partition("lists", DAY, published.model))
    lake.write(Partition("lists", DAY, published.model), rows.slice(1))
    assert ask("status", DAY)["published"].endswith(f"(outdated: nightjar publish {DAY})")
    assert main(["publish", DAY]) == 0
    assert f"lists of {DAY} are what the app reads now, as version {DAY}." in capsys.readouterr().out
    assert ask("status", DAY)["published"] == ask("publish", DAY)["current"]


def test_status_of_a_day_says_where_it_stands(nights, ask, capsys):
    lake = Lake(nights)
    lake.objects.put(f"uploads/dt={DAY}/late.mp3", b"x")
    unknown = [night.listen("u00", "never-uploaded", DAY), night.listen("u00", "s20-00", DAY)]
    lake.write(Partition("listens", DAY), schemas.table("listens", unknown))
    found = ask("status", DAY)
    assert found["reasons"] == [
        {"stage": "ingest", "reason": "not_audio", "objects": 1, "first_key": f"uploads/dt={DAY}/lost\x1b[31m.mp3"}
    ]
    assert found["listens_detail"]["of_unknown_tracks"] == 1
    assert found["drift"] == "1 waiting"
    assert main(["status"]) == 0
    assert f"Uploads not taken in yet: {DAY} (nightjar status {DAY} says how)" in capsys.readouterr().out
    ingest.freeze(nights, DAY)
    lake.objects.put(f"uploads/dt={DAY}/later.mp3", b"x")
    assert main(["status", DAY]) == 0
    said = capsys.readouterr().out
    assert f"Since the freeze 1 arrived (first: uploads/dt={DAY}/later.mp3): nightjar rerun {DAY}" in said
    assert f"1 of them are of tracks that were not uploaded by {DAY}; the ranking ignores those" in said
    assert re.search("publish_recommendations: lists +not done", said)
    assert "\x1b" not in said


def test_status_is_worth_having_while_milvus_and_the_store_are_down(nights, monkeypatch, ask, capsys):
    monkeypatch.setenv("NIGHTJAR_MILVUS_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("NIGHTJAR_KV_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("nightjar.vectors.connection.MILVUS_TIMEOUT_S", 1)
    assert [day["vectors"] for day in ask("status")["days"]] == [None, None]
    assert main(["status", FIRST]) == 0
    said = capsys.readouterr().out
    assert "Milvus was not asked: " in said
    assert "The key-value store was not asked: the key-value store at redis://127.0.0.1:1 failed" in said


def test_rejects_are_listed_with_their_reasons(nights, ask, capsys):
    row = ask("rejects", DAY)["rejects"][0]
    assert (row["stage"], row["reason"], row["detail"], row["track_id"]) == ("ingest", "not_audio", "x", "lost")
    assert main(["rejects", DAY]) == 0
    said = capsys.readouterr().out
    assert r"lost\x1b[31m.mp3" in said
    assert "docs/rejects.md" in said
    assert main(["rejects", FIRST]) == 0
    unknown = f"The day has not ended: of listens nothing is known yet (nightjar status {FIRST})"
    assert capsys.readouterr().out == f"Rejects of {FIRST}: none\n{unknown}\n", "the exports were not read"
    Lake(nights).objects.put("uploads/dt=2026-11-22/one.mp3", b"x")
    ingest.freeze(nights, "2026-11-22")
    assert main(["rejects", "2026-11-22"]) == 1
    assert "ingest of 2026-11-22 has begun and has not ended" in capsys.readouterr().err


def test_the_nearest_songs_are_of_the_same_style(nights, ask, capsys):
    found = ask("similar", "s20-05", "--limit", "6")
    assert (found["track"], found["title"], found["day"]) == ("s20-05", "s20-05", FIRST)
    assert [row["rank"] for row in found["similar"]] == [1, 2, 3, 4, 5, 6]
    assert {night.style(row["track_id"]) for row in found["similar"]} == {1}
    assert "s20-05" not in [row["track_id"] for row in found["similar"]]
    scores = [row["similarity"] for row in found["similar"]]
    assert scores == sorted(scores, reverse=True)
    assert all(row["uploader"] == night.uploader(row["track_id"]) for row in found["similar"])
    assert main(["similar", "s20-04", "--limit", "40"]) == 0
    assert "copy of s20-00" in capsys.readouterr().out


def test_pairs_and_groups_come_with_their_evidence(nights, ask, capsys):
    found = ask("duplicates")
    assert [(pair["verdict"], pair["a"], pair["b"]) for pair in found["pairs"]] == [
        ("duplicate", "s20-00", "s21-00"),
        ("cover", "s20-01", "s21-01"),
    ]
    assert found["pairs"][0]["evidence"] == "all parts match"
    members = [{"track_id": f"s2{n}-00", "title": f"s2{n}-00", "uploader": "up0", "day": night.DAYS[n]} for n in (0, 1)]
    assert found["groups"] == [{"canonical": "s20-00", "tracks": members}]
    of_cover = ask("duplicates", "s21-01")
    assert ([pair["verdict"] for pair in of_cover["pairs"]], of_cover["groups"]) == (["cover"], [])
    assert ask("duplicates", "s21-00")["groups"] == found["groups"]
    assert ask("duplicates", "s20-02")["pairs"] == []
    assert main(["duplicates"]) == 0
    assert "s21-00 (s21-00)" in capsys.readouterr().out


def test_a_list_is_shown_with_reasons_and_what_the_app_reads(published, ask, capsys):
    found = ask("recs", "u00")
    assert (found["user"], found["day"], found["published"]["same"]) == ("u00", DAY, True)
    assert [row["rank"] for row in found["list"]] == list(range(1, len(found["list"]) + 1))
    similar = next(row for row in found["list"] if row["because"])
    assert similar["because_titles"] == similar["because"]  # here every song is called like its id
    assert main(["recs", "u00"]) == 0
    said = capsys.readouterr().out
    assert f"{similar['source'].replace('_', ' ')}: {', '.join(similar['because'])}" in said
    assert "The app reads just this, in version 2026-11-21." in said
    for_new = ask("recs", "--new-users")
    assert for_new["user"] == ""
    assert for_new["published"]["same"]
    assert {row["source"] for row in for_new["list"]} <= {"popular", "fresh"}


def test_a_list_that_was_not_published_is_said_to_differ(published, ask):
    lake = Lake(published)
    rows = lake.read(Partition("lists", DAY, published.model))
    lake.write(Partition("lists", FIRST, published.model), rows.filter(rows["user_id"].to_numpy() == "u00").slice(1))
    assert ask("recs", "u00", "--day", FIRST)["published"]["same"] is False


def test_before_anything_is_published_recs_says_so(nights, ask):
    night.learn(nights, DAY)
    recommend.rank_shard(nights, DAY, 0, 1)
    commit_lists(nights, DAY, 1)
    assert ask("recs", "u00")["published"] == {
        "version": None,
        "same": False,
        "detail": "Nothing has been published yet.",
    }


def test_why_explains_a_song_that_is_on_the_list_and_one_that_is_not(published, ask, capsys):
    first = ask("recs", "u00")["list"][0]
    found = ask("why", "u00", first["track_id"])
    assert (found["on_list"], found["rank"], found["title"]) == (True, 1, first["title"])
    assert [each["track"] for each in found["reasons"]][: len(first["because"])] == first["because"]
    assert main(["why", "u00", "s21-00"]) == 0
    said = capsys.readouterr().out
    assert f"s21-00 (s21-00, uploaded on {DAY}) is not on the list of u00 of {DAY}: it is a copy" in said
    assert main(["why", "stranger", "s20-04"]) == 0
    assert "stranger has no history of known songs" in capsys.readouterr().out


def test_json_may_be_asked_for_before_the_command(nights, ask, capsys):
    answered = ask("duplicates")
    assert main(["--json", "duplicates"]) == 0
    assert json.loads(capsys.readouterr().out) == answered


@pytest.mark.parametrize("command", ["status", "rejects", "rerun"])
def test_an_unknown_day_is_answered_with_the_known_ones(nights, fail, command):
    assert f"nothing is known of 2027-01-01. Known are {FIRST}, {DAY}" in fail(command, "2027-01-01")


def test_a_day_without_lists_is_answered_with_those_that_have_some(published, fail):
    assert f"there are no lists of {FIRST}. Lists were made on {DAY}" in fail("recs", "u00", "--day", FIRST)
    assert f"there are no lists of {FIRST}" in fail("why", "u00", "s20-00", "--day", FIRST)


def test_an_unknown_track_is_answered_with_the_nearest(published, fail):
    for command in (("similar",), ("duplicates",), ("why", "u00")):
        said = fail(*command, "s20_05")
        assert "there is no track 's20_05', and no upload of that name. Did you mean s20-05" in said
    assert "None of 40 tracks is called like that; the first is s20-00" in fail("similar", "päte/.. x")
    said = fail("similar", "lost")
    assert f"track 'lost' was rejected on {DAY}, not_audio: x. See nightjar rejects {DAY}" in said


def test_a_title_is_answered_with_its_track_id(published, fail):
    for command in (("similar",), ("duplicates",), ("why", "u00")):
        said = fail(*command, "S21-03")
        assert "'S21-03' is a title, and a track id is asked for. The track id of that title is s21-03" in said


def test_an_unknown_user_is_answered_with_the_nearest(published, fail):
    assert "there is no list for the user 'u00x' on 2026-11-21. Did you mean u00" in fail("recs", "u00x")
    assert "The app shows others the list of nightjar recs --new-users" in fail("recs", "somebody else")


def test_a_track_without_a_vector_is_not_compared(nights, fail):
    Lake(nights).objects.put("lake/claims/mute", DAY.encode())
    assert f"track 'mute' of {DAY} has no vector in Milvus" in fail("similar", "mute")


def test_an_empty_bucket_says_where_uploads_go(settings, milvus, kv, fail):
    assert "holds no day yet. Uploads go to uploads/dt=YYYY-MM-DD/" in fail("status")
    assert "nothing is known of 2026-11-20. There are none yet" in fail("status", "2026-11-20")
    assert "there is no track 'x', and no upload of that name. There are no tracks yet" in fail("similar", "x")
    assert "no day has lists of the model" in fail("recs", "u")
    assert "no day has been swept for duplicates" in fail("duplicates")


def test_a_store_that_is_down_is_one_line(settings, monkeypatch, fail):
    nowhere = replace(settings, bucket="gone")
    monkeypatch.setenv("NIGHTJAR_BUCKET", nowhere.bucket)
    assert "there is no bucket 'gone'. Create it, or set NIGHTJAR_BUCKET" in fail("status")
