"""What the nights make if nobody disturbs them: the same steps, one after the other, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from nightjar.duplicates import steps as duplicates
from nightjar.embed import steps as embed
from nightjar.ingest import steps as ingest
from nightjar.lake import Lake
from nightjar.publish import steps as publish
from nightjar.publish.connection import connect
from nightjar.publish.steps import commit_lists
from nightjar.recommend import similar
from nightjar.recommend import steps as recommend
from nightjar.recommend.night import gate
from nightjar.settings import Settings
from nightjar.takedowns import steps as takedowns
from nightjar.vectors import steps as vectors
from nightjar.vectors.store import VectorStore
from tests.end_to_end import stand_in

_KEPT = ("uploads/", "listens/", "takedowns/", "models/", "forgotten/known.json")
"""What a night does not make by itself: what the app brings, which model is live, and who is to be forgotten."""


def wipe(settings: Settings) -> None:
    """Remove all that nights have made, from the bucket, from Milvus and from the store."""
    objects = Lake(settings).objects
    for seen in list(objects.list("")):
        if not seen.key.startswith(_KEPT):
            objects.delete(seen.key)
    with VectorStore(settings) as store:
        client = store.milvus.client
        for name in client.list_collections():
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)
    with closing(connect(settings.kv_url, settings.kv_prefix)) as store:
        store.flushdb()


def nights(settings: Settings, days: Sequence[str]) -> None:
    """Make the days, the earliest first, from nothing."""
    for day in days:
        shards = ingest.freeze(settings, day)["shards"]
        for shard in range(shards):
            ingest.probe_shard(settings, day, shard, shards)
        ingest.ingest_listens(settings, day)
        ingest.commit_tracks(settings, day, shards)
        shards = embed.plan(settings, day)["shards"]
        for shard in range(shards):
            stand_in.embed(settings, day, shard, shards)
        embed.commit(settings, day, shards)
        vectors.load_vectors(settings, day)
        duplicates.sweep_duplicates(settings, day)
        takedowns.purge_takedowns(settings, day)
        gate(settings, day)
        similar.find_similar(settings, day)
        shards = recommend.weigh_listens(settings, day)["shards"]
        recommend.learn_neighbours(settings, day)
        for shard in range(shards):
            recommend.rank_shard(settings, day, shard, shards)
        commit_lists(settings, day, shards)
        publish.publish_lists(settings, day)
