"""What stops a night: its rejects and its vectors."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from nightjar import schemas
from nightjar.cli import main
from nightjar.errors import GateClosed
from nightjar.lake import Lake, Partition
from nightjar.recommend.gate import Exports, Night, alike, judge, strange
from nightjar.recommend.night import gate
from nightjar.recommend.night import read as night_of
from nightjar.thresholds import DRIFT_MIN_EARLIER, DRIFT_MIN_SONGS
from tests.nightjar.recommend import night as made

DAY = "2026-11-22"
DIMENSIONS, GENRES = 200, 12
SPREAD = np.arange(1, DIMENSIONS + 1) ** -0.7
"""How far songs lie apart in each direction: as real songs' vectors do, most in a few dozen of them."""


def music(seed: int, songs: int, shares: dict[int, float] | None = None, model: int = 0) -> np.ndarray:
    """Unit vectors of songs of genres in these shares, all alike if none are given; those of a model have their own
    directions. Cosines are about 0.5 within a genre, and 0 between two in the mean."""
    random = np.random.default_rng(seed)
    fixed = np.random.default_rng(1000 + model)
    turned, _ = np.linalg.qr(fixed.standard_normal((DIMENSIONS, DIMENSIONS)))
    centres = fixed.standard_normal((GENRES, DIMENSIONS)) * SPREAD
    centres -= centres.mean(axis=0)
    shares = shares or dict.fromkeys(range(GENRES), 1 / GENRES)
    genres = random.choice(list(shares), songs, p=list(shares.values()))
    made = (centres[genres] + random.standard_normal((songs, DIMENSIONS)) * SPREAD) @ turned
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def noise(seed: int, songs: int, dimensions: int = DIMENSIONS) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((songs, dimensions))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def night(new: np.ndarray, earlier: np.ndarray, rejects: int = 0) -> Night:
    return Night(len(new) + rejects, Counter({"silent": rejects} if rejects else {}), new, earlier)


EARLIER = music(0, 2000)


@pytest.mark.parametrize("songs", [DRIFT_MIN_SONGS, 300, 2000])
@pytest.mark.parametrize(
    "shares",
    [None, {3: 1.0}, {0: 0.5, 7: 0.5}, {1: 0.7, 2: 0.1, 3: 0.1, 4: 0.1}],
    ids=["usual", "one genre", "two genres", "mostly one"],
)
def test_another_mix_of_music_does_not_stop_a_night(songs, shares):
    for seed in range(5):
        summary = judge(DAY, night(music(10 + seed, songs, shares), EARLIER))
        assert summary["alike"] < 0.7
        assert summary["strange"] < 0.05


def test_a_genre_that_was_never_there_does_not_stop_a_night():
    earlier = music(0, 2000, dict.fromkeys(range(11), 1 / 11))
    assert judge(DAY, night(music(1, 300, {11: 1.0}), earlier))["strange"] < 0.2


def almost_one(songs: int) -> np.ndarray:
    made = music(5, 1) + 0.02 * noise(6, songs)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (almost_one(100), r"two songs of the day have a cosine of 1\.00 on average"),
        (np.concatenate([almost_one(95), music(7, 5)]), r"cosine of 0\.9\d on average"),
        (noise(1, 100), r"9\d% of the day\'s songs are no nearer to any song of the days before than noise"),
        (np.concatenate([noise(1, 60), music(8, 40)]), "no nearer to any song of the days before"),
        (music(1, 100, model=1), "no nearer to any song"),
        (noise(1, 100, 128), "100% of the day's songs are no nearer"),
        (np.full((100, DIMENSIONS), np.nan, np.float32), "100 of 100 vectors are not numbers of length 1"),
        (np.concatenate([np.zeros((5, DIMENSIONS)), music(1, 95)]), "5 of 100 vectors are not numbers"),
        (3 * music(1, 100), "100 of 100 vectors are not numbers of length 1"),
    ],
    ids=["one", "nearly all one", "noise", "half noise", "model", "dimensions", "nan", "zeros", "lengths"],
)
def test_a_broken_embedder_stops_a_night(new, said):
    with pytest.raises(GateClosed, match=rf"{DAY} is not published: .*{said}.*nightjar publish {DAY} --accept"):
        judge(DAY, night(new, EARLIER))
    assert judge(DAY, night(new, EARLIER), accepted=True)["uploads"] == len(new)
    small = new[: DRIFT_MIN_SONGS - 1]
    assert judge(DAY, night(small, EARLIER))["strange"] is None


def test_one_sentence_names_all_that_is_wrong():
    with pytest.raises(GateClosed) as raised:
        judge(DAY, night(np.concatenate([almost_one(99), np.zeros((9, DIMENSIONS), np.float32)]), EARLIER, rejects=60))
    said = str(raised.value)
    assert "60 of 168 uploads were rejected (36%, at most 25% may be), 60 of them as silent; 9 of 108 vectors" in said
    assert "; two songs of the day have a cosine of" in said


def test_without_enough_to_compare_with_a_night_is_not_stopped_by_what_is_unlike():
    few = music(0, DRIFT_MIN_EARLIER - 1)
    assert judge(DAY, night(noise(1, 100), few))["strange"] is None
    assert judge(DAY, night(noise(1, 100), np.zeros((0, 0), np.float32)))["strange"] is None
    assert strange(noise(1, 100), noise(2, 2000)) is None  # earlier vectors that lie everywhere tell nothing
    with pytest.raises(GateClosed, match="cosine of"):
        judge(DAY, night(almost_one(100), few))


