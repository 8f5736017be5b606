from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightjar.shards import dealt, shard_count, shard_of


@given(st.text(), st.integers(1, 2000))
def test_every_key_has_one_shard_within_range(key, shards):
    assert 0 <= shard_of(key, shards) < shards
    assert shard_of(key, shards) == shard_of(key, shards)


def test_the_shard_of_a_key_never_changes():
    assert [shard_of(key, 7) for key in ("a", "b", "träck", "")] == [2, 5, 2, 0]


def test_shards_are_about_equal():
    counts = [0] * 10
    for number in range(10_000):
        counts[shard_of(f"track-{number}", 10)] += 1
    assert min(counts) > 900
    assert max(counts) < 1100


@given(st.integers(0, 10**7), st.integers(1, 10**5))
def test_shards_are_just_enough_and_at_least_one(items, per_shard):
    count = shard_count(items, per_shard)
    assert count >= 1
    assert count * per_shard >= items
    assert (count - 1) * per_shard < max(items, 1)


@given(st.dictionaries(st.text(max_size=4), st.floats(0.1, 7200)), st.integers(1, 9))
def test_every_key_is_dealt_once_and_no_shard_is_far_from_the_emptiest(sizes, shards):
    made = dealt(sizes, shards)
    assert sorted(key for shard in made for key in shard) == sorted(sizes)
    assert dealt(dict(reversed(sizes.items())), shards) == made
    loads = [sum(sizes[key] for key in shard) for shard in made]
    assert max(loads) - min(loads) <= max(sizes.values(), default=0) + 1e-6


def test_a_long_song_has_its_shard_to_itself():
    assert dealt({"set": 7200.0, "a": 200.0, "b": 210.0, "c": 190.0}, 2) == [{"set"}, {"a", "b", "c"}]
