"""A second model beside the live one, from its first day to its taking over and back, on the real services."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from nightjar.cli import main
from nightjar.embed import made
from nightjar.embed import steps as embed
from nightjar.errors import GateClosed, NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import fill as fill_module
from nightjar.models import live
from nightjar.models.fill import fill
from nightjar.models.live import Live
from nightjar.models.promote import promote
from nightjar.publish.steps import publish_lists
from nightjar.settings import FIRST_MODEL, Settings
from nightjar.takedowns.steps import purge_takedowns
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates.nights import DAYS, UPLOADS
from tests.nightjar.models.candidates import SHORT, TURNED, without
from tests.nightjar.takedowns import world


def quiet(_: str) -> None: ...


def others(settings: Settings, model: str) -> dict[str, bytes]:
    """Every object that is not a model's own."""
    return {key: body for key, body in world.contents(settings).items() if f"model={model}/" not in key}


def own(settings: Settings, model: str) -> dict[str, bytes]:
    """Every object that is, by its key without the model; staged receipts with it."""
    contents = world.contents(settings).items()
    return {key.replace(model, ""): body for key, body in contents if f"model={model}/" in key}


def without_vectors(objects: dict[str, bytes]) -> dict[str, bytes]:
    """What is the same by models of any vectors, of `own` objects."""
    tables = ("duplicate_pairs", "duplicate_groups", "stems", "fingerprints", "speed_prints", "print_keys")
    return {key: body for key, body in objects.items() if key.split("/")[1] in tables}


def vectors(settings: Settings, model: str) -> dict[str, list[float]]:
    with VectorStore(replace(settings, model=model)) as store:
        found = store.vectors_of([upload.track_id for upload in UPLOADS]) if store.exists() else {}
    return {name: vector.tolist() for name, vector in found.items()}