def test_the_mean_cosine_is_that_of_all_pairs():
    vectors = music(3, 40)
    cosines = vectors @ vectors.T
    assert alike(vectors) == pytest.approx(cosines[~np.eye(40, dtype=bool)].mean(), abs=1e-6)
    assert alike(vectors[:1]) is None


def write_day(settings, day: str, vectors: np.ndarray) -> None:
    """Commit what the gate reads of a day, in two parts of vectors."""
    lake = Lake(settings)
    ids = [f"t{day[-2:]}-{number}" for number in range(len(vectors))]
    lake.write(Partition("tracks", day), made.tracks(day, ids))
    for stage in ("ingest", "embed"):
        lake.write(Partition("rejects", day, stage=stage), schemas.empty("rejects"))
    embedded = Partition("embeddings", day, settings.model)
    for shard in (0, 1):
        rows = [
            {"track_id": each, "day": day, "vector": vector}
            for each, vector in list(zip(ids, vectors, strict=True))[shard::2]
        ]
        lake.write_part(embedded, shard, schemas.table("embeddings", rows))
    lake.commit(embedded, 2)


def test_a_night_of_noise_is_stopped_until_a_person_accepts_it_as_it_is(settings, capsys):
    write_day(settings, "2026-10-01", noise(9, 200))  # too long ago to count
    for number, day in enumerate(["2026-11-05", "2026-11-20", "2026-11-21"]):
        write_day(settings, day, music(20 + number, 80))
    write_day(settings, DAY, music(30, 60, {3: 1.0}))
    assert gate(settings, DAY)["strange"] < 0.05
    write_day(settings, DAY, noise(1, 60))
    with pytest.raises(GateClosed, match="no nearer to any song of the days before"):
        gate(settings, DAY)
    assert main(["publish", DAY]) == 1
    held = capsys.readouterr().err
    assert f"{DAY} has no lists, it was held: {DAY} is not published" in held
    assert f"nightjar publish {DAY} --accept accepts it" in held
    assert main(["status", DAY]) == 0
    assert "It was held" in capsys.readouterr().out
    assert main(["publish", DAY, "--accept"]) == 0
    assert f"The gate of {DAY} is open now: airflow backfill create" in capsys.readouterr().out
    assert gate(settings, DAY)["accepted"]
    assert main(["status", DAY]) == 0
    assert "It was held" not in capsys.readouterr().out
    write_day(settings, DAY, noise(2, 60))  # what was accepted is something else
    with pytest.raises(GateClosed):
        gate(settings, DAY)


def test_what_is_read_of_earlier_days_does_not_grow(settings, monkeypatch):
    monkeypatch.setattr("nightjar.recommend.night.DRIFT_DAY_SONGS", 100)
    monkeypatch.setattr("nightjar.recommend.night.DRIFT_SONGS", 250)
    for back in range(1, 7):
        write_day(settings, f"2026-11-{22 - back}", music(back, 40 * back))
    write_day(settings, DAY, music(0, 10))
    found = night_of(settings, DAY)
    assert len(found.new) == 10
    assert len(found.earlier) == 40 + 80 + 120 // 2 + 160 // 2  # every second song of the larger days
    assert found.earlier[:40] == pytest.approx(np.concatenate([music(1, 40)[order(40, at)] for at in (0, 1)]))


def order(songs: int, shard: int) -> list[int]:
    """The songs of a shard by their ids, as the lake has them."""
    return sorted(range(shard, songs, 2), key=str)


def test_a_night_whose_exports_could_not_be_taken_is_held():
    whole = night(music(1, 60), EARLIER)
    few = Exports("listens", 24, [(f"listens/dt={DAY}/{at}.parquet", "unreadable") for at in range(6)])
    assert judge(DAY, replace(whole, exports=[few, Exports("takedowns", 0, [])]))
    many = Exports("listens", 1, [(f"listens/dt={DAY}/a.parquet", "bad_rows")])
    held = replace(whole, exports=[many])
    with pytest.raises(GateClosed, match=f"1 of 1 exports of listens .* first is listens/dt={DAY}/a.parquet"):
        judge(DAY, held)
    assert judge(DAY, held, accepted=True)


def test_exports_are_judged_as_they_were_recorded(settings):
    lake = Lake(settings)
    write_day(settings, DAY, music(30, 10))
    assert not night_of(settings, DAY).exports[0].files, "a lake of before has no record"
    row = {"size_bytes": 1, "etag": "e", "uploaded_at": datetime(2026, 11, 22, tzinfo=UTC), "rows": 1, "dropped": 0}

    def record(**problems: str | None) -> None:
        rows = [{"key": f"listens/dt={DAY}/{name}", "problem": problem, **row} for name, problem in problems.items()]
        lake.write(Partition("exports", DAY), schemas.table("exports", rows))

    record(a=None, readme="bad_name")
    assert gate(settings, DAY)
    record(a="bad_name")
    with pytest.raises(GateClosed, match="bad_name"):
        gate(settings, DAY)
    assert gate(settings, DAY, accept=True)["accepted"]
    record(a="unreadable")
    with pytest.raises(GateClosed, match="unreadable"):
        gate(settings, DAY)


def test_empty_uploads_do_not_stop_a_night():
    few = Night(100, Counter(empty=60, silent=9), music(1, 40), EARLIER)
    assert judge(DAY, few) | {"alike": None, "strange": None} == {
        **{"uploads": 100, "rejects": 69, "share": 0.225},
        **{"alike": None, "strange": None},
    }
    with pytest.raises(GateClosed, match=r"20 of 40 uploads were rejected \(50%, .*\), 20 of them as silent"):
        judge(DAY, Night(100, Counter(empty=60, silent=20), music(1, 40), EARLIER))
