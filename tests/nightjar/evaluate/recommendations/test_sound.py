"""Lists by sound: what is near, items that nobody has played, and tables of embeddings that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import NightjarError
from nightjar.evaluate.recommendations import sound, tables
from nightjar.evaluate.recommendations.methods import BLEND, CONTENT, GRIDS, NIGHTJAR
from nightjar.thresholds import NEIGHBOURS_PER_SEED

PEOPLE, ITEMS, STYLES, NEW = 200, 120, 6, 18
"""The last NEW items are played by nobody until later."""


def write(file: Path, ids: list[str], vectors: np.ndarray) -> Path:
    rows = {"track_id": ids, "day": ["2026-11-20"] * len(ids), "vector": [each.tolist() for each in vectors]}
    pq.write_table(pa.table(rows, schema=schemas.EMBEDDINGS), file)
    return file


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv, later.csv and embeddings.parquet: people have one style, and styles sound alike."""
    random = np.random.default_rng(5)
    rows = []
    for user in range(PEOPLE):
        own = np.flatnonzero(np.arange(ITEMS) % STYLES == user % STYLES)
        played = {*random.choice(own, 11, replace=False).tolist(), *random.integers(ITEMS, size=2).tolist()}
        rows += [(f"u{user:03d}", f"i{item:03d}", int(random.integers(1, 50))) for item in sorted(played)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "play_count"])
    later = (random.random(len(table)) < 0.2) | (table["item_id"] >= f"i{ITEMS - NEW:03d}")
    folder = tmp_path_factory.mktemp("heard")
    table[~later].to_csv(folder / "train.csv", index=False)
    table[later][["user_id", "item_id"]].to_csv(folder / "later.csv", index=False)
    vectors = np.eye(STYLES)[np.arange(ITEMS) % STYLES] + 0.2 * random.standard_normal((ITEMS, STYLES))
    write(folder / "embeddings.parquet", [f"i{item:03d}" for item in range(ITEMS)], 3 * vectors)
    return folder


def asked(folder: Path, embeddings: Path, report: Path) -> list[str]:
    tables = ["--train", str(folder / "train.csv"), "--holdout", str(folder / "later.csv")]
    return ["evaluate", "recommendations", *tables, "--embeddings", str(embeddings), "--report", str(report)]


def test_sound_finds_what_nobody_has_played(crowd, tmp_path, capsys, monkeypatch):
    small = {name: (fit, grid[:1]) for name, (fit, grid) in GRIDS.items()}
    monkeypatch.setattr("nightjar.evaluate.recommendations.methods.GRIDS", small)
    assert main(asked(crowd, crowd / "embeddings.parquet", tmp_path / "report.json")) == 0
    said = capsys.readouterr().out
    assert f"Of {NEW} new items alone" in said
    assert "How far blend is ahead" in said
    found = json.loads((tmp_path / "report.json").read_text())
    assert set(found["methods"]) == {CONTENT, BLEND, *GRIDS}
    later = pd.read_csv(crowd / "later.csv")
    new = later["item_id"] >= f"i{ITEMS - NEW:03d}"
    assert found["new_items"] == {"items": NEW, "later": int(new.sum())}
    assert (found["items"], found["unknown_items"]) == (ITEMS, 0)
    assert set(found["ahead"]) == set(found["methods"]) - {BLEND}
    at = {name: each["at"]["10"] for name, each in found["methods"].items()}
    for name in GRIDS:  # plays alone know nothing of them
        assert at[name]["new"] == 0
        assert at[name]["of_new"]["recall"]["mean"] == 0
    for name, least in ((CONTENT, 0.5), (BLEND, 0.15)):  # by chance: 10 of about 110
        assert at[name]["of_new"]["recall"]["interval"][0] > least
        assert at[name]["of_new"]["ndcg"]["interval"][0] > 0.05
        assert at[name]["new"] > 0.05
    assert at[CONTENT]["ndcg"]["mean"] > at[NIGHTJAR]["ndcg"]["mean"]  # plays are few, and styles sound alike


