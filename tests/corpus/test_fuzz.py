"""`make fuzz` finds nothing in a few files, and where something is wrong keeps the file and says so."""

from __future__ import annotations

from pathlib import Path

from tests.corpus import fuzz, traps


def test_a_few_files_are_taken_rightly(tmp_path):
    assert fuzz.run(3.0, 1, tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_finding_is_kept_with_its_seed(tmp_path, monkeypatch, capsys):
    def wrong(path: Path):
        raise ValueError("wrong")

    monkeypatch.setattr(fuzz.probe, "probe", wrong)
    monkeypatch.setattr("sys.argv", ["fuzz", "--minutes", "0.01", "--seed", "7"])
    monkeypatch.setattr(fuzz, "KEPT", tmp_path)
    assert fuzz.main() == 1
    assert "seed 7: ValueError: wrong" in capsys.readouterr().out
    assert (tmp_path / "7").stat().st_size > 0


def test_a_seed_makes_the_same_file_again():
    lists = [each.body for each in traps.uploads(Path("/decoy"), Path("/pipe"), 1) if len(each.body) < 1000]
    assert fuzz.made(5, lists) == fuzz.made(5, lists)
    assert fuzz.made(5, lists) != fuzz.made(6, lists)
