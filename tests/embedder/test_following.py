"""A second model starts from what the first has left: the same bytes as if it had done all by itself."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from embedder import embedding, following, signal, song, stems
from embedder.__main__ import main
from embedder.embedding import Embedding
from embedder.following import follow_shard
from embedder.pipeline import STAGE, TABLES, run_shard
from embedder.vectors import Whitening
from nightjar import schemas
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition

DAY = "2026-11-20"
FIRST, SECOND = "first-1", "second-1"


@pytest.fixture
def models(monkeypatch):
    """Two small models in the place of the real ones."""

    def load(name: str, threads: int = 1) -> Embedding:
        part = slice(0, 8) if name == FIRST else slice(10, 15)
        size = len(range(96)[part])
        whitening = Whitening(np.full(size, 2.0, np.float32), np.eye(size, dtype=np.float32))
        return Embedding(name, lambda patches: patches[:, :, part].mean(axis=1), whitening)

    monkeypatch.setattr(embedding, "MODELS", (FIRST, SECOND))
    monkeypatch.setattr(embedding, "load", load)


@pytest.fixture
def first(models, lake, settings, synth):
    """The settings of the first model, which has embedded two songs and rejected one."""
    files = {"long": synth("long.mp3", 9.0), "short": synth("short.wav", 4.0)}
    contents = {name: file.read_bytes() for name, file in files.items()} | {"broken": b"no music" * 1000}
    rows = []
    for name, content in contents.items():
        key = f"uploads/dt={DAY}/{name}.mp3"
        lake.objects.put(key, content)
        rows.append(
            {
                **{"track_id": name, "day": DAY, "key": key, "size_bytes": len(content)},
                **{"sha256": hashlib.sha256(content).hexdigest(), "uploaded_at": datetime(2026, 11, 20, tzinfo=UTC)},
                **{"codec": "mp3", "sample_rate": 44_100, "channels": 2, "duration_s": 4.0, "loudness_lufs": -14.0},
                **{"uploader": None, "title": None, "artist": None},
            }
        )
    lake.write(Partition("tracks", DAY), schemas.table("tracks", rows))
    made = replace(settings, model=FIRST, separator="none", second_opinion="")
    run_shard(made, DAY, 0, 1, lambda _: None)
    committed(lake, FIRST)
    lake.commit(Partition("rejects", DAY, stage=STAGE), 1)
    return made


def committed(lake: Lake, model: str) -> dict[str, bytes]:
    """Every byte of the model's partitions after a commit."""
    parts = [Partition(table, DAY, model) for table in TABLES]
    for partition in parts:
        lake.commit(partition, 1)
    return {seen.key: lake.objects.get(seen.key) for part in parts for seen in lake.objects.list(part.prefix)}


def test_the_same_bytes_at_the_cost_of_mel_and_cnn(first, lake, monkeypatch):
    second = replace(first, model=SECOND)
    run_shard(second, DAY, 0, 1, lambda _: None)
    alone = committed(lake, SECOND)
    for table in TABLES:
        lake.remove(Partition(table, DAY, SECOND))
    rejects = [(seen.key, seen.etag) for seen in lake.objects.list("lake/rejects/")]

    def never(*_: object) -> None:
        raise AssertionError("only vectors are to be computed")

    for step in ("decode", "separated", "_fingerprints"):
        monkeypatch.setattr(song, step, never)
    for seen in list(lake.objects.list("uploads/")):
        lake.objects.delete(seen.key)
    summary = follow_shard(second, DAY, 0, FIRST, lambda _: None)
    assert (summary.songs, summary.rejected, summary.reused) == (2, 0, 2)
    assert committed(lake, SECOND) == alone
    assert [(seen.key, seen.etag) for seen in lake.objects.list("lake/rejects/")] == rejects
    vectors = lake.read(Partition("embeddings", DAY, SECOND))["vector"].to_pylist()
    assert {len(vector) for vector in vectors} == {5}


def test_a_stem_that_is_gone_or_broken_is_made_again(first, lake):
    second = replace(first, model=SECOND)
    follow_shard(second, DAY, 0, FIRST, lambda _: None)
    whole = committed(lake, SECOND)
    rows = lake.read(Partition("stems", DAY, FIRST)).to_pylist()
    lake.objects.put(rows[0]["accompaniment_key"], b"cut off")
    lake.objects.delete(rows[1]["accompaniment_key"])
    said = []
    assert follow_shard(second, DAY, 0, FIRST, said.append).reused == 0
    assert sum("separated again" in line for line in said) == 2
    assert committed(lake, SECOND) == whole
    assert follow_shard(second, DAY, 0, FIRST, said.append).reused == 2


def test_what_cannot_be_had_stops_the_shard_and_rejects_nothing(first, lake):
    second = replace(first, model=SECOND)
    row = lake.read(Partition("stems", DAY, FIRST)).to_pylist()[0]
    lake.objects.delete(row["accompaniment_key"])
    lake.objects.delete(f"uploads/dt={DAY}/{row['track_id']}.mp3")
    with pytest.raises(NightjarError, match=r"the stem of long of 2026-11-20 is gone .* with the live model"):
        follow_shard(second, DAY, 0, FIRST, lambda _: None)
    with pytest.raises(NightjarError, match="not one of the separator 'htdemucs-2'"):
        follow_shard(replace(second, separator=signal.SEPARATOR), DAY, 0, FIRST, lambda _: None)
    with pytest.raises(PartitionMissing, match="model=nobody-1"):
        follow_shard(second, DAY, 0, "nobody-1", lambda _: None)


def test_songs_that_a_purge_has_half_removed_are_left_out(first, lake):
    prints = lake.read(Partition("fingerprints", DAY, FIRST))
    lake.write(Partition("fingerprints", DAY, FIRST), prints.slice(1))
    follow_shard(replace(first, model=SECOND), DAY, 0, FIRST, lambda _: None)
    committed(lake, SECOND)
    tables = [lake.read(Partition(table, DAY, SECOND), ["track_id"]) for table in TABLES]
    assert {name for rows in tables for name in rows["track_id"].to_pylist()} == {"short"}


def test_a_stem_is_checked_to_its_end(tmp_path, noise):
    samples = np.tile(noise(5.0)[0], 2)
    file = tmp_path / "stem.flac"
    soundfile.write(file, samples, signal.STEM_RATE, "PCM_16")
    stems.check(file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(soundfile.LibsndfileError):
        stems.check(file)


def test_the_commands(models, monkeypatch, settings, tmp_path):
    asked = []
    monkeypatch.setattr(following, "follow_shard", lambda settings, *rest: asked.append(rest))
    assert main(["--day", DAY, "--shard", "1", "--shards", "2", "--like", FIRST]) == 0
    assert asked == [(DAY, 1, FIRST)]
    monkeypatch.setattr(embedding, "file_of", lambda name: tmp_path / name)
    (tmp_path / SECOND).touch()
    assert main(["models", "--out", str(tmp_path / "names")]) == 0
    assert (tmp_path / "names").read_text() == f"{SECOND}\n"
