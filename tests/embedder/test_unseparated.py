"""The separator `none`: nothing is separated, the accompaniment is the mix, and no separation network is needed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from embedder import signal, stems
from embedder.pipeline import TABLES, run_shard
from embedder.separate import unseparated
from nightjar import schemas
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.thresholds import PRINT_SPEEDS

DAY = "2026-11-20"


def test_the_accompaniment_is_the_mix_and_the_vocals_are_silent(pcm_of, noise, tmp_path):
    mix = noise(70.0)  # more than two blocks
    pieces = list(unseparated(pcm_of(mix)))
    accompaniment, vocals = (np.concatenate(part, axis=1) for part in zip(*pieces, strict=True))
    assert np.array_equal(accompaniment, mix)
    assert vocals.shape == mix.shape
    assert not vocals.any()
    made = stems.write(pieces, tmp_path)
    assert stems.fit(made, 70.0)
    levels = stems.levels(made)
    assert levels.vocals == 0
    assert levels.accompaniment == levels.mix > 0.05


@pytest.fixture
def track(lake: Lake, synth) -> dict:
    """A song that was uploaded and ingested, with an ending of which no file's name could be made."""
    song = synth("song.mp3", 4.0, "-ac", 2)
    key = f"uploads/dt={DAY}/song.{'g722' * 62}"
    lake.objects.put(key, song.read_bytes())
    row = {
        **{"track_id": "song", "day": DAY, "key": key, "size_bytes": song.stat().st_size},
        **{"sha256": hashlib.sha256(song.read_bytes()).hexdigest(), "uploaded_at": datetime(2026, 11, 20, tzinfo=UTC)},
        **{"codec": "mp3", "sample_rate": 44_100, "channels": 2, "duration_s": 4.0, "loudness_lufs": -14.0},
        **{"uploader": None, "title": None, "artist": None},
    }
    lake.write(Partition("tracks", DAY), schemas.table("tracks", [row]))
    return row


def test_a_shard_without_separation(lake, settings, track, tmp_path, python):
    """In a process of its own, where it shows what is imported; the folder of weights is empty."""
    settings_of_it = {"NIGHTJAR_SEPARATOR": "none", "NIGHTJAR_WEIGHTS_DIR": str(tmp_path)}
    settings_of_it |= {"NIGHTJAR_SECOND_OPINION": "echoprint"}
    python(
        f"import os, sys; os.environ.update({settings_of_it}); from embedder.__main__ import main; "
        f"assert main(['--day', '{DAY}', '--shard', '0', '--shards', '1']) == 0; "
        "assert not {'torch', 'demucs'} & set(sys.modules)"
    )
    for table in (*TABLES, "echoprints"):
        lake.commit(Partition(table, DAY, settings.model), 1)

    (row,) = lake.read(Partition("stems", DAY, settings.model)).to_pylist()
    assert row["vocals_key"] == f"stems/none/{track['sha256']}/vocals.flac"
    assert lake.objects.exists(row["accompaniment_key"])
    assert lake.objects.exists(row["vocals_key"])
    (prints,) = lake.read(Partition("fingerprints", DAY, settings.model)).to_pylist()
    assert prints["vocals"] == []
    assert prints["vocals_db"] == row["vocals_db"] == signal.LEVEL_FLOOR_DB
    mix, accompaniment = (np.array(prints[part], np.uint32) for part in ("mix", "accompaniment"))
    assert len(mix) > 5
    assert np.array_equal(mix, accompaniment)
    at_speeds = lake.read(Partition("speed_prints", DAY, settings.model)).to_pylist()
    assert [each["speed_percent"] for each in at_speeds] == list(PRINT_SPEEDS)
    assert all(each["mix"] == each["accompaniment"] and each["vocals"] == [] for each in at_speeds)
    (codes,) = lake.read(Partition("echoprints", DAY, settings.model)).to_pylist()
    assert len(codes["codes"]) == len(codes["times"])
    (embedding,) = lake.read(Partition("embeddings", DAY, settings.model)).to_pylist()
    assert np.linalg.norm(embedding["vector"]) == pytest.approx(1, abs=1e-5)

    again = run_shard(replace(settings, separator="none"), DAY, 0, 1, lambda _: None)
    assert (again.songs, again.reused) == (1, 1)


def test_unknown_separators_are_answered_with_the_known_ones(settings):
    with pytest.raises(NightjarError, match=r"'other-2', this embedder makes 'htdemucs-2' or 'none'"):
        run_shard(replace(settings, separator="other-2"), DAY, 0, 1)
