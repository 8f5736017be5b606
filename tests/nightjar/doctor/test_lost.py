"""What the doctor says of a Milvus and a key-value store that hold less than object storage knows of."""

from __future__ import annotations

from nightjar import schemas
from nightjar.doctor import servers
from nightjar.doctor.examine import FAIL, OK
from nightjar.lake import Lake, Partition
from nightjar.publish.rollback import go_to
from nightjar.publish.steps import publish_lists
from nightjar.rebuild.lists import rebuild_lists
from nightjar.rebuild.vectors import rebuild_vectors
from nightjar.settings import Settings
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore
from tests.nightjar.duplicates import nights
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import POINTER, list_key


def failures(look, settings: Settings) -> list[tuple[str, str]]:
    return [(each.found, each.remedy) for each in look(settings) if each.state == FAIL]


def last_ok(look, settings: Settings) -> str:
    return [each.found for each in look(settings) if each.state == OK][-1]


def test_a_milvus_that_lost_songs_or_all(settings, milvus) -> None:
    for day in nights.DAYS:
        nights.write_day(settings, day)
    assert not failures(servers.look_at_milvus, settings), "a day that is not swept may not be loaded yet"
    for day in nights.DAYS[:2]:
        load_vectors(settings, day)
        Lake(settings).write(Partition("duplicate_pairs", day, settings.model), schemas.empty("duplicate_pairs"))
    assert last_ok(servers.look_at_milvus, settings) == "6 songs of nightjar_pair-2 can be searched"
    with VectorStore(settings) as store:
        windows = store.count("windows")
        store.delete_tracks(["alpha"])
        left = store.count("windows")
    remedy = "nightjar rebuild vectors --model nightjar_pair-2"
    said = "it holds {} songs and {} windows of nightjar_pair-2, the lake's swept days {} and {}"
    assert failures(servers.look_at_milvus, settings) == [(said.format(5, left, 6, windows), remedy)]
    for kind in ("tracks", "windows"):
        milvus.drop_alias(kind)
        milvus.drop_collection(f"{kind}__nightjar_pair_x2d_2")
    assert failures(servers.look_at_milvus, settings) == [(said.format(0, 0, 6, windows), remedy)]
    nights.take_down(settings, nights.DAYS[2], tracks=["gamma"])
    rebuild_vectors(settings, say=lambda _: None)
    assert not failures(servers.look_at_milvus, settings), "what is taken down and in the lake still is not missing"


def test_a_store_that_lost_lists_or_all_or_came_from_a_backup(settings, kv) -> None:
    made = []
    for day in nights.DAYS[:2]:
        lists.write(settings, day)
        made.append(publish_lists(settings, day)["version"])
    assert last_ok(servers.look_at_kv, settings) == f"the app reads {made[1]}, 40 lists"
    go_to(settings)
    assert last_ok(servers.look_at_kv, settings) == f"the app reads {made[0]}, 40 lists"
    kv.delete(list_key(made[0], "u001"))
    remedy = "nightjar rebuild lists"
    assert failures(servers.look_at_kv, settings) == [(f"1 of 41 lists of {made[0]} are missing", remedy)]
    kv.set(POINTER, made[1])
    said = f"the app reads {made[1]}, and was shown {made[0]}"
    assert failures(servers.look_at_kv, settings) == [(said, remedy)]
    kv.flushall()
    said = f"the app reads nothing, and was shown {made[0]}"
    assert failures(servers.look_at_kv, settings) == [(said, remedy)]
    rebuild_lists(settings)
    assert last_ok(servers.look_at_kv, settings) == f"the app reads {made[0]}, 40 lists"
