"""The sweep against the real lake and Milvus Lite: truth found, whatever the order of the days."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from nightjar.duplicates import candidates
from nightjar.duplicates.pair import between, upload
from nightjar.duplicates.steps import regroup, sweep_duplicates
from nightjar.duplicates.verdict import PARTS, Prints
from nightjar.errors import NightjarError, PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.recommend import inputs
from nightjar.thresholds import CANDIDATE_COSINE
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests import kept
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.made import NOBODY_DB, song
from tests.nightjar.duplicates.nights import DAYS, UPLOADS

ORDERS = list(permutations(DAYS))
FEW = [ORDERS[0], ORDERS[-1]]


def columns(prints: Prints) -> list[np.ndarray]:
    return [getattr(prints, part) for part in PARTS]


@pytest.fixture
def written(settings, milvus):
    """Three days, written, not loaded."""
    for day in DAYS:
        nights.write_day(settings, day)
    return settings


@pytest.fixture
def swept(settings, milvus):
    """Three days, written, loaded and swept."""
    if not kept.stores(settings, _nights, lists=False):
        for day in DAYS:
            load_vectors(settings, day)
    return settings


def _nights(settings) -> None:
    for day in DAYS:
        nights.write_day(settings, day)
    for day in DAYS:
        night(settings, day)


def night(settings, day: str) -> dict:
    """What runs when a day's songs are embedded."""
    load_vectors(settings, day)
    return sweep_duplicates(settings, day)


def pairs(settings, *days: str) -> dict[tuple[str, str], str]:
    rows = Lake(settings).read_days("duplicate_pairs", days or DAYS, model=settings.model).to_pylist()
    return {tuple(sorted((row["a"], row["b"]))): row["verdict"] for row in rows}


def groups(settings, day: str = DAYS[-1]) -> dict[str, str]:
    rows = Lake(settings).read(Partition("duplicate_groups", day, settings.model)).to_pylist()
    return {row["track_id"]: row["canonical_id"] for row in rows}


def content(settings) -> dict[str, str]:
    """Checksums of all objects of pairs and groups, by key without the model."""
    lake = Lake(settings)
    keys = [
        seen.key
        for table in ("duplicate_pairs", "duplicate_groups")
        for seen in lake.objects.list(f"lake/{table}/")
        if f"model={settings.model}/" in seen.key
    ]
    return {key.replace(settings.model, ""): lake.objects.get(key) for key in keys}


def test_the_truth_is_found(swept):
    assert pairs(swept) == nights.PAIRS
    assert groups(swept) == nights.GROUPS
    assert pairs(swept, DAYS[0]) == {}
    assert groups(swept, DAYS[1]) == {
        **dict.fromkeys(("alpha", "alpha-again"), "alpha"),
        **dict.fromkeys(("beta", "beta-begin"), "beta"),
    }


def test_rows_say_where_and_why(swept):
    rows = Lake(swept).read_days("duplicate_pairs", DAYS, model=swept.model).to_pylist()
    row = next(row for row in rows if row["b"] == "beta-end")
    assert (row["a"], row["speed"], row["vocals"]) == ("beta", 1.0, None)
    assert row["offset_s"] == pytest.approx(216 * 0.12381, abs=0.01)
    assert "shares with" in row["evidence"]
    same = next(row for row in rows if (row["a"], row["b"]) == ("alpha", "alpha-same"))
    assert "byte for byte" in same["evidence"]
    age = {upload.track_id: (upload.day, nights.uploaded_at(upload)) for upload in UPLOADS}
    assert all(age[row["a"]] < age[row["b"]] for row in rows)


def test_the_summary_counts_the_days_own(written):
    for day in DAYS[:2]:
        night(written, day)
    found = night(written, DAYS[2])
    assert found.pop("candidates") >= 6
    assert found == {"songs": 4, "duplicate": 2, "fragment": 1, "altered": 0, "contains": 0, "cover": 3, "groups": 2}


