"""Three days of which every table, the key-value store and Milvus hold something, and what names somebody in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import redis
from pymilvus import MilvusClient

from nightjar import schemas
from nightjar.duplicates.steps import sweep_duplicates
from nightjar.lake import Lake, Partition
from nightjar.publish.encode import decode
from nightjar.publish.steps import commit_lists, publish_lists
from nightjar.recommend import steps as recommend
from nightjar.settings import Settings
from nightjar.vectors.steps import load_vectors
from tests import kept
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.nights import DAYS, UPLOADS
from tests.nightjar.recommend.night import learn

USERS = ("ann", "bob", "cleo", "dan")
HEARD = {
    "ann": ("beta", "gamma"),
    "bob": ("alpha", "delta", "gamma"),
    "cleo": ("alpha", "beta-begin", "delta"),
    "dan": ("alpha-again", "gamma"),
}
REMEMBERING = ("forgotten/", "lake/takedowns/")
"""What is to name whom to forget."""
THE_APPS = ("uploads/", "listens/", "takedowns/")


def make(settings: Settings) -> None:
    """All three days, ranked and published: the last two versions are in the store."""
    if not kept.stores(settings, _nights):
        for day in DAYS:
            load_vectors(settings, day)


def _nights(settings: Settings) -> None:
    lake = Lake(settings)
    for day in DAYS:
        nights.write_day(settings, day)
        write_rest(lake, settings.model, day)
        load_vectors(settings, day)
        sweep_duplicates(settings, day)
        rank(settings, day)
        publish_lists(settings, day)


def rank(settings: Settings, day: str) -> None:
    """What publish_recommendations does up to the lake."""
    learn(settings, day)
    recommend.rank_shard(settings, day, 0, 1)
    commit_lists(settings, day, 1)


def write_rest(lake: Lake, model: str, day: str) -> None:
    """What ingest and the embedder leave beside what nights.write_day does: rows, audio, claims."""
    own = [upload for upload in UPLOADS if upload.day == day]
    tracks = lake.read(Partition("tracks", day)).to_pylist()
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    uploads = [{"key": row["key"], "size_bytes": 1, "etag": "e", "uploaded_at": row["uploaded_at"]} for row in tracks]
    again = f"uploads/dt={day}/{own[0].track_id}.wav"
    uploads.append({"key": again, "size_bytes": 2, "etag": "e", "uploaded_at": at})
    reject = {"key": again, "track_id": own[0].track_id, "stage": "ingest", "reason": "duplicate_track_id"}
    reject["detail"] = f"The id is taken by uploads/dt={day}/{own[0].track_id}.mp3 of the same day"
    known = {upload.track_id for upload in UPLOADS if upload.day <= day}
    listens = [
        {"user_id": user, "track_id": song, "listened_at": at + timedelta(hours=hour), "played_s": 20.0, "kind": "play"}
        for user in USERS
        for hour, song in enumerate(HEARD[user])
        if song in known
    ]
    stems = [
        {
            "track_id": row["track_id"],
            "sha256": row["sha256"],
            "accompaniment_key": f"stems/htdemucs-2/{row['sha256']}/accompaniment.flac",
            "vocals_key": f"stems/htdemucs-2/{row['sha256']}/vocals.flac",
            "vocals_db": -10.0,
        }
        for row in tracks
    ]
    echoprints = [{"track_id": row["track_id"], "codes": [1], "times": [2]} for row in tracks]
    for partition, rows in (
        (Partition("uploads", day), uploads),
        (Partition("rejects", day, stage="ingest"), [reject]),
        (Partition("rejects", day, stage="listens"), []),
        (Partition("listens", day), listens),
        (Partition("takedowns", day), []),
        (Partition("stems", day, model), stems),
        (Partition("echoprints", day, model), echoprints),
    ):
        lake.write(partition, schemas.table(partition.table, rows))
    for row in stems:
        for key in (row["accompaniment_key"], row["vocals_key"]):
            lake.objects.put(key, b"audio")
        lake.objects.put(f"lake/claims/{row['track_id']}", day.encode())


def contents(settings: Settings) -> dict[str, bytes]:
    """Every object of the bucket."""
    objects = Lake(settings).objects
    return {seen.key: objects.get(seen.key) for seen in objects.list("")}


def traces(settings: Settings, *ids: str) -> set[str]:
    """Where any of the ids stands as a whole word: objects, by key or content, keys of the store, Milvus."""
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])({'|'.join(map(re.escape, ids))})(?![A-Za-z0-9_-])")
    found = {
        key
        for key, body in contents(settings).items()
        if not key.startswith(REMEMBERING + THE_APPS) and pattern.search(f"{key}\n{_text(key, body)}")
    }
    found |= {f"store {name}" for name in published(settings) if pattern.search(name)}
    return found | {f"milvus {name}" for name in loaded(settings) if pattern.search(name)}


def _text(key: str, body: bytes) -> str:
    """Every cell of a Parquet file, and its bytes, in which statistics and key-value metadata stand plain."""
    cells = repr(pq.read_table(pa.BufferReader(body)).to_pylist()) if key.endswith(".parquet") else ""
    return cells + "\n" + body.decode("latin-1")


def published(settings: Settings) -> list[str]:
    """`key: song song ...` of every list of every version."""
    with redis.Redis.from_url(settings.kv_url) as client:
        keys = sorted(key for key in client.scan_iter() if key not in (b"nightjar:current", b"nightjar:owner"))
        return [f"{key.decode()}: {' '.join(e.track_id for e in decode(client.get(key)))}" for key in keys]


def loaded(settings: Settings) -> list[str]:
    """Track ids of all rows in all collections."""
    client, found = MilvusClient(settings.milvus_uri), []
    for name in client.list_collections():
        client.load_collection(name)
        found += [row["track_id"] for row in client.query(name, filter="", limit=1000, output_fields=["track_id"])]
    client.close()
    return found
