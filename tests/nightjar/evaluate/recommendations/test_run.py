"""The whole evaluation on a made-up crowd, its tables, and what the command refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.evaluate.recommendations import methods, tables
from nightjar.evaluate.recommendations.methods import GRIDS, NIGHTJAR
from nightjar.evaluate.recommendations.run import _lists
from nightjar.recommend import seeds

PEOPLE, ITEMS, STYLES = 240, 90, 6


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Plays of people with one style each, and what they play later: of their own style as well."""
    random = np.random.default_rng(5)
    rows = []
    for user in range(PEOPLE):
        own = np.flatnonzero(np.arange(ITEMS) % STYLES == user % STYLES)
        played = {*random.choice(own, 9, replace=False).tolist(), *random.integers(ITEMS, size=3).tolist()}
        rows += [(f"u{user:03d}", f"i{item:02d}", int(random.integers(1, 50))) for item in sorted(played)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "play_count"])
    later = random.random(len(table)) < 0.25
    folder = tmp_path_factory.mktemp("plays")
    table[~later].to_csv(folder / "train.csv", index=False)
    table[later][["user_id", "item_id"]].to_csv(folder / "later.csv", index=False)
    return folder / "train.csv", folder / "later.csv"


def asked(crowd: tuple[Path, Path], report: Path) -> list[str]:
    train, later = (str(each) for each in crowd)
    return ["evaluate", "recommendations", "--train", train, "--holdout", later, "--report", str(report)]


def test_the_command_measures_every_method(crowd, tmp_path, capsys, monkeypatch):
    small = {name: (fit, grid[:1] + grid[-1:]) for name, (fit, grid) in GRIDS.items()}
    monkeypatch.setattr("nightjar.evaluate.recommendations.methods.GRIDS", small)
    assert main(asked(crowd, tmp_path / "report.json")) == 0
    said = capsys.readouterr()
    assert "Lists of 10 for" in said.out
    assert "rank by EASE: done in" in said.err
    found = json.loads((tmp_path / "report.json").read_text())
    assert set(found["methods"]) == set(GRIDS)
    assert set(found["ahead"]) == set(GRIDS) - {NIGHTJAR}
    ours = found["methods"][NIGHTJAR]["at"]["10"]
    assert ours["ndcg"]["mean"] > 0.35  # chance: 0.1
    assert ours["ndcg"]["interval"][0] < ours["ndcg"]["mean"] < ours["ndcg"]["interval"][1]
    assert found["ahead"]["popularity"]["ndcg@10"]["interval"][0] > 0
    ahead = ours["ndcg"]["mean"] - found["methods"]["popularity"]["at"]["10"]["ndcg"]["mean"]
    assert found["ahead"]["popularity"]["ndcg@10"]["mean"] == pytest.approx(ahead, abs=2e-4)


def test_no_list_has_what_was_played_and_none_has_an_item_twice(crowd):
    plays = tables.read_plays(crowd[0])
    heard = set(zip(plays.users.tolist(), plays.items.tolist(), strict=True))
    for fit, grid in GRIDS.values():
        lists = _lists(fit(plays, **grid[0]), plays)
        for user, items in enumerate(lists):
            there = items[items >= 0].tolist()
            assert len(set(there)) == len(there)
            assert not {(user, item) for item in there} & heard


def test_ease_is_the_same_by_people_and_by_items(crowd):
    plays = tables.read_plays(crowd[0])
    by_items = methods.ease(plays, penalty=20.0, weights="relative")(np.arange(PEOPLE))
    few = plays.only(plays.users < 60)
    few = tables.Plays(few.users, few.items, few.counts, None, None, few.user_ids[:60], few.item_ids)
    matrix = few.relative.toarray()
    inverse = np.linalg.inv(matrix.T @ matrix + 20 * np.eye(ITEMS))
    says = -inverse / np.diag(inverse)
    np.fill_diagonal(says, 0)
    expected = matrix @ says
    by_people = methods.ease(few, penalty=20.0, weights="relative")(np.arange(60))
    unheard = matrix == 0
    assert by_people[unheard] == pytest.approx(expected[unheard], abs=1e-4)
    assert by_items.shape == (PEOPLE, ITEMS)


def test_plays_fade_and_the_split_is_by_time_where_it_is_known(tmp_path):
    days = pd.date_range("2026-01-01", periods=20, tz="UTC")
    rows = [(f"u{number % 4}", f"i{number}", 1, days[number].isoformat()) for number in range(20)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "play_count", "listened_at"])
    table.to_csv(tmp_path / "timed.csv", index=False)
    plays = tables.read_plays(tmp_path / "timed.csv")
    newest, week_old = (plays.item_ids.tolist().index(name) for name in ("i19", "i12"))
    weights = dict(zip(plays.items.tolist(), plays.tastes.tolist(), strict=True))
    assert weights[newest] == 1.0
    assert weights[week_old] == pytest.approx(np.log2(1 + seeds.fade(np.array(7.0))), abs=1e-6)
    early, late = plays.split()
    assert len(early.users) == 16
    assert early.listened_ns.max() < plays.listened_ns[np.isin(plays.items, late.tocoo().col)].min()
    again, rest = tables.read_plays(tmp_path / "timed.csv").only(plays.users >= 0).split()
    assert np.array_equal(again.items, early.items)
    assert rest.nnz == 4