@pytest.mark.parametrize("orders", [FEW, pytest.param(ORDERS, marks=pytest.mark.services)], ids=["two", "all"])
def test_any_order_of_days_ends_with_the_same_bytes(written, orders):
    """Each order with its own model, so in its own partitions and collections."""
    expected = None
    for number, order in enumerate(orders):
        settings = replace(written, model=f"order-{number}")
        for day in order:
            nights.write_day(settings, day)
            night(settings, day)
        assert pairs(settings) == nights.PAIRS
        expected = expected or content(settings)
        assert content(settings) == expected
    for again in DAYS:
        night(settings, again)
    assert content(settings) == expected


def test_a_day_that_is_never_swept_holds_up_no_day_after_it(written):
    """A copy of its song stands for itself until it is swept: lists have only songs of days that are."""
    night(written, DAYS[2])
    assert groups(written).items() <= {"alpha-same": "alpha-same", "alpha-cover": "alpha-cover"}.items()
    assert set(inputs.library(Lake(written), written.model, DAYS[2]).ids) == {
        upload.track_id for upload in nights.UPLOADS if upload.day == DAYS[2]
    }
    for day in DAYS[:2]:
        night(written, day)
    assert (pairs(written), groups(written)) == (nights.PAIRS, nights.GROUPS)


ONE, OTHER = song(31), song(32)
ALBUM = Prints(*(np.concatenate(parts) for parts in zip(columns(ONE), columns(OTHER), strict=True)), NOBODY_DB)
ALBUM_NIGHTS = (
    nights.Upload("album", DAYS[0], ALBUM, 33),
    nights.Upload("one", DAYS[1], ONE, 31),
    nights.Upload("other", DAYS[2], OTHER, 32),
)


def test_an_upload_is_a_compilation_from_the_day_on_on_which_its_second_song_is_known(settings, milvus):
    expected = None
    for number, order in enumerate((DAYS, DAYS[::-1])):
        at = replace(settings, model=f"album-{number}")
        for day in DAYS:
            nights.write_day(at, day, ALBUM_NIGHTS)
        for day in order:
            summary = night(at, day)
        assert [pairs(at, day) for day in DAYS] == [
            {},
            {("album", "one"): "fragment"},
            {("album", "one"): "contains", ("album", "other"): "contains"},
        ]
        assert [groups(at, day) for day in DAYS] == [{}, {"one": "album", "album": "album"}, {}]
        expected = expected or content(at)
        assert content(at) == expected
        assert summary["contains"] == (2 if order[-1] == DAYS[2] else 0)
    for again in DAYS:
        night(at, again)
    assert content(at) == expected

    one, album = (upload(Lake(at), at.model, name, day) for name, day in (("one", DAYS[1]), ("album", DAYS[0])))
    assert between(Lake(at), at.model, one, album).found["verdict"] == "contains"

    nights.take_down(at, DAYS[2], tracks=["other"])
    regroup(Lake(at), at.model, DAYS[0])
    assert [pairs(at, day) for day in DAYS] == [{}, {("album", "one"): "fragment"}, {}]
    assert groups(at) == {"one": "album", "album": "album"}


def test_each_model_has_its_own_cosines(written, monkeypatch):
    monkeypatch.setitem(CANDIDATE_COSINE, "strict-1", {"tracks": 1.1, "windows": 1.1})
    found = {}
    for model in ("strict-1", "unmeasured-1"):  # one without cosines of its own takes the first model's
        settings = replace(written, model=model)
        nights.write_day(settings, DAYS[0])
        nights.write_day(settings, DAYS[1])
        load_vectors(settings, DAYS[0])
        load_vectors(settings, DAYS[1])
        rows = Lake(settings).read(Partition("embeddings", DAYS[1], model))
        with VectorStore(settings) as store:
            found[model] = candidates.find(store, "tracks", rows, DAYS[1], [])
    assert found["strict-1"] == set()
    assert ("alpha-again", "alpha") in found["unmeasured-1"]


def test_sweeping_after_all_days_are_loaded_is_no_different(swept):
    settings = replace(swept, model="loaded-first")
    for day in DAYS:
        nights.write_day(settings, day)
        load_vectors(settings, day)
    for day in reversed(DAYS):
        sweep_duplicates(settings, day)
    assert content(settings) == content(swept)


