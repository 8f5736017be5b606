"""One day through ingest and embedder as Airflow's tasks run them, in a process of its own, whose memory it tells.

`python -m tests.corpus.night ingest|embed DAY` says in its last line, in JSON, what the steps returned and the largest
memory of this process and of any that it started.
"""

from __future__ import annotations

import json
import logging
import resource
import sys

from nightjar.embed import steps as embedding
from nightjar.ingest import steps as ingest
from nightjar.settings import Settings


def _ingest(settings: Settings, day: str) -> dict:
    shards = ingest.freeze(settings, day)["shards"]
    for shard in range(shards):
        ingest.probe_shard(settings, day, shard, shards)
    return ingest.commit_tracks(settings, day, shards)


def _embed(settings: Settings, day: str) -> dict:
    shards = embedding.plan(settings, day)["shards"]
    for shard in range(shards):
        embedding.embed_shard(settings, day, shard, shards)
    return embedding.commit(settings, day, shards)


def main(stage: str, day: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    done = {"ingest": _ingest, "embed": _embed}[stage](Settings.load(), day)
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    print(
        json.dumps(
            done | {"own_mb": own.ru_maxrss // 1024, "child_mb": others.ru_maxrss // 1024, "cpu_s": round(cpu, 1)}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