def test_later_plays_that_say_nothing_are_counted(crowd, tmp_path):
    plays = tables.read_plays(crowd[0])
    first = plays.item_ids[plays.items[0]]
    (tmp_path / "later.csv").write_text(f"user_id,item_id\nu000,new\nu000,new\nnobody,i01\nu000,{first}\n")
    later = tables.read_later(tmp_path / "later.csv", plays)
    assert (later.wanted.nnz, later.unknown_items.sum(), later.unknown_users, later.repeated) == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty. Its first line names the columns: user_id,item_id,play_count"),
        ("user_id,item_id\nu,i\n", "has no column 'play_count'"),
        ("user_id,item_id,play_count\n", "has no plays"),
        ("user_id,item_id,play_count\nu,i,0\n", "has no plays"),
        (
            "user_id,item_id,play_count\nu,i,1\nu,j,many\n",
            r"row 3 of .* has the play_count 'many'. It must be a number",
        ),
        ("user_id,item_id,play_count\nu,i,-1\n", "row 2 of .* has the play_count '-1'"),
        ("user_id,item_id,play_count\n,i,1\n", "row 2 of .* has the user_id ''. It must be not empty"),
        ("user_id,item_id,play_count,listened_at\nu,i,1,soon\n", "row 2 of .* has the listened_at 'soon'"),
        ("user_id,item_id,play_count,listened_at\nu,i,1,9999-12-31T00:00:00Z\n", "a time between 1700 and 2200"),
        ("user_id;item_id;play_count\nu;i;1\n", "has no column 'user_id', but 'user_id;item_id;play_count'"),
        ("user_id,user_id,item_id,play_count\nu,u,i,1\n", "has the column 'user_id' twice"),
        ("user_id,item_id,play_count\nu,i,1e308\nu,i,1e308\n", "add up to more than a number holds"),
        ("user_id,item_id,play_count\nu,i,1\nu,j,1,2\n", "cannot be read as CSV: .*Expected 3 columns, got 4"),
    ],
)
def test_plays_that_cannot_be_read(text, says, tmp_path):
    (tmp_path / "plays.csv").write_text(text)
    with pytest.raises(NightjarError, match=says):
        tables.read_plays(tmp_path / "plays.csv")


def test_lines_within_quotes(tmp_path):
    rows = "".join(f'u{number % 7},i{number},1,"two\nlines"\n' for number in range(100_000))
    (tmp_path / "plays.csv").write_text(f"user_id,item_id,play_count,note\n{rows}")
    assert tables.read_plays(tmp_path / "plays.csv").shape == (7, 100_000)


def test_the_command_refuses_before_it_works(crowd, tmp_path, capsys):
    assert main(asked((tmp_path / "none.csv", crowd[1]), tmp_path / "report.json")) == 1
    assert "none.csv cannot be read: No such file" in capsys.readouterr().err
    assert main(asked(crowd, tmp_path / "nowhere" / "report.json")) == 1
    assert "report.json' cannot be written. Name a file in a folder that exists" in capsys.readouterr().err
    (tmp_path / "plain.csv.gz").write_text("user_id,item_id,play_count\nu,i,1\n")
    assert main(asked((tmp_path / "plain.csv.gz", crowd[1]), tmp_path / "report.json")) == 1
    assert "cannot be read: " in capsys.readouterr().err
    assert main(asked(crowd, crowd[0])) == 1
    assert "is no report and would be lost. Name another file" in capsys.readouterr().err
    (tmp_path / "mine.json").write_text('{"my": "settings"}')
    assert main(asked(crowd, tmp_path / "mine.json")) == 1
    assert "is no report and would be lost. Name another file" in capsys.readouterr().err
    (tmp_path / "one.csv").write_text("user_id,item_id,play_count\nu000,i01,1\n")
    assert main(asked((tmp_path / "one.csv", crowd[1]), tmp_path / "report.json")) == 1
    assert "are too few to choose" in capsys.readouterr().err
    (tmp_path / "others.csv").write_text("user_id,item_id\nstranger,i01\n")
    assert main(asked((crowd[0], tmp_path / "others.csv"), tmp_path / "report.json")) == 1
    assert "has nothing to predict for users of the plays" in capsys.readouterr().err