def test_killed_at_any_write_the_next_run_ends_the_same(swept, monkeypatch):
    expected = content(swept)
    settings = replace(swept, model="killed")
    for day in (DAYS[0], DAYS[2], DAYS[1]):
        nights.write_day(settings, day)
    night(settings, DAYS[0])
    night(settings, DAYS[2])
    real, allowed = Lake.write, [0]

    def write(lake: Lake, partition: Partition, rows) -> object:
        if not allowed[0]:
            raise KeyboardInterrupt
        allowed[0] -= 1
        return real(lake, partition, rows)

    load_vectors(settings, DAYS[1])
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write", write)
        for count in range(4):  # groups of two days, pairs of two
            allowed[0] = count
            with pytest.raises(KeyboardInterrupt):
                sweep_duplicates(settings, DAYS[1])
    sweep_duplicates(settings, DAYS[1])
    assert content(settings) == expected


def test_a_song_that_vanished_from_its_day_has_no_pairs_left(swept):
    nights.write_day(swept, DAYS[0], [upload for upload in UPLOADS if upload.track_id != "alpha"])
    night(swept, DAYS[0])
    left = {pair: verdict for pair, verdict in nights.PAIRS.items() if "alpha" not in pair}
    assert pairs(swept) == left
    assert groups(swept)["alpha-same"] == "alpha-again"


@pytest.mark.parametrize("what", [{"tracks": ["alpha"]}, {"users": ["ann"]}], ids=["song", "user"])
def test_a_taken_down_song_leaves_every_day(swept, what: dict):
    nights.take_down(swept, DAYS[2], **what)
    night(swept, DAYS[2])
    left = {pair: verdict for pair, verdict in nights.PAIRS.items() if "alpha" not in pair}
    assert pairs(swept) == left
    assert groups(swept)["alpha-same"] == "alpha-again"
    assert "alpha" not in groups(swept, DAYS[1])
    for day in DAYS:
        night(swept, day)
    assert pairs(swept) == left


def test_a_song_that_the_embedder_now_rejects_has_no_pairs(swept):
    from nightjar import schemas

    day = DAYS[1]
    left = [upload for upload in UPLOADS if upload.track_id != "beta-begin"]
    rejected = {"track_id": "beta-begin", "key": "k", "stage": "embed", "reason": "silent", "detail": "."}
    nights.write_day(swept, day, UPLOADS)
    lake = Lake(swept)
    lake.write(Partition("rejects", day, stage="embed"), schemas.table("rejects", [rejected]))
    kept = {upload.track_id for upload in left}
    for name in ("embeddings", "windows", "fingerprints", "speed_prints"):
        partition = Partition(name, day, swept.model)
        rows = [row for row in lake.read(partition).to_pylist() if row["track_id"] in kept]
        lake.write(partition, schemas.table(name, rows))
    night(swept, day)
    assert ("beta", "beta-begin") not in pairs(swept)


def test_empty_days_work_even_as_the_first(settings, milvus):
    empty = "2026-11-19"
    nights.write_day(settings, empty)
    assert night(settings, empty) == {
        "songs": 0, "candidates": 0, "duplicate": 0, "fragment": 0, "altered": 0, "contains": 0, "cover": 0,
        "groups": 0,
    }  # fmt: skip
    assert groups(settings, empty) == {}
    for day in DAYS:
        nights.write_day(settings, day)
        night(settings, day)
    nights.write_day(settings, "2026-11-23")
    assert night(settings, "2026-11-23")["groups"] == 2
    assert groups(settings, "2026-11-23") == nights.GROUPS


def test_a_day_that_is_not_loaded_is_not_swept_in_silence(written):
    with pytest.raises(NightjarError, match="no vectors of"):
        sweep_duplicates(written, DAYS[0])


def test_a_day_that_is_not_embedded_is_named(written):
    with pytest.raises(PartitionMissing, match="fingerprints/dt=2026-11-25"):
        sweep_duplicates(written, "2026-11-25")
