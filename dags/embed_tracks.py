"""
# embed_tracks: from audio to vectors and fingerprints

Runs when a day's tracks are there. Each shard is one process of the embedder, in its own environment: it decodes,
separates vocals from accompaniment (htdemucs), turns the accompaniment into vectors (CNN on mel spectrograms) and
fingerprints mix, accompaniment and vocals. More than nine tenths of a night's computing is the separation.

| task | does |
|---|---|
| `plan` | cuts the day's tracks into shards |
| `embed_shard` | runs the embedder on a shard, in the pool `separation`; its log shows each song with its seconds |
| `commit` | makes stems, embeddings, windows, fingerprints and rejects visible, which starts `load_vectors` |

**Healthy:** about 70 CPU-seconds per minute of audio; a line per song.

With `NIGHTJAR_MODEL` set to another model than the live one, a run starts from the stems and fingerprints that the
live model's run of the day has left, computes vectors only, and writes nothing but that model's partitions
(docs/models.md).

**When not:**
- *Killed for memory*: a process needs up to 3 GB whatever the length of a song; lower the pool's slots.
- *"no weights"*: the message says where it looked and what to set.
- *One song takes forever*: the two-hour upload is handled by pieces; its shard simply takes longer, see the log.
- *A shard fails*: its finished songs are kept; clear the task, and it goes on from the last one.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import PartitionedAssetTimetable, dag, task

from nightjar.airflow.day import DAY
from nightjar.airflow.tasks import DEFAULTS, EMBEDDINGS, SEPARATION_POOL, TRACKS, each_shard, run_step


@dag(
    schedule=PartitionedAssetTimetable(assets=TRACKS),
    catchup=False,
    max_active_runs=1,  # earlier days first, so that a day meets its past when it is published
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar", "embed"],
)
def embed_tracks():
    @task
    def plan(day: str) -> list[dict]:
        from nightjar.embed import steps

        return each_shard(run_step(steps.plan, day, begins="embed"))

    @task(pool=SEPARATION_POOL, execution_timeout=timedelta(hours=6))
    def embed_shard(day: str, shard: int, shards: int) -> dict:
        from nightjar.embed import steps

        return run_step(steps.embed_shard, day, shard=shard, shards=shards)

    @task(outlets=[EMBEDDINGS])
    def commit(day: str, plan: list[dict]) -> dict:
        from nightjar.embed import steps

        return run_step(steps.commit, day, shards=len(plan), ends="embed")

    shards = plan(DAY)
    embed_shard.partial(day=DAY).expand_kwargs(shards) >> commit(DAY, shards)


embed_tracks()
