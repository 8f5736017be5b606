"""Shards through the real parts: object storage, htdemucs, the CNN, ffmpeg."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from embedder import pipeline, signal
from embedder.__main__ import main
from embedder.embedding import MODELS
from embedder.pipeline import STAGE, TABLES, Summary, run_shard
from embedder.unfinished import Processed, Unfinished
from nightjar import schemas
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.objects import StoreFailed
from nightjar.settings import FIRST_MODEL, Settings
from tests.faulty_proxy import faulty_proxy

DAY = "2026-11-20"


@pytest.fixture
def upload(lake: Lake) -> Callable[..., dict]:
    """Puts a file where the app puts it, and gives the row of `tracks` that ingest makes of it."""

    def put(track_id: str, file: Path) -> dict:
        key = f"uploads/dt={DAY}/{track_id}{file.suffix}"
        lake.objects.put(key, file.read_bytes())
        at = datetime(2026, 11, 20, 12, tzinfo=UTC)
        described = {"codec": "pcm", "sample_rate": 44_100, "channels": 2, "duration_s": 4.0, "loudness_lufs": -14.0}
        owner = {"uploader": "u1", "title": None, "artist": None}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        size = file.stat().st_size
        return {
            "track_id": track_id, "day": DAY, "key": key, "sha256": digest, "size_bytes": size, "uploaded_at": at,
            **described, **owner,
        }  # fmt: skip

    return put


def commit_tracks(lake: Lake, tracks: list[dict]) -> None:
    lake.write(Partition("tracks", DAY), schemas.table("tracks", tracks))


def parts(settings: Settings) -> list[Partition]:
    return [*(Partition(table, DAY, settings.model) for table in TABLES), Partition("rejects", DAY, stage=STAGE)]


def committed(lake: Lake, settings: Settings, shards: int = 1) -> dict[str, bytes]:
    """Every byte of the day's partitions after a commit."""
    for partition in parts(settings):
        lake.commit(partition, shards)
    return {seen.key: lake.objects.get(seen.key) for part in parts(settings) for seen in lake.objects.list(part.prefix)}


def refuse(proxy, path):
    proxy.spoil("HEAD", path, status=403, times=99)
    proxy.spoil("GET", path, status=403, code="AccessDenied", times=99)


def test_an_upload_that_is_refused_is_one_reject_and_all_of_them_fail_the_shard(lake, settings, synth, upload):
    song = synth("song.mp3", 4.0)
    commit_tracks(lake, [upload("a", song), upload("b", song)])
    with faulty_proxy(settings.s3_endpoint) as proxy:
        through = replace(settings, s3_endpoint=proxy.endpoint, separator=signal.UNSEPARATED)
        refuse(proxy, "/a.mp3")
        assert run_shard(through, DAY, 0, 1, lambda _: None).rejected == 1
        committed(lake, settings)
        (reject,) = lake.read(parts(settings)[-1]).to_pylist()
        assert (reject["track_id"], reject["reason"]) == ("a", "refused")
        refuse(proxy, "/b.mp3")
        with pytest.raises(StoreFailed, match="none of the 2 uploads"):
            run_shard(through, DAY, 0, 1, lambda _: None)


