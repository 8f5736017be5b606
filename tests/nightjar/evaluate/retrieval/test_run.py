"""The command on a folder of made-up songs, by the embedder as it is, without separation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nightjar.cli import main
from nightjar.evaluate.retrieval.run import MODELS, PLAIN


@pytest.fixture(scope="module")
def folder(tmp_path_factory, compose):
    songs = tmp_path_factory.mktemp("retrieval") / "songs"
    songs.mkdir()
    rows = ["file,style"]
    for seed in range(4):
        compose(songs / f"chords-{seed}.wav", seed, 14.0)
        rows.append(f"chords-{seed}.wav,chords")
    from scipy.io import wavfile

    for seed in range(4):
        noise = np.random.default_rng(seed).standard_normal(22_050 * 14) * np.linspace(0.2, 1, 22_050 * 14)
        wavfile.write(songs / f"noise-{seed}.wav", 22_050, (noise * 4000).astype(np.int16))
        rows.append(f"noise-{seed}.wav,noise")
    (songs / "broken.wav").write_bytes(b"no music")
    rows.append("broken.wav,noise")
    (songs.parent / "labels.csv").write_text("\n".join(rows) + "\n")
    return songs.parent


def command(folder, *more: str) -> list[str]:
    return [
        *("evaluate", "retrieval", "--songs", str(folder / "songs"), "--labels", str(folder / "labels.csv")),
        *("--label", "style", "--report", str(folder / "report.json"), "--no-separation", *more),
    ]


@pytest.mark.parametrize("copies", [False, pytest.param(True, marks=pytest.mark.services)], ids=["songs", "and copies"])
def test_a_report_of_all_models(folder, capsys, copies):
    assert main(command(folder, "--model", "nightjar_cnn-4", *(["--copies"] if copies else []))) == 0
    assert "Same style, 8 of 8 songs" in capsys.readouterr().out
    report = json.loads((folder / "report.json").read_text())
    assert (report["songs"], report["queries"], report["labels"]) == (8, 8, 2)
    [rejected] = report["rejected"]
    assert (rejected["file"], rejected["reason"]) == ("broken.wav", "not_audio")
    assert rejected["detail"]
    assert list(report["models"]) == list(MODELS)
    for model, found in report["models"].items():
        assert found["P@1"]["mean"] == 1, model  # chords and noise: anything can tell
        assert found["P@1"]["interval"] == [0.6756, 1.0]  # eight of eight prove no more
        assert found["mAP"]["mean"] > 0.9
        assert 0 <= found["mAP"]["interval"][0] <= found["mAP"]["interval"][1] <= 1
        assert found["P@10"]["mean"] == pytest.approx(0.3)
        assert 0 <= found["other part"]["mean"] <= 1
    assert report["ahead"]["mel"]["P@1"]["mean"] == 0
    for kind in ("mp3-64", "noise-20") if copies else ():
        assert set(report["copies"][kind]) == set(MODELS) - set(PLAIN)
        for near in report["copies"][kind].values():
            assert 0.3 < near["least"] <= near["tenth"] <= near["mean"] <= 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--model", "other-1"), "there is no model 'other-1'"),
        (("--exclude-same", "album"), "no column 'album'"),
        (("--exclude-same", "style"), "no song has its like"),
    ],
)
def test_what_cannot_be_measured(folder, capsys, more, message):
    assert main(command(folder, *more)) == 1
    assert message in capsys.readouterr().err
