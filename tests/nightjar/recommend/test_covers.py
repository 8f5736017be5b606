"""Songs that have to do with each other on a list: relations, re-ranking, whole lists, the lake.

Two covers never stand side by side, a family of them has a cap, a song that holds others gives way to them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from nightjar.errors import PartitionMissing
from nightjar.lake import Lake, Partition
from nightjar.publish.steps import commit_lists
from nightjar.recommend import cold, inputs, invariants, ranking, steps
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.filters import User
from nightjar.recommend.invariants import InvariantBroken
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.ranking import Users
from nightjar.recommend.related import CONTAINS
from nightjar.recommend.why import why
from nightjar.schemas import NEW_USERS
from nightjar.thresholds import BEGINNING, LIST_LENGTH, MAX_PER_FAMILY, MAX_PER_FAMILY_IN_BEGINNING
from tests.nightjar.recommend import night, small
from tests.nightjar.recommend.test_ranking import lists
from tests.nightjar.recommend.test_rerank import reranked

OLD = ("2026-01-01", None, None)
DAY = night.DAYS[-1]


# --- re-ranking -------------------------------------------------------------------------------------------------------
def rerank(relevance: list[float], *families: set[int], share: float = 0, **columns: list) -> list[int]:
    """Of songs as unlike as can be; the positions of each family are all covers of each other."""
    return reranked(relevance, share, families=families, **columns)


def test_the_two_best_are_covers_of_each_other():
    assert rerank([1.0, 0.99, 0.3, 0.2]) == [0, 1, 2, 3]
    assert rerank([1.0, 0.99, 0.3, 0.2], {0, 1}) == [0, 2, 1, 3]


def test_three_covers_that_are_no_family():
    relevance = [1.0, 0.99, 0.98, 0.97, 0.3, 0.2, 0.1]
    alone = {"family": [0, 1, 2, 3, -1, -1, -1]}
    assert rerank(relevance, {0, 1, 2, 3}, **alone) == [0, 4, 1, 5, 2, 6, 3]
    assert rerank(relevance[:5], {0, 1, 2, 3}, family=alone["family"][:5]) == [0, 4, 1]  # nothing separates the rest


def test_two_families_separate_each_other():
    assert rerank([1.0, 0.99, 0.98, 0.97], {0, 1}, {2, 3}) == [0, 2, 1, 3]


def test_only_covers_are_left():
    assert rerank([1.0, 0.9, 0.8], {0, 1, 2}) == [0]
    assert rerank([1.0, 0.9, 0.8], {1, 2}) == [0, 1]


def test_a_filler_stands_between_covers():
    columns = {"own": 2}
    assert rerank([0.2, 0.1, 1.0, 0.9], {0, 1}, **columns) == [0, 2, 1, 3]
    assert rerank([0.2, 0.1, 1.0, 0.9], {0, 2, 3}, **columns) == [0, 1, 2]  # the fillers are covers themselves


def test_a_fresh_cover_waits_for_its_turn():
    fresh = [False, False, False, True]
    assert rerank([1.0, 0.9, 0.8, 0.1], fresh=fresh, share=0.5) == [0, 3, 1, 2]
    assert rerank([1.0, 0.9, 0.8, 0.1], {0, 3}, fresh=fresh, share=0.5) == [0, 1, 3, 2]


# --- invariants -------------------------------------------------------------------------------------------------------
def test_the_invariant_raises_in_either_direction():
    library = small.library(dict.fromkeys("abc", OLD), covers=[("b", "a")])
    users = Users.of([User.new()])
    for order, named in (([0, 1, 2], "b"), ([2, 1, 0], "a")):
        with pytest.raises(InvariantBroken, match=f"at track {named}: the song before it is a cover of it"):
            invariants.check(library, [NEW_USERS], users, lists(order))
    invariants.check(library, [NEW_USERS], users, lists([0, 2, 1]))
    invariants.check(library, [NEW_USERS, "u"], users.with_new(), lists([0], [1]))  # of two users


def test_the_steps_check_the_invariant(settings, milvus, monkeypatch):
    night.write_day(settings, DAY, listens=[], pairs=every_pair(DAY))
    first_two = lists([0, 1])._replace(because=np.full((2, 3), -1, np.int32), sources=np.zeros(2, np.int8))
    monkeypatch.setattr(ranking, "rank_new_users", lambda context: first_two)
    night.learn(settings, DAY)
    with pytest.raises(InvariantBroken, match="a cover of it"):
        steps.rank_shard(settings, DAY, 0, 1)


# --- whole lists ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("liked", [True, False], ids=["from the seeds", "as fillers"])
def test_a_crowd_of_covers_does_not_leave_the_list_short(liked):
    """More covers of one song than the pool holds, all better than anything else."""
    crowd, others = [f"a{number:03d}" for number in range(400)], [f"b{number:03d}" for number in range(100)]
    covers = [(crowd[0], each) for each in crowd[1:]]  # a family, as if all pairs were known
    library = small.library(dict.fromkeys([*crowd, *others, "seed"], OLD), covers=covers)
    size, seed = len(library), len(library) - 1
    similar = np.zeros((size, size))
    if liked:
        similar[seed, : len(crowd)] = np.linspace(1, 0.5, len(crowd))
    listeners = np.array([0 if liked else 5] * len(crowd) + [3] * len(others) + [0])
    neighbours = Neighbours.of(csr_array(similar), replace(Behaviour.nobody(size), listeners=listeners))
    vectors = np.zeros((size, 1))  # none is like another
    context = small.context(library, neighbours, cold.rank(library, listeners), vectors)
    users = Users.of([User("u", np.array([seed]), np.array([1.0]))])
    made = [(users, ranking.rank(context, users))]
    made += [(Users.of([User.new()]), ranking.rank_new_users(context))] if not liked else []
    for who, each in made:
        invariants.check(library, ["u"], who, each)
        assert len(each.songs) == LIST_LENGTH
        assert (each.songs < len(crowd)).sum() == MAX_PER_FAMILY
        assert (each.songs[:BEGINNING] < len(crowd)).sum() == MAX_PER_FAMILY_IN_BEGINNING


# --- the lake ---------------------------------------------------------------------------------------------------------
def every_pair(day: str) -> list[dict]:
    ids = night.songs(day)
    return [night.pair(a, b) for a in ids for b in ids if a < b]


def write_pairs(settings, day: str, *pairs: dict) -> None:
    lake = Lake(settings)
    lake.write(Partition("duplicate_pairs", day, settings.model), night.schemas.table("duplicate_pairs", list(pairs)))


def run(settings) -> dict[str, list[str]]:
    """Every user's songs, by rank."""
    night.learn(settings, DAY)
    steps.rank_shard(settings, DAY, 0, 1)
    commit_lists(settings, DAY, 1)
    rows = Lake(settings).read(Partition("lists", DAY, settings.model)).to_pandas().sort_values(["user_id", "rank"])
    return rows.groupby("user_id")["track_id"].agg(list).to_dict()