def test_a_shard_with_good_and_bad_songs(lake, settings, weights_dir, synth, upload, tmp_path, capsys):
    song = synth("song.mp3", 4.0, "-ac", 2)
    garbage = tmp_path / "garbage.mp3"
    garbage.write_bytes(b"no music" * 1000)
    gone, changed = upload("gone", song), upload("changed", song)
    commit_tracks(lake, [upload("good", song), upload("again", song), upload("garbage", garbage), gone, changed])
    lake.objects.delete(gone["key"])
    lake.objects.put(changed["key"], b"something else")

    assert main(["--day", DAY, "--shard", "0", "--shards", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("song ") for line in said) == 5
    assert f"embedder {DAY} shard 0/1: songs=2 rejected=3 reused=1 audio=8." in said[-1]
    first = committed(lake, settings)

    rejects = lake.read(parts(settings)[-1]).to_pylist()
    assert {row["track_id"]: row["reason"] for row in rejects} == {
        "garbage": "not_audio",
        "gone": "missing",
        "changed": "changed",
    }
    embeddings = {row["track_id"]: row for row in lake.read(Partition("embeddings", DAY, settings.model)).to_pylist()}
    assert embeddings.keys() == {"again", "good"}
    assert embeddings["again"]["vector"] == embeddings["good"]["vector"]  # the second came from the stored stems
    assert np.linalg.norm(embeddings["good"]["vector"]) == pytest.approx(1, abs=1e-5)
    windows = lake.read(Partition("windows", DAY, settings.model)).to_pylist()
    assert [(row["track_id"], row["window"], row["start_s"]) for row in windows] == [
        ("again", 0, 0.0),
        ("good", 0, 0.0),
    ]
    prints = lake.read(Partition("fingerprints", DAY, settings.model)).to_pylist()
    assert len(prints[0]["mix"]) > 5
    stems = lake.read(Partition("stems", DAY, settings.model)).to_pylist()
    assert stems[0]["vocals_db"] == prints[0]["vocals_db"] < 0
    assert lake.objects.exists(stems[0]["accompaniment_key"])
    assert lake.objects.exists(stems[0]["vocals_key"])

    lake.objects.put(stems[0]["vocals_key"], b"cut off")  # is noticed, and separated again
    summary = run_shard(replace(settings, weights_dir=str(weights_dir)), DAY, 0, 1, lambda _: None)
    assert (summary.songs, summary.rejected, summary.reused) == (2, 3, 1)
    assert committed(lake, settings) == first


class Killed(BaseException):
    """Ends a shard as a signal does."""


@pytest.mark.parametrize("separator", [signal.UNSEPARATED, pytest.param(signal.SEPARATOR, marks=pytest.mark.services)])
def test_a_shard_that_was_killed_goes_on_from_its_last_song(request, lake, settings, synth, upload, separator):
    """Whatever separates: the whole night of `tests/end_to_end` is killed while htdemucs does."""
    settings = replace(settings, separator=separator)
    if separator == signal.SEPARATOR:
        settings = replace(settings, weights_dir=str(request.getfixturevalue("weights_dir")))
    songs = [upload(f"t{number}", synth(f"{number}.wav", 4.0 + 0.25 * number)) for number in range(3)]
    commit_tracks(lake, [*songs, upload("twice", synth("0.wav", 4.0))])

    def killed(line: str) -> None:
        if line.startswith("song 2/"):
            raise Killed

    with pytest.raises(Killed):
        run_shard(settings, DAY, 0, 1, killed)
    left = [seen.key for seen in lake.objects.list("stems/") if "unfinished" in seen.key]
    assert 2 <= len(left) <= 3
    assert all(song["track_id"].encode() not in lake.objects.get(key) for key in left for song in songs)
    said = []
    summary = run_shard(settings, DAY, 0, 1, said.append)
    assert (summary.songs, summary.rejected) == (4, 0)
    assert summary.reused >= 3
    assert sum("separate=" in line for line in said if line.startswith("song ")) <= 1
    assert not [seen.key for seen in lake.objects.list("stems/") if "unfinished" in seen.key]
    resumed = committed(lake, settings)
    for seen in list(lake.objects.list("stems/")):
        lake.objects.delete(seen.key)
    assert run_shard(settings, DAY, 0, 1, lambda _: None).reused == 1
    assert committed(lake, settings) == resumed


def test_what_is_kept_of_a_song_is_whole_or_not_taken(lake, settings):
    done = Unfinished(lake.objects, "none", "model-1")
    track = {"track_id": "a", "day": DAY, "sha256": "0" * 64}
    rows = {
        "stems": [
            {"track_id": "a", "sha256": "0" * 64, "accompaniment_key": "x", "vocals_key": "y", "vocals_db": -9.5}
        ],
        "embeddings": [{"track_id": "a", "day": DAY, "vector": np.array([0.6, 0.8], np.float32)}],
    }
    done.keep(track, Processed(rows, 4.0, -9.5, reused=False))
    found = done.find({**track, "track_id": "b", "day": "2026-11-21"}, ("stems", "embeddings"))
    assert (found.audio_s, found.vocals_db, found.reused) == (4.0, -9.5, True)
    assert found.rows["stems"][0] == rows["stems"][0] | {"track_id": "b"}
    assert schemas.table("embeddings", found.rows["embeddings"]).to_pylist() == [
        {"track_id": "b", "day": "2026-11-21", "vector": [np.float32(0.6), np.float32(0.8)]}
    ]
    assert done.find(track, ("stems", "windows")) is None
    assert Unfinished(lake.objects, "none", "model-2").find(track, ("stems",)) is None
    key = next(lake.objects.list("stems/")).key
    lake.objects.put(key, lake.objects.get(key)[:100])
    assert done.find(track, ("stems",)) is None
    done.forget(track)
    assert not list(lake.objects.list("stems/"))


def test_a_shard_takes_only_its_own_and_an_empty_one_loads_no_model(lake, settings, tmp_path, upload, python):
    garbage = tmp_path / "garbage.mp3"
    garbage.write_bytes(b"no music" * 1000)
    commit_tracks(lake, [upload(f"t{number}", garbage) for number in range(6)])
    seen = []
    for shard in range(12):
        summary = run_shard(settings, DAY, shard, 12, lambda _: None)
        seen.append(summary.rejected)
    assert sum(seen) == 6
    committed(lake, settings, shards=12)
    assert lake.read(parts(settings)[-1]).num_rows == 6
    code = (
        "import sys; from embedder.__main__ import main; "
        f"assert main(['--day', '{DAY}', '--shard', '{seen.index(0)}', '--shards', '12']) == 0; "
        "assert not {'torch', 'tensorflow', 'keras', 'librosa'} & set(sys.modules)"
    )
    python(code)


def test_uploads_of_one_file_are_in_one_shard_and_decoded_once(lake, settings, synth, upload, monkeypatch):
    settings = replace(settings, separator=signal.UNSEPARATED)
    song, other = synth("song.mp3", 4.0), synth("other.mp3", 5.0)
    commit_tracks(lake, [upload(f"same{number}", song) for number in range(6)] + [upload("other", other)])
    decoded = []
    real = pipeline.decoded
    monkeypatch.setattr(
        pipeline, "decoded", lambda song, *rest: decoded.append(song.track["sha256"]) or real(song, *rest)
    )
    found = sorted(run_shard(settings, DAY, shard, 3, lambda _: None).songs for shard in range(3))
    assert found == [0, 1, 6]
    assert len(decoded) == len(set(decoded)) == 2


def test_a_day_that_is_not_ingested(settings):
    with pytest.raises(PartitionMissing, match=f"dt={DAY}"):
        run_shard(settings, DAY, 0, 1)


def test_models_that_this_embedder_does_not_make(settings, capsys):
    with pytest.raises(NightjarError, match=r"'other-2'.*'nightjar_pair-2'.*model fill nightjar_pair-2"):
        run_shard(replace(settings, model="other-2"), DAY, 0, 1)


def test_missing_weights_stop_the_shard_and_reject_nothing(lake, settings, synth, upload, tmp_path):
    commit_tracks(lake, [upload("good", synth("song.wav", 4.0))])
    with pytest.raises(NightjarError, match="NIGHTJAR_WEIGHTS_DIR"):
        run_shard(replace(settings, weights_dir=str(tmp_path)), DAY, 0, 1, lambda _: None)
    assert not list(lake.objects.list("lake/rejects/"))


def test_the_command_separates_one_file(weights_dir, synth, tmp_path, capsys):
    song = synth("song.ogg", 4.0)
    assert main(["separate", str(song), str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"accompaniment.flac", "vocals.flac"}
    assert "dB relative to the mix" in capsys.readouterr().out
    assert main(["separate", str(tmp_path / "none.mp3"), str(tmp_path)]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_a_summary_is_pairs_that_a_program_can_read():
    pairs = dict(pair.split("=") for pair in str(Summary()).split())
    assert pairs["songs"] == "0"
    assert float(pairs["peak_mb"]) > 10


def test_the_names_of_the_models_are_the_default_settings():
    assert FIRST_MODEL in MODELS
    assert Settings().separator == signal.SEPARATOR
