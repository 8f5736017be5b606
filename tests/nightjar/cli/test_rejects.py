"""What `nightjar rejects` says of an upload: title and uploader as the object carries them, which strangers wrote."""

from __future__ import annotations

import json

import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.ingest import metadata, steps
from nightjar.lake import Partition
from tests.nightjar.ingest.made import song

DAY = "2026-11-20"


@pytest.fixture
def told(settings, lake, capsys):
    """Ingests uploads of those names and metadata that are no songs, and returns what rejects says: text and JSON."""

    def told(uploads: dict[str, dict[str, str]], body: bytes = b"milk\nbread\n" * 50) -> tuple[str, list[dict]]:
        for name, said in uploads.items():
            lake.objects.put(f"uploads/dt={DAY}/{name}", body, metadata=metadata.encode(said))
        shards = steps.freeze(settings, DAY)["shards"]
        for shard in range(shards):
            steps.probe_shard(settings, DAY, shard, shards)
        steps.commit_tracks(settings, DAY, shards)
        return said_now()

    def said_now() -> tuple[str, list[dict]]:
        assert main(["rejects", DAY]) == 0
        text = capsys.readouterr().out
        assert main(["rejects", DAY, "--json"]) == 0
        return text, json.loads(capsys.readouterr().out)["rejects"]

    told.now = said_now
    return told


def test_title_and_uploader_are_those_that_the_object_carries(told):
    uploads = {
        "text.mp3": {"title": "Träume", "user-id": "user-7"},
        "not an id.mp3": {"title": "Nameless", "user-id": "user-8"},
        "plain.mp3": {},
    }
    text, rows = told(uploads)
    assert [(row["reason"], row["title"], row["uploader"]) for row in rows] == [
        ("bad_name", "Nameless", "user-8"),
        ("not_audio", None, None),
        ("not_audio", "Träume", "user-7"),
    ]
    assert "Träume" in text
    assert "user-8" in text


def test_no_title_and_no_uploader_steers_a_terminal(told):
    hostile = "exe.\u202e3pm\n\x1b[31mred\x85\u2028end"
    text, rows = told({"text.mp3": {"title": hostile, "user-id": "u\u202e7\u2066"}, "other.mp3": {"user-id": hostile}})
    assert len(text.splitlines()) == 2 + len(rows) + 2  # title, headings, rows, two notes
    assert not set(text) & set("\x1b\u202e\u2066\u2028\x85")
    assert r"u\u202e7\u2066" in text
    assert [row["uploader"] for row in rows] == [None, "u\u202e7\u2066"]


def test_what_is_gone_or_forgotten_is_not_named(settings, lake, told):
    _, rows = told({name: {"title": "T", "user-id": name[0]} for name in ("gone.mp3", "x.mp3", "y.mp3")})
    assert [row["uploader"] for row in rows] == ["g", "x", "y"]
    lake.objects.delete(f"uploads/dt={DAY}/gone.mp3")
    asked = {"track_id": None, "user_id": "x"}
    lake.write(Partition("takedowns", DAY), schemas.table("takedowns", [asked]))
    assert [(row["track_id"], row["uploader"]) for row in told.now()[1]] == [("gone", None), ("x", None), ("y", "y")]


def test_a_song_needs_no_rejects(told):
    assert told({"good.mp3": {"title": "Good"}}, song())[1] == []