def test_the_nearest_are_those_of_an_exact_search():
    random = np.random.default_rng(3)
    vectors = random.standard_normal((700, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    there = np.arange(700) % 7 != 0
    vectors[~there] = 0
    seeds = np.flatnonzero(there)
    found = sound.similar(vectors, there)
    cosines = np.round(vectors.astype(np.float64) @ vectors.T.astype(np.float64), 6)
    for seed in seeds:
        others = np.flatnonzero(there & (np.arange(700) != seed))
        best = others[np.lexsort((others, -cosines[seed, others]))][:NEIGHBOURS_PER_SEED]
        assert np.array_equal(np.sort(best), found.indices[found.indptr[seed] : found.indptr[seed + 1]])
        assert found[[seed]].toarray()[0, best] == pytest.approx(cosines[seed, best], abs=1e-5)
    rows = np.repeat(np.arange(700), np.diff(found.indptr))
    assert set(rows.tolist()) == set(seeds.tolist())


def test_fewer_items_than_neighbours():
    vectors = np.eye(3, dtype=np.float32) * 0.8 + 0.2
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = sound.similar(vectors, np.array([True, True, False]))
    assert (found.nnz, found.indices.tolist()) == (2, [1, 0])


def test_items_that_are_only_heard_are_played_by_nobody(crowd):
    plays = tables.read_plays(crowd / "train.csv")
    more = plays.with_items(np.array(["a", "i000", "i050x", "z"], dtype=object))
    assert (len(more.item_ids), len(plays.item_ids)) == (ITEMS - NEW + 3, ITEMS - NEW)
    assert more.item_ids.tolist() == sorted(more.item_ids)
    assert more.item_ids[more.items].tolist() == plays.item_ids[plays.items].tolist()
    assert more.item_ids[more.listeners == 0].tolist() == ["a", "i050x", "z"]


def test_with_times_what_was_played_of_late_first_is_new_as_well(crowd, tmp_path, monkeypatch):
    monkeypatch.setattr("nightjar.evaluate.recommendations.methods.GRIDS", {NIGHTJAR: GRIDS[NIGHTJAR]})
    table = pd.read_csv(crowd / "train.csv")
    table["listened_at"] = "2026-10-01T00:00:00Z"
    table.loc[table["item_id"] == "i003", "listened_at"] = "2026-11-20T00:00:00Z"
    table.loc[table.index % 2 == 0, "listened_at"] = "2026-10-02T00:00:00Z"
    table.loc[table["item_id"] == "i005", "listened_at"] = "2026-11-19T00:00:00Z"
    table.to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "later.csv").write_bytes((crowd / "later.csv").read_bytes())
    assert (table["item_id"] == "i003").sum() > 1  # some of its plays are old
    assert main(asked(tmp_path, crowd / "embeddings.parquet", tmp_path / "report.json")) == 0
    assert json.loads((tmp_path / "report.json").read_text())["new_items"]["items"] == NEW + 1


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"track": ["i000"], "vector": [[1.0]]}, "has no column 'track_id', but track, vector"),
        ({"track_id": ["i000"], "embedding": [[1.0]]}, "has no column 'vector'"),
        ({"track_id": [7], "vector": [[1.0]]}, "has track_id of type int64"),
        ({"track_id": ["i000"], "vector": [1.0]}, "has vector of type double"),
        ({"track_id": ["i000"], "vector": [["one"]]}, "has vector of type list"),
        ({"track_id": pa.array([], pa.string()), "vector": pa.array([], pa.list_(pa.float32()))}, "has no rows"),
        ({"track_id": ["i000", None], "vector": [[1.0], [1.0]]}, "without a track_id or without a vector"),
        ({"track_id": ["i000", "i001"], "vector": [[1.0], None]}, "without a track_id or without a vector"),
        (
            {"track_id": ["i000", "i001"], "vector": [[1.0, 2.0], [1.0]]},
            "of 'i001' in .* has 1 numbers, that of 'i000'",
        ),
        ({"track_id": ["i000"], "vector": pa.array([[]], pa.list_(pa.float32()))}, "of 'i000' in .* has no numbers"),
        ({"track_id": ["i000", "i001"], "vector": [[1.0, 1.0], [1.0, None]]}, "of 'i001' in .* has a gap"),
        ({"track_id": ["i000", "i001"], "vector": [[1.0], [float("nan")]]}, "of 'i001' .* not finite. It must be of"),
        ({"track_id": ["i000", "i001"], "vector": [[1.0], [0.0]]}, "the vector of 'i001' in .* has no length"),
        ({"track_id": ["i000", "i000"], "vector": [[1.0], [2.0]]}, "has the track 'i000' twice"),
        ({"track_id": ["x"], "vector": [[1.0]]}, "no track_id of .* is an item_id of the plays: 'x' is none"),
    ],
)
def test_embeddings_that_cannot_be_used(columns, says, crowd, tmp_path):
    plays = tables.read_plays(crowd / "train.csv")
    pq.write_table(pa.table(columns), tmp_path / "wrong.parquet")
    with pytest.raises(NightjarError, match=says):
        sound.read(tmp_path / "wrong.parquet", plays.item_ids)


def test_any_lists_of_numbers_will_do(crowd, tmp_path):
    plays = tables.read_plays(crowd / "train.csv")
    kinds = (pa.list_(pa.int16()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2))
    for kind in kinds:
        rows = {"vector": pa.array([[3, 4], [0, 2]], kind), "track_id": pa.array(["i001", "i000"], pa.large_string())}
        pq.write_table(pa.table(rows), tmp_path / "vectors.parquet")
        heard = sound.read(tmp_path / "vectors.parquet", plays.item_ids)
        assert heard.ids.tolist() == ["i000", "i001"]
        assert heard.vectors == pytest.approx(np.array([[0, 1], [0.6, 0.8]]))


def test_the_command_refuses_what_is_no_parquet(crowd, tmp_path, capsys):
    assert main(asked(crowd, tmp_path / "none.parquet", tmp_path / "report.json")) == 1
    assert "none.parquet cannot be read: No such file" in capsys.readouterr().err
    assert main(asked(crowd, crowd / "train.csv", tmp_path / "report.json")) == 1
    said = capsys.readouterr().err
    assert "train.csv cannot be read as Parquet: " in said
    assert "the columns track_id (text) and vector" in said
    assert not (tmp_path / "report.json").exists()
