"""`nightjar duplicates explain A B` on three made-up days in the real lake: the words, the picture, the errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.cli.explain import _verdict
from nightjar.cli.parser import parser
from nightjar.duplicates.links import Song
from nightjar.duplicates.pair import Pair, Upload
from nightjar.lake import Lake, Partition
from nightjar.settings import REPOSITORY
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, UPLOADS

COPY = {
    "a": "alpha",
    "b": "alpha-again",
    "verdict": "altered",
    "score": 0.93,
    "decided_by": "mix,vocals",
    "mix": 0.95,
    "accompaniment": 0.75,
    "vocals": 0.91,
    "offset_s": 2.0,
    "overlap_s": 30.0,
    "share": 0.8,
    "speed": 1.05,
    "pitch": -0.5,
    "spans": [
        {"a_s": 2.0, "b_s": 0.0, "seconds": 21.0, "similarity": 0.95},
        {"a_s": 26.0, "b_s": 25.0, "seconds": 9.0, "similarity": 0.94},
    ],
    "evidence": "the same recording, faster",
}
PNG = b"\x89PNG\r\n"


@pytest.fixture
def written(settings, monkeypatch, tmp_path):
    """Three days with prints, of which the first two are swept; one pair; no stems and no embedder."""
    lake = Lake(settings)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NIGHTJAR_EMBEDDER_PYTHON", "/nowhere/python")
    for day in DAYS:
        nights.write_day(settings, day)
        lake.write(Partition("rejects", day, stage="ingest"), schemas.empty("rejects"))
    for upload in UPLOADS:
        lake.objects.put(f"lake/claims/{upload.track_id}", upload.day.encode())
    for day, pairs in ((DAYS[0], []), (DAYS[1], [COPY])):
        groups = [{"track_id": each[name], "canonical_id": each["a"]} for each in pairs for name in "ab"]
        lake.write(Partition("duplicate_pairs", day, settings.model), schemas.table("duplicate_pairs", pairs))
        lake.write(Partition("duplicate_groups", day, settings.model), schemas.table("duplicate_groups", groups))
    return settings


@pytest.fixture
def explain(capsys):
    """Explains a pair; its JSON."""

    def explain(*arguments: str) -> dict:
        assert main(["duplicates", "explain", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return explain


@pytest.fixture
def fail(capsys):
    """Explains what cannot be; its one line on stderr, and no file is left."""

    def fail(*arguments: str) -> str:
        assert main(["duplicates", "explain", *arguments]) == 1
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert list(Path.cwd().iterdir()) == []
        return said.err

    return fail


def test_a_pair_of_the_sweep_is_told_in_either_order(written, explain):
    found = explain("alpha-again", "alpha")
    assert found == explain("alpha", "alpha-again")
    assert {name: found[name] for name in COPY if name not in "ab"} == {
        name: value for name, value in COPY.items() if name not in "ab"
    }
    assert (found["a"]["track"], found["a"]["day"], found["a"]["uploader"]) == ("alpha", DAYS[0], "ann")
    assert (found["in_sweep"], found["swept"], found["canonical"]) == (True, True, "alpha")
    assert found["words"][0] == "alpha-again is an altered copy of alpha, by a score of 0.93"
    assert "alpha-again plays 5.0% faster (speed 1.0500) and 0.50 semitones lower than alpha." in found["words"]
    assert "Both are in one group and count as alpha." in found["words"]
    assert found["picture"] == "alpha-alpha-again.png"
    assert Path(found["picture"]).read_bytes().startswith(PNG)
    assert "there is no embedder environment at /nowhere/python" in found["note"]


@pytest.mark.parametrize("verdict", ["duplicate", "altered", "cover", "fragment"])
def test_the_copy_is_the_later_upload_whatever_the_prefixes_say(verdict):
    """And of a fragment the shorter one."""
    uploads = [
        Upload(Song(day, at, name, seconds), None, None, "", None)
        for day, at, name, seconds in ((DAYS[0], 2, "late", 20.0), (DAYS[1], 1, "first", 90.0))
    ]
    said = _verdict(Pair(*uploads, {"verdict": verdict, "score": 0.9}, in_sweep=True, swept=True))
    assert re.match(r"late is an? .* of first,", said)


def test_the_verdict_comes_first_and_spans_in_the_seconds_of_either_song(written, capsys):
    assert main(["duplicates", "explain", "alpha", "alpha-again", "--out", "picture.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Verdict: alpha-again is an altered copy of alpha, by a score of 0.93"
    assert "2.0 to 23.0  " in "\n".join(lines)
    assert "0.0 to 20.0  " in "\n".join(lines), "b needs less time for the same"
    assert lines[-1] == "The picture is in picture.png"
    assert [each.name for each in Path.cwd().iterdir()] == ["picture.png"]


def test_a_pair_that_the_sweep_does_not_have_is_compared_now(written, explain):
    found = explain("delta", "alpha")
    assert (found["verdict"], found["in_sweep"], found["swept"], found["canonical"]) == ("distinct", False, True, None)
    assert found["words"][0] == "alpha and delta are distinct songs"
    assert f"The sweep of {DAYS[1]} has no such pair: distinct, or never near enough" in found["words"][-1]
    late = explain("alpha-same", "alpha")
    assert (late["verdict"], late["in_sweep"], late["swept"], late["score"]) == ("duplicate", False, False, 1.0)
    assert f"{DAYS[2]} has not been swept for duplicates yet; this is what comparing" in late["words"][-1]
    assert "They are not in one group" in " ".join(late["words"])
    nights.take_down(written, DAYS[2], tracks=["delta"])
    assert "leaves out what was taken down, here delta;" in explain("delta", "alpha")["words"][-1]


def test_the_sound_is_asked_for_where_the_songs_agree(written, monkeypatch, tmp_path, explain):
    """An interpreter in the embedder's place: it writes a spectrogram and what it was told."""
    told, program = tmp_path / "told", tmp_path / "python"
    np.save(tmp_path / "mel.npy", np.random.default_rng(1).random((600, 96)).astype(np.float32))
    copy = f'case $each in --out=*) cp {tmp_path}/mel.npy "${{each#--out=}}";; esac'
    program.write_text(f'#!/bin/sh\necho "$@" >> {told}\nfor each; do {copy}; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("NIGHTJAR_EMBEDDER_PYTHON", str(program))
    assert explain("alpha", "alpha-again")["note"] is None
    one, other = told.read_text().splitlines()
    assert f"-m embedder mel --day={DAYS[0]} --start=2.0 --seconds=10.0 --part=mix" in one
    assert f"-m embedder mel --day={DAYS[1]} --start=0.0 --seconds=9.52" in other
    assert (one.endswith("-- alpha"), other.endswith("-- alpha-again")) == (True, True)


def test_what_cannot_be_explained_is_said(written, fail):
    assert "there is no track 'alfa', and no upload of that name. Did you mean alpha" in fail("alfa", "beta")
    assert "there is no track 'betta', and no upload of that name. Did you mean beta" in fail("alpha", "betta")
    assert "'alpha' is one track, and a pair needs two" in fail("alpha", "alpha")
    assert "cannot be written to 'none/x.png': No such file or directory" in fail(
        "alpha", "alpha-again", "--out", "none/x.png"
    )
    lake = Lake(written)
    reject = {"key": "k", "track_id": "gamma", "stage": "embed", "reason": "silent", "detail": "x"}
    lake.write(Partition("rejects", DAYS[0], stage="embed"), schemas.table("rejects", [reject]))
    assert f"track 'gamma' was rejected on {DAYS[0]}, silent: x. See nightjar rejects {DAYS[0]}" in fail(
        "alpha", "gamma"
    )
    lake.remove(Partition("fingerprints", DAYS[2], written.model))
    assert "fingerprints/dt=2026-11-22/model=nightjar_pair-2 is not committed" in fail("alpha", "epsilon")


def test_only_three_words_are_a_pair():
    def parsed(*words: str):
        found = parser().parse_args(["duplicates", *words])
        return found.track, found.pair

    assert parsed() == (None, None)
    assert parsed("explain") == ("explain", None)
    assert parsed("explain", "explain", "b") == (None, ["explain", "b"])
    assert parsed("--out", "x.png", "explain", "a", "b") == (None, ["a", "b"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "a"], "write one TRACK, or explain A B"),
        (["tell", "a", "b"], "not understood: tell a b"),
        (["explain", "a", "b", "c"], "not understood: explain a b c"),
        (["a", "--out", "x.png"], "argument --out: the picture is of a pair"),
    ],
)
def test_other_words_are_wrong_usage(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["duplicates", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_matplotlib_is_loaded_for_the_picture_only():
    code = "import sys, nightjar.cli.explain; sys.exit('matplotlib' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=300).returncode == 0
