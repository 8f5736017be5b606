"""`make bench`: what a night costs by stage, and what Airflow adds to it.

One day of the composed catalogue is processed twice on the same embedded parts, each time from nothing: by a backfill
through Airflow, and by the same steps called one after the other without it (the alternative: a script run by cron).
Both separate with the same number of processes. Prints seconds per song by stage, and Airflow's share of the night.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import boto3

from deploy.demo.catalogue import write_catalogue
from deploy.demo.listens import write_listens
from deploy.demo.nights import Nights
from deploy.demo.upload import upload
from deploy.embedded.stack import Stack
from nightjar.embed import steps as embed
from nightjar.ingest import steps as ingest
from nightjar.objects import Objects
from nightjar.publish import steps as publish
from nightjar.publish.steps import commit_lists
from nightjar.recommend import similar
from nightjar.recommend import steps as recommend
from nightjar.recommend.night import gate
from nightjar.settings import FIRST_MODEL, Settings
from nightjar.shards import shard_count
from nightjar.vectors import steps as vectors

_SUMMARY = re.compile(r"embedder \S+ shard \d+/\d+: (.*)")


class _Summaries(logging.Handler):
    """Adds up the `name=value` pairs of the embedder's last lines, one of each shard."""

    def __init__(self) -> None:
        super().__init__()
        self.total: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if found := _SUMMARY.match(record.getMessage()):
            for name, value in re.findall(r"(\w+)=([\d.]+)", found[1]):
                self.total[name] = (
                    max(self.total[name], float(value)) if name == "peak_mb" else (self.total[name] + float(value))
                )


def main() -> int:
    processes = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        place = Path(folder)
        truth = write_catalogue(place / "catalogue")
        write_listens(place / "catalogue", truth)
        day = truth.days[0]
        songs = sum(record.day == day for record in truth.uploads)
        shards = {"NIGHTJAR_SHARD_SONGS": str(shard_count(songs, processes))}
        stack = Stack(place / "data", Settings.load(dict(os.environ) | shards), pool_slots=processes)
        try:
            stack.up(print)
            stack.enter()
            _warm(stack.settings)
            upload(Objects(stack.settings), place / "catalogue", truth)
            with_airflow = _backfill(stack, day)
            alone = replace(stack.settings, bucket="bench", model=FIRST_MODEL)
            _new_bucket(alone)
            upload(Objects(alone), place / "catalogue", truth)
            stages, embedder = _plain(alone, day, processes)
        finally:
            stack.down()
    _print(songs, with_airflow, stages, embedder, processes)
    return 0


def _warm(settings: Settings) -> None:
    """Have the embedder's packages in memory, so that the first of the two runs does not pay for reading them."""
    libraries = "import demucs.htdemucs, keras, librosa, tensorflow, torch"
    subprocess.run([settings.embedder_python, "-c", libraries], check=True, stderr=subprocess.DEVNULL)


def _new_bucket(settings: Settings) -> None:
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=settings.bucket)


def _backfill(stack: Stack, day: str) -> float:
    begun = time.perf_counter()
    nights = Nights(stack, [day])
    nights.begin()
    nights.watch(lambda states: None, within_s=3600)
    return time.perf_counter() - begun


def _plain(settings: Settings, day: str, processes: int) -> tuple[dict[str, float], Counter[str]]:
    """Seconds of each step, and the embedder's own sums over its processes."""
    from nightjar.duplicates import steps as duplicates

    summaries, seconds = _Summaries(), {}
    runner_log = logging.getLogger("nightjar.embed")
    runner_log.setLevel(logging.INFO)
    runner_log.addHandler(summaries)

    def timed(stage: str, work: Callable[[], object]) -> object:
        begun = time.perf_counter()
        made = work()
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - begun
        return made

    def each(step: Callable, shards: int) -> None:
        with ThreadPoolExecutor(processes) as threads:
            list(threads.map(lambda shard: step(settings, day, shard, shards), range(shards)))

    shards = timed("ingest", lambda: ingest.freeze(settings, day))["shards"]
    timed("ingest", lambda: each(ingest.probe_shard, shards))
    timed("ingest", lambda: ingest.commit_tracks(settings, day, shards))
    timed("ingest", lambda: ingest.ingest_listens(settings, day))
    shards = timed("embed", lambda: embed.plan(settings, day))["shards"]
    timed("embed", lambda: each(embed.embed_shard, shards))
    timed("embed", lambda: embed.commit(settings, day, shards))
    timed("load", lambda: vectors.load_vectors(settings, day))
    timed("sweep", lambda: duplicates.sweep_duplicates(settings, day))
    timed("publish", lambda: gate(settings, day))
    timed("publish", lambda: similar.find_similar(settings, day))
    shards = timed("publish", lambda: recommend.weigh_listens(settings, day))["shards"]
    timed("publish", lambda: recommend.learn_neighbours(settings, day))
    timed("publish", lambda: each(recommend.rank_shard, shards))
    timed("publish", lambda: commit_lists(settings, day, shards))
    timed("publish", lambda: publish.publish_lists(settings, day))
    return seconds, summaries.total


def _print(songs: int, with_airflow: float, stages: dict[str, float], embedder: Counter[str], processes: int) -> None:
    plain = sum(stages.values())
    print(
        f"\n{songs} uploads, {embedder['songs']:.0f} songs, {embedder['audio']:.0f} s of audio, {processes} processes"
    )
    print(f"\n{'stage':<22}{'seconds':>9}{'a song':>9}{'share':>8}")
    for stage, seconds in stages.items():
        print(f"{stage:<22}{seconds:9.1f}{seconds / songs:9.2f}{seconds / plain:8.1%}")
    print(f"{'all steps, no Airflow':<22}{plain:9.1f}{plain / songs:9.2f}")
    print(f"{'through Airflow':<22}{with_airflow:9.1f}{with_airflow / songs:9.2f}")
    overhead = with_airflow - plain
    print(f"Airflow's share: {overhead:.1f} s, {overhead / with_airflow:.1%}; ratio {with_airflow / plain:.2f}")
    print(f"\nwithin the embedder's processes ({embedder['cpu']:.0f} CPU-s, peak {embedder['peak_mb']:.0f} MB each)")
    counted = {"songs", "rejected", "reused", "audio", "cpu", "peak_mb"}
    for name, seconds in embedder.items():
        if name not in counted:
            print(f"  {name:<20}{seconds:9.1f}{seconds / embedder['songs']:9.2f}")


if __name__ == "__main__":
    sys.exit(main())
