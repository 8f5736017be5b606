"""A few seconds of a stored song as a mel spectrogram, from the real lake."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from embedder import mel, signal
from embedder.__main__ import main
from nightjar import schemas
from nightjar.lake import Partition

DAY = "2026-11-20"


@pytest.fixture
def stored(settings, lake, tmp_path):
    """The two stems of one song of 3 s, as the samples that are stored."""
    row, parts = {"track_id": "-song", "sha256": "s", "vocals_db": -6.0}, {}
    for seed, part in enumerate(("accompaniment", "vocals")):
        file = tmp_path / f"{part}.flac"
        soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, 3 * signal.STEM_RATE), signal.STEM_RATE)
        parts[part], _ = soundfile.read(file, dtype="float32")
        row[f"{part}_key"] = f"stems/x/{part}.flac"
        lake.objects.upload(row[f"{part}_key"], file)
    lake.write(Partition("stems", DAY, settings.model), schemas.table("stems", [row]))
    return parts


def made(tmp_path, *options: str, track: str = "-song") -> np.ndarray:
    out = tmp_path / "mel.npy"
    assert main(["mel", f"--day={DAY}", f"--out={out}", *options, "--", track]) == 0
    return np.load(out)


def test_the_mix_is_the_sum_of_the_stems(stored, tmp_path):
    rate = signal.STEM_RATE
    mix = stored["accompaniment"] + stored["vocals"]
    assert np.array_equal(made(tmp_path, "--start=1", "--seconds=1.5"), mel.log_mel(mix[rate : rate + rate * 3 // 2]))
    vocals = made(tmp_path, "--seconds=1", "--part=vocals")
    assert np.array_equal(vocals, mel.log_mel(stored["vocals"][:rate]))


def test_the_end_of_a_song_is_the_end(stored, tmp_path, capsys):
    assert len(made(tmp_path, "--start=2", "--seconds=10")) == len(made(tmp_path, "--start=2", "--seconds=1"))
    for start in (3, 99):
        assert main(["mel", f"--day={DAY}", f"--start={start}", f"--out={tmp_path}/none.npy", "--", "-song"]) == 2
        assert f"track '-song' has no sound {start}.0 s into it" in capsys.readouterr().err
    assert not (tmp_path / "none.npy").exists()


def test_what_is_not_stored_is_said(stored, lake, tmp_path, capsys):
    assert main(["mel", "other", f"--day={DAY}", f"--out={tmp_path}/none.npy"]) == 2
    assert f"there are no stems of track 'other' on {DAY}" in capsys.readouterr().err
    lake.objects.delete("stems/x/vocals.flac")
    assert main(["mel", f"--day={DAY}", f"--out={tmp_path}/none.npy", "--", "-song"]) == 2
    assert "the stem stems/x/vocals.flac is gone" in capsys.readouterr().err