def side_by_side(songs: list[str], pair: set[str]) -> bool:
    return any({a, b} == pair for a, b in pairwise(songs))


def test_a_cover_pair_is_on_the_lists_but_apart(settings, milvus):
    for day in night.DAYS:
        night.write_day(settings, day)
    before = run(settings)
    a, b = before["u00"][:2]
    touching = {user for user, songs in before.items() if side_by_side(songs, {a, b})}
    assert touching >= {"u00"}

    for verdict in ("duplicate", "fragment", "altered"):  # groups say what is merged; such pairs are no covers
        write_pairs(settings, DAY, night.pair(a, b, verdict))
        assert run(settings) == before, verdict
    for day in night.DAYS[-1], night.DAYS[0]:  # of whichever day the pair is
        write_pairs(settings, DAY)
        write_pairs(settings, day, night.pair(a, b))
        after = run(settings)
        assert not [user for user, songs in after.items() if side_by_side(songs, {a, b})]
        for user, songs in before.items():
            assert set(after[user]) == set(songs)
            assert (after[user] == songs) == (user not in touching)
    write_pairs(settings, night.DAYS[0])
    write_pairs(settings, "2026-11-23", night.pair(a, b))  # a later day's sweep is not known yet
    assert run(settings) == before


def test_only_covers_in_the_lake_and_why_says_so(settings, milvus):
    night.write_day(settings, DAY, tracks=["s22-00", "s22-04", "s22-08"], listens=[], pairs=[])
    assert len(run(settings)[NEW_USERS]) == 3
    ids = ("s22-00", "s22-04", "s22-08")
    write_pairs(settings, DAY, *(night.pair(a, b) for a in ids for b in ids if a < b))
    [first] = run(settings)[NEW_USERS]
    for other in set(ids) - {first}:
        answer = why(settings, "nobody", other, DAY)
        assert (answer["on_list"], answer["stopped_by"]) == (False, "beside_cover")
        assert first in answer["detail"]
    assert why(settings, "nobody", first, DAY)["on_list"]


