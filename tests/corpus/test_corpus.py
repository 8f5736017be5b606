"""Hundreds of bad files through the real ingest and embedder in one night: each is a song, or a reject for what is true
of it; nothing but the file is read; memory stays in bounds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from nightjar.ingest import names
from nightjar.lake import Lake, Partition
from nightjar.settings import REPOSITORY
from tests.corpus import corpus
from tests.corpus.bases import base
from tests.corpus.upload import LEFT_OUT, SONG, Upload
from tests.corpus.watch import Watch

DAY = "2026-11-20"
MEMORY_MB = 3 * 1024
SEPARATOR = "none"
"""What is decoded is the same with and without separation, which would take an hour."""


@pytest.fixture
def watch(tmp_path: Path):
    with closing(Watch(tmp_path, base("wav"))) as made:
        yield made


@pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.services)], ids=["a_sample", "all_of_it"]
)
def test_a_night_of_bad_files(whole, lake, settings, watch, tmp_path):
    found = corpus.groups(watch.decoy, watch.pipe, watch.port)
    uploads = [each for group in found.values() for each in group] if whole else corpus.sample(found)
    assert len(uploads) >= (300 if whole else 50)
    by_key = {f"uploads/dt={DAY}/{upload.name}": upload for upload in uploads}
    assert len(by_key) == len(uploads)
    for key, upload in by_key.items():
        lake.objects.put(key, upload.body, metadata=upload.metadata)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert watch.touches() == []

    taken = _night("ingest", scratch)
    made = _night("embed", scratch)

    assert watch.touches() == []
    left = [each.name for each in scratch.iterdir() if each.name != "__pycache__"]  # of TensorFlow's generated code
    assert left == []
    tracks, refused = _judged(lake, by_key)
    assert (taken["uploads"], taken["tracks"]) == (len(tracks) + len(refused), len(tracks))
    assert made["embedded"] == len(tracks)
    assert _wrong(by_key, tracks, refused) == []
    vectors = np.array(lake.read(Partition("embeddings", DAY, settings.model))["vector"].to_pylist())
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert max(each[name] for each in (taken, made) for name in ("own_mb", "child_mb")) < MEMORY_MB
    reasons = Counter(row["reason"] for row in refused.values())
    print(f"\n{len(uploads)} uploads: {len(tracks)} songs, {dict(sorted(reasons.items()))}\n{taken}\n{made}")


def test_a_touch_of_what_is_watched_would_show(watch):
    """The same as in a night: by another process, which opens a file, a pipe and two kinds of connection."""
    code = (
        "import os, socket, sys; decoy, pipe, port = sys.argv[1:]; open(decoy, 'rb').read(4);"
        "os.open(pipe, os.O_RDONLY | os.O_NONBLOCK); socket.create_connection(('127.0.0.1', int(port))).recv(1);"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(port)))"
    )
    subprocess.run([sys.executable, "-c", code, watch.decoy, watch.pipe, str(watch.port)], check=True, timeout=60)
    assert watch.touches() == ["3 times a file was opened or read", "1 connections", "a datagram of 1 bytes"]
    assert watch.touches() == []


def _night(stage: str, scratch: Path) -> dict:
    """A stage of the night in a process of its own, which must end well; what its last line says."""
    environment = os.environ | {"NIGHTJAR_SEPARATOR": SEPARATOR, "TMPDIR": str(scratch), "NIGHTJAR_SHARD_SONGS": "2000"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    command = [sys.executable, "-m", "tests.corpus.night", stage, DAY]
    ended = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ended.stdout.decode()
    assert ended.returncode == 0, said[-5000:]
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", said) is None
    *_, before, last = said.splitlines()
    print(before)
    return json.loads(last)


def _judged(lake: Lake, by_key: dict[str, Upload]) -> tuple[dict[str, dict], dict[str, dict]]:
    """Rows of tracks and of rejects by key. Every upload is in exactly one, but what is left out; the embedder, which
    hears the same samples, rejects none."""
    tracks, refused = (
        {row["key"]: row for row in lake.read(partition).to_pylist()}
        for partition in (Partition("tracks", DAY), Partition("rejects", DAY, stage="ingest"))
    )
    assert lake.read(Partition("rejects", DAY, stage="embed")).to_pylist() == []
    assert not tracks.keys() & refused.keys()
    left_out = {key for key in by_key if names.is_left_behind(key)}
    assert {key for key, upload in by_key.items() if LEFT_OUT in upload.truths} == left_out
    assert tracks.keys() | refused.keys() == by_key.keys() - left_out
    return tracks, refused


def _wrong(by_key: dict[str, Upload], tracks: dict[str, dict], refused: dict[str, dict]) -> list[str]:
    """What is untrue of the uploads' outcomes."""
    wrong = []
    for key, upload in by_key.items():
        if (row := tracks.get(key)) is not None:
            fits = SONG in upload.truths and row["duration_s"] <= upload.at_most_s and row["title"] == upload.title
            outcome = f"a song of {row['duration_s']:.1f} s called {row['title']!r}"
        elif (row := refused.get(key)) is not None:
            fits = row["reason"] in upload.truths and upload.says in row["detail"] and row["detail"].isprintable()
            outcome = f"{row['reason']}: {row['detail']}"
        else:
            continue
        if not fits:
            wrong.append(f"{upload!r}: {outcome}")
    return wrong
