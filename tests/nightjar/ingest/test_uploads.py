from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from nightjar import schemas
from nightjar.ingest import names, uploads

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def frozen(*named: tuple[str, str]):
    rows = [
        {"key": f"uploads/dt=2026-11-20/{name}", "size_bytes": 1, "etag": etag, "uploaded_at": NOON}
        for name, etag in named
    ]
    return schemas.table("uploads", rows)


def test_drift_tells_what_arrived_changed_and_vanished():
    before = frozen(("a.mp3", "1"), ("b.mp3", "1"), ("c.mp3", "1"))
    after = frozen(("b.mp3", "2"), ("c.mp3", "1"), ("d.mp3", "1"), ("e.mp3", "1"))
    found = uploads.drift(before, after)
    assert found
    assert str(found) == (
        "2 arrived (first: uploads/dt=2026-11-20/d.mp3), 1 changed (first: uploads/dt=2026-11-20/b.mp3), "
        "1 vanished (first: uploads/dt=2026-11-20/a.mp3)"
    )


def test_no_drift_is_false():
    assert not uploads.drift(frozen(("a.mp3", "1")), frozen(("a.mp3", "1")))


_NAMES = st.lists(st.sampled_from([f"{stem}.{end}" for stem in ("a", "b", "c", "d d", "e") for end in ("mp3", "wav")]))


@given(_NAMES.map(set), st.integers(1, 5))
def test_shards_share_out_the_uploads_by_track(chosen, shards):
    table = frozen(*((name, "1") for name in sorted(chosen)))
    cut = [uploads.of_shard(table, shard, shards) for shard in range(shards)]
    keys = [row["key"] for shard in cut for together in shard for row in together]
    assert sorted(keys) == table["key"].to_pylist()
    groups = [{names.shard_key(row["key"]) for row in together} for shard in cut for together in shard]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(set(), *groups)) == len(groups)