def test_why_does_not_blame_a_cover_where_an_uploader_is_at_their_cap(settings, milvus, monkeypatch):
    monkeypatch.setattr(night, "uploader", lambda track_id: "one")
    night.write_day(settings, DAY, listens=[])
    songs = run(settings)[NEW_USERS]
    off = next(each for each in night.songs(DAY) if each not in songs)
    write_pairs(settings, DAY, night.pair(*sorted((songs[-1], off))))
    assert run(settings)[NEW_USERS] == songs
    assert why(settings, "nobody", off, DAY)["stopped_by"] == "outranked"


def test_a_day_without_its_pairs_is_not_swept_yet(settings, milvus):
    night.write_day(settings, DAY, listens=[])
    write_pairs(settings, DAY, night.pair("s22-00", "s22-01"))
    library = inputs.library(Lake(settings), settings.model, DAY)
    assert library.related.covers.of(0).tolist() == [1]
    late = night.DAYS[0]  # in the middle of its sweep: its groups are there and its pairs are not
    night.write_day(settings, late, listens=[])
    Lake(settings).remove(Partition("duplicate_pairs", late, settings.model))
    assert len(inputs.library(Lake(settings), settings.model, DAY)) == 2 * night.SONGS_PER_DAY
    Lake(settings).remove(Partition("duplicate_pairs", DAY, settings.model))
    with pytest.raises(PartitionMissing, match=f"duplicate_pairs/dt={DAY}.*sweep_duplicates"):
        inputs.library(Lake(settings), settings.model, DAY)


def test_sixty_songs_on_one_backing_do_not_fill_a_list(settings, milvus):
    """A user who plays two of them: in the sound, and by who plays them, they are the nearest of all."""
    beats = [f"s22-{number:02d}" for number in range(0, 20 * night.STYLES, night.STYLES)]
    ids = beats + [f"s22-{number:02d}" for number in range(80) if number % night.STYLES]
    night.write_day(settings, DAY, tracks=ids, listens=[night.listen("u", each, DAY) for each in beats[:2]], pairs=[])
    before = run(settings)["u"]
    assert len(set(before[:20]) & set(beats)) > MAX_PER_FAMILY_IN_BEGINNING
    assert len(set(before) & set(beats)) > MAX_PER_FAMILY
    hub = [night.pair(beats[0], each) for each in beats[1:]]
    write_pairs(settings, DAY, *hub)
    after = run(settings)
    for songs in after.values():
        assert len(set(songs[:BEGINNING]) & set(beats)) == MAX_PER_FAMILY_IN_BEGINNING
        assert len(set(songs) & set(beats)) == MAX_PER_FAMILY
    off = next(each for each in before if each in beats and each not in after["u"])
    answer = why(settings, "u", off, DAY)
    assert (answer["on_list"], answer["stopped_by"]) == (False, "family_full")
    assert f"{MAX_PER_FAMILY} songs of the list share its backing track" in answer["detail"]


def test_a_short_list_ends_where_a_family_has_its_places(settings, milvus):
    ids = [f"s22-{number:02d}" for number in range(0, 24, night.STYLES)]
    night.write_day(settings, DAY, tracks=ids, listens=[], pairs=[night.pair(ids[0], each) for each in ids[1:4]])
    songs = run(settings)[NEW_USERS]
    [first, second] = set(ids[:4]) - set(songs)
    assert len(songs) == 4
    for off in first, second:
        assert why(settings, "nobody", off, DAY)["stopped_by"] == "family_full"


def test_a_compilation_gives_way_to_the_songs_in_it(settings, milvus):
    album, parts, alone = "s22-00", ["s22-04", "s22-08"], "s22-12"
    held = [night.pair(album, each, CONTAINS, overlap_s=99.0) for each in parts]
    days = {"tracks": [album, *parts, alone], "seconds": {album: 300.0}, "pairs": held}
    night.write_day(settings, DAY, listens=[night.listen("u", album, DAY), night.listen("v", parts[0], DAY)], **days)
    made = run(settings)
    assert set(made[NEW_USERS]) == {*parts, alone}
    assert set(made["u"]) == {*parts, alone}  # who heard the whole may be offered what is in it
    assert set(made["v"]) == {parts[1], alone}
    answer = why(settings, "nobody", album, DAY)
    assert (answer["stopped_by"], parts[0] in answer["detail"]) == ("holds_candidate", True)
    assert why(settings, "v", album, DAY)["stopped_by"] == "holds_known"
    assert why(settings, "u", album, DAY)["stopped_by"] == "heard"
    gone = [{"track_id": each, "user_id": None} for each in parts]
    night.write_day(settings, DAY, listens=[], takedowns=gone, **days)
    assert set(run(settings)[NEW_USERS]) == {album, alone}  # nothing of it is left to give way to
