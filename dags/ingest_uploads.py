"""
# ingest_uploads: what arrived on a day

Runs at midnight UTC for the day before; a backfill of this DAG drives the four that follow.

| task | does |
|---|---|
| `freeze` | writes down the day's uploads once; shards are cut from that list, so a retry sees the same work |
| `probe_shard` | reads each upload of a shard: checksum, codec, duration, loudness; what is no song becomes a reject |
| `ingest_listens` | cleans the day's listens and takedowns, and late ones of days before |
| `commit_tracks` | makes tracks and rejects visible, after the listens; that starts `embed_tracks` |

**Healthy:** a few minutes; rejects are a small share (`nightjar rejects DAY`).

**When not:**
- *Many rejects of one reason*: look at one of them (`nightjar rejects DAY`). A broken app release shows here first.
- *"since the freeze 3 arrived"*: uploads came late. `nightjar rerun DAY` takes them in.
- *"no run took in of DAY"*: a night did not run, or uploads came late. `nightjar status DAY` says what to do. Of nights
  that pass while the scheduler is down only the last is made up for by itself.
- *"exports of DAY that came since they were read"*: the night takes them by itself.
- *`bad_rows`, `played_too_long`*: the app's export of listens is broken, and the gate may hold the night
  (docs/rejects.md). Mend the export, write it again under the same name, and backfill the day.
- *Object storage fails*: tasks retry with back-off for some minutes, then fail; clear them when it is back.

**Backfill:** `airflow backfill create --dag-id ingest_uploads --from-date A --to-date B --max-active-runs 1`, day by
day, since a backfill has its own limit of runs; days that are done are skipped unless `--reprocess-behavior completed`
is given. Running a day again changes nothing unless its inputs changed.
"""

from __future__ import annotations

from airflow.sdk import CronPartitionTimetable, dag, task

from nightjar.airflow.day import DAY
from nightjar.airflow.tasks import DEFAULTS, TRACKS, each_shard, first_night, run_step


@dag(
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    start_date=first_night(),
    catchup=False,
    max_active_runs=1,  # the earlier day claims a track_id that two days use
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar", "ingest"],
)
def ingest_uploads():
    @task
    def freeze(day: str) -> list[dict]:
        from nightjar.ingest import steps

        return each_shard(run_step(steps.freeze, day, begins="ingest"))

    @task
    def probe_shard(day: str, shard: int, shards: int) -> dict:
        from nightjar.ingest import steps

        return run_step(steps.probe_shard, day, shard=shard, shards=shards)

    @task(outlets=[TRACKS])
    def commit_tracks(day: str, plan: list[dict]) -> dict:
        from nightjar.ingest import steps

        return run_step(steps.commit_tracks, day, shards=len(plan), ends="ingest")

    @task
    def ingest_listens(day: str) -> dict:
        from nightjar.ingest import steps

        return run_step(steps.ingest_listens, day, begins="listens", ends="listens")

    plan = freeze(DAY)
    # the listens too: what publishing needs is there before the chain begins, and each run of it leads to one publish
    [probe_shard.partial(day=DAY).expand_kwargs(plan), ingest_listens(DAY)] >> commit_tracks(DAY, plan)


ingest_uploads()