@pytest.fixture
def ask(capsys):
    """Runs `nightjar model ...`; its JSON."""

    def ask(*arguments: str) -> dict:
        capsys.readouterr()
        assert main(["model", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_a_candidate_is_filled_beside_the_live_one_and_again_costs_nothing(nights, embedder, milvus, ask, capsys):
    before, live_vectors = others(nights, SHORT), vectors(nights, FIRST_MODEL)
    found = ask("fill", SHORT, "--from", DAYS[1])
    assert [(day["day"], day["songs"], day["filled"]) for day in found["days"]] == [
        (DAYS[1], 3, True),
        (DAYS[2], 4, True),
    ]
    by_name = {each["model"]: each for each in ask("list")["models"]}
    assert by_name[SHORT]["lacks"] == [
        f"1 of 3 days of {SHORT} are not {what}, {DAYS[0]} first"
        for what in (
            "embedded as the live model has them",
            "loaded with as many vectors as the lake has",
            "swept for duplicates",
        )
    ]
    # The later days only look again at what sounds alike, since an earlier one came.
    assert [day["filled"] for day in ask("fill", SHORT)["days"]] == [True, True, True]
    ran = list(embedder.ran)
    assert [day for day, _, _ in ran] == [DAYS[1], DAYS[2], DAYS[0]]
    assert [day["filled"] for day in fill(nights, SHORT, say=quiet)["days"]] == [False] * 3
    assert embedder.ran == ran
    assert others(nights, SHORT) == before
    assert vectors(nights, FIRST_MODEL) == live_vectors
    assert milvus.describe_alias("tracks")["collection_name"] == "tracks__nightjar_pair_x2d_2"
    lake = Lake(nights)
    for table in ("duplicate_pairs", "duplicate_groups", "similar", "stems", "fingerprints"):
        for day in DAYS:
            one, other = (lake.read(Partition(table, day, model)) for model in (FIRST_MODEL, SHORT))
            assert one.num_rows == other.num_rows
            if table != "similar":
                assert one.equals(other)
    by_name = {each["model"]: each for each in ask("list")["models"]}
    assert by_name.keys() == {FIRST_MODEL, SHORT, TURNED}
    assert by_name[SHORT] == {
        **{"model": SHORT, "live": False, "makes": True, "embedded": 3, "loaded": 3, "swept": 3, "songs": 10},
        **{"windows": by_name[FIRST_MODEL]["windows"], "lacks": []},
        "collections": ["tracks__short_x2d_1", "windows__short_x2d_1"],
    }
    assert by_name[FIRST_MODEL]["live"]
    assert by_name[TURNED]["embedded"] == 0
    assert main(["model", "list"]) == 0
    assert SHORT in capsys.readouterr().out


@pytest.mark.services  # each day: each step's own kills, in the tests of vectors, duplicates and recommend
def test_killed_anywhere_the_next_fill_ends_the_same(nights, embedder, monkeypatch):
    fill(nights, TURNED, say=quiet)
    monkeypatch.setattr(made, "models", lambda settings: [f"killed-{number}" for number in range(3)])
    whole = without_vectors(own(nights, TURNED))
    for number, step in enumerate(("load_vectors", "sweep_duplicates", "find_similar")):
        real, killed = getattr(fill_module, step), []

        def dies(settings: Settings, day: str, real: Callable = real, killed: list = killed) -> None:
            if day == DAYS[1]:
                killed.append(day)
                raise KeyboardInterrupt
            real(settings, day)

        with monkeypatch.context() as patched:
            patched.setattr(fill_module, step, dies)
            with pytest.raises(KeyboardInterrupt):
                fill(nights, f"killed-{number}", say=quiet)
        assert killed == [DAYS[1]]
        monkeypatch.setattr(embedder, "fail_on", DAYS[2])
        with pytest.raises(KeyboardInterrupt):
            fill(nights, f"killed-{number}", say=quiet)
        monkeypatch.setattr(embedder, "fail_on", "")
        fill(nights, f"killed-{number}", say=quiet)
        assert without_vectors(own(nights, f"killed-{number}")) == whole


def test_a_model_takes_over_and_gives_back(nights, milvus, ask, monkeypatch):
    lake, candidate = Lake(nights), replace(nights, model=TURNED)
    with pytest.raises(NightjarError, match="3 of 3 days of turned-1 are not embedded"):
        promote(nights, TURNED)
    fill(nights, TURNED, say=quiet)

    compared = ask("compare", FIRST_MODEL, TURNED)
    assert compared["recall"] == {of: {"tracks": 1.0, "windows": 1.0} for of in ("a", "b")}
    assert (compared["overlap"], compared["songs"]) == (1.0, 10)
    assert [(day["a"], day["b"]) for day in compared["days"]] == [(3, 3), (3, 3), (4, 4)]
    assert compared["missing_in_a"] == compared["missing_in_b"] == {"songs": 0, "first": []}
    assert compared["lists"] == {"day": DAYS[2], "users": 4, "overlap": 1.0, "why": None}
    assert min(compared["milliseconds"].values()) > 0
    assert compared["wrong"] == []

    with pytest.raises(GateClosed, match=f"by {TURNED} stay in the lake: {FIRST_MODEL} is the live model"):
        publish_lists(candidate, DAYS[2])
    assert purge_takedowns(candidate, DAYS[2])["partitions"] == 0

    real = VectorStore.make_live

    def dies(_: VectorStore) -> None:
        raise NightjarError("Milvus failed")

    monkeypatch.setattr(VectorStore, "make_live", dies)
    with pytest.raises(NightjarError, match=f"{TURNED} is live, but the aliases in Milvus were not moved"):
        promote(nights, TURNED)
    monkeypatch.setattr(VectorStore, "make_live", real)
    assert live.read(lake.objects) == Live(TURNED, FIRST_MODEL, False)
    assert live.resolved(Settings.load()).model == TURNED
    assert milvus.describe_alias("tracks")["collection_name"] == "tracks__nightjar_pair_x2d_2"
    assert ask("promote", TURNED)["moved"] is False
    for kind in ("tracks", "windows"):
        assert milvus.describe_alias(kind)["collection_name"] == f"{kind}__turned_x2d_1"

    with pytest.raises(GateClosed, match=f"{TURNED} is the live model"):
        publish_lists(nights, DAYS[2])
    world.rank(candidate, DAYS[2])
    assert publish_lists(candidate, DAYS[2])["lists"] > 0

    found = ask("promote", FIRST_MODEL)
    assert (found["moved"], found["was"], found["overlap"]) == (True, TURNED, 1.0)
    assert found["recall"] == {"tracks": 1.0, "windows": 1.0}
    assert live.read(lake.objects).model == FIRST_MODEL
    assert milvus.describe_alias("windows")["collection_name"] == "windows__nightjar_pair_x2d_2"

    live.switch(lake.objects, TURNED, FIRST_MODEL, accepted=False)  # killed before the aliases
    load_vectors(candidate, DAYS[2])
    assert milvus.describe_alias("tracks")["collection_name"] == "tracks__turned_x2d_1"


def test_what_is_not_right_is_refused_and_changes_nothing(nights, milvus, monkeypatch):
    lake, filled = Lake(nights), replace(nights, model=TURNED)
    fill(nights, TURNED, say=quiet)

    def refused(because: str, accept: bool = False) -> None:
        with pytest.raises(NightjarError, match=because):
            promote(nights, TURNED, accept)
        assert live.read(lake.objects).model == FIRST_MODEL
        assert milvus.describe_alias("tracks")["collection_name"] == "tracks__nightjar_pair_x2d_2"

    with monkeypatch.context() as patched:
        patched.setattr("nightjar.models.promote.MIN_RECALL", 1.5)
        refused(
            r"searches in its tracks find 100% of what is nearest, at least 150% should; searches in its windows", True
        )
    with VectorStore(filled) as store:
        store.delete_day_except("windows", DAYS[0], lake.read(Partition("windows", DAYS[0], TURNED)).slice(1))
    refused(
        "1 of 3 days of turned-1 are not loaded with as many vectors as the lake has, 2026-11-20 first.*model fill",
        True,
    )
    fill(nights, TURNED, say=quiet)

    rows = lake.read(Partition("embeddings", DAYS[1], TURNED))
    with VectorStore(filled) as store:
        store.delete_day_except("tracks", DAYS[1], rows.slice(1))
        strange = rows.slice(0, 1).set_column(0, "track_id", [["stranger"]])
        store.upsert("tracks", strange)
    refused("tracks__turned_x2d_1 holds 1 keys that the lake does not have, stranger first, of 2026-11-21", True)
    load_vectors(filled, DAYS[1])

    later = "2026-11-23"
    lake.write(Partition("tracks", later), lake.read(Partition("tracks", DAYS[2])).slice(0, 0))
    refused("2026-11-23 is ingested and not swept by nightjar_pair-2 yet.*--accept")
    lake.remove(Partition("tracks", later))
    with monkeypatch.context() as patched:
        patched.setattr("nightjar.models.promote._overlap", lambda *_: 0.02)
        refused("98% of a list would be new on it, at most 90% are published.*--accept")
        assert promote(nights, TURNED, accept=True)["moved"]
    assert live.read(lake.objects) == Live(TURNED, FIRST_MODEL, True)
    with pytest.raises(NightjarError, match="turned-1 is live"):
        fill(nights, TURNED, say=quiet)

    without(lake, DAYS[2], FIRST_MODEL, "epsilon")  # what the old one has is not the new one's any more
    with pytest.raises(NightjarError, match=f"1 of 3 days of {FIRST_MODEL} are not embedded as the live model has"):
        promote(nights, FIRST_MODEL)
    assert [day["filled"] for day in fill(nights, FIRST_MODEL, say=quiet)["days"]] == [False, False, True]
    assert promote(nights, FIRST_MODEL)["moved"]


def test_a_run_of_the_dag_with_another_model_follows_the_live_one(nights, embedder):
    candidate = replace(nights, model=SHORT)
    before = others(nights, SHORT)
    plan = embed.plan(candidate, DAYS[2])
    assert plan == {"tracks": 4, "shards": 1}
    embed.embed_shard(candidate, DAYS[2], 0, 1)
    assert embedder.ran == [(DAYS[2], 0, FIRST_MODEL)]
    assert embed.commit(candidate, DAYS[2], 1) == {"embedded": 4, "rejected": 0, "windows": 39}
    assert others(nights, SHORT) == before
    lake = Lake(nights)
    without(lake, DAYS[2], SHORT, "epsilon")
    with pytest.raises(NightjarError, match="1 tracks of 2026-11-22 were neither embedded nor rejected, epsilon first"):
        embed.commit(candidate, DAYS[2], 1)


def test_unknown_models_are_answered_with_the_known_ones(nights, capsys):
    for arguments in (["promote", "nightjar_pair-3"], ["compare", "nightjar_pair-3", FIRST_MODEL]):
        assert main(["model", *arguments]) == 1
        said = capsys.readouterr().err
        assert "no day is embedded by a model 'nightjar_pair-3'. Did you mean nightjar_pair-2?" in said
    assert main(["model", "promote", SHORT]) == 1
    assert f"no day is embedded by a model '{SHORT}'. nightjar model fill {SHORT}" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["model", "promote", "a/b"])
    assert "'a/b' is no name of a model" in capsys.readouterr().err


def test_a_model_that_the_embedder_makes_no_more_is_left_and_not_taken_again(nights, monkeypatch, capsys):
    fill(nights, TURNED, say=quiet)
    monkeypatch.setattr(made, "models", lambda settings: [TURNED])
    assert main(["model", "promote", TURNED]) == 0
    assert f"The embedder makes no {FIRST_MODEL} any more: there is no way back to it." in capsys.readouterr().out
    for refused in (lambda: promote(nights, FIRST_MODEL, accept=True), lambda: fill(nights, FIRST_MODEL, say=quiet)):
        with pytest.raises(NightjarError, match=f"the embedder makes no model '{FIRST_MODEL}'. It makes {TURNED}"):
            refused()
    assert live.read(Lake(nights).objects).model == TURNED


def test_an_embedder_that_cannot_be_asked_keeps_nobody_from_promoting(nights, monkeypatch, capsys):
    def silent(settings: Settings) -> list[str]:
        raise NightjarError("there is no environment of the embedder", "Run make install")

    fill(nights, TURNED, say=quiet)
    monkeypatch.setattr(made, "models", silent)
    assert main(["model", "promote", TURNED]) == 0
    assert f"The way back: nightjar model promote {FIRST_MODEL}" in capsys.readouterr().out


def test_a_live_model_that_has_no_day(nights):
    fill(nights, TURNED, say=quiet)
    objects = Lake(nights).objects
    objects.put(live.KEY, Live("gone-1").to_json())
    for refused in (lambda: promote(nights, TURNED), lambda: fill(nights, TURNED, say=quiet)):
        with pytest.raises(NightjarError, match=r"gone-1, which is live, .* Remove models/live\.json"):
            refused()
    objects.delete(live.KEY)  # as the remedy says
    load_vectors(live.resolved(replace(nights, model="")), DAYS[2])
    assert live.read(objects).model == FIRST_MODEL
