"""
# publish_recommendations: one list per user, and the pointer

Runs when a day's duplicates are there; its listens were there before its tracks.

| task | does |
|---|---|
| `gate` | stops a night that rejected too much, or whose vectors are not those of music: last night's lists stay |
| `find_similar` | finds what is near the day's new songs by sound, in Milvus |
| `weigh_listens` | what each user thinks of what they heard in the window; cuts the users into shards |
| `learn_neighbours` | which songs a song brings: by sound, and by what the same people play |
| `rank_shard` | seeds, candidates, scores, filters, re-ranking; asserts the invariants on every list |
| `commit_lists` | makes the lists visible in the lake |
| `publish` | writes them under a new version, counts and reads back, then moves the pointer, forward only |

**Healthy:** the last line says how many lists under which version. `nightjar recs USER` and `nightjar why USER
TRACK` explain any list.

**When not:**
- *`gate` is skipped*: the day waits for its own sweep, its listens, or the sweep of an earlier day; its log says which.
  `converge` starts it when that is done, or after an hour without the earlier day.
- *The gate is closed*, here or in `publish`: the message has all that is out of its limits. Mend the cause and
  backfill the day; the app reads last night's lists meanwhile. If it is right so, as after a change of the model:
  `nightjar publish DAY --accept`.
- *"is the live model"*: this run has a candidate's `NIGHTJAR_MODEL`, whose lists nobody is to see (docs/models.md).
- *An invariant is violated*: nothing was published. The message names user, track and rule; it is a defect, not bad
  data.
- *"pointer stays"*: this day is older than what is published. Its lists are in the lake; newer ones are never
  replaced.
- *The lists that are live are bad*: `nightjar publish --rollback` shows the app the version before, at once.
- *The key-value store evicts or is full*: the message names the setting. The pointer has not moved.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, dag, task

from nightjar.airflow.day import DAY
from nightjar.airflow.tasks import DEFAULTS, DUPLICATES, LISTS, each_shard, run_step


@dag(
    schedule=PartitionedAssetTimetable(assets=DUPLICATES),
    catchup=False,
    max_active_runs=1,  # the pointer moves forward, day by day
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar", "publish"],
)
def publish_recommendations():
    @task
    def gate(day: str) -> dict:
        from nightjar.recommend import night

        return run_step(night.gate, day, begins="publish")

    @task
    def find_similar(day: str) -> dict:
        from nightjar.recommend import similar

        return run_step(similar.find_similar, day)

    @task
    def weigh_listens(day: str) -> list[dict]:
        from nightjar.recommend import steps

        return each_shard(run_step(steps.weigh_listens, day))

    @task
    def learn_neighbours(day: str) -> dict:
        from nightjar.recommend import steps

        return run_step(steps.learn_neighbours, day)

    @task
    def rank_shard(day: str, shard: int, shards: int) -> dict:
        from nightjar.recommend import steps

        return run_step(steps.rank_shard, day, shard=shard, shards=shards)

    @task
    def commit_lists(day: str, plan: list[dict]) -> dict:
        from nightjar.publish import steps

        return run_step(steps.commit_lists, day, shards=len(plan))

    @task(outlets=[LISTS])
    def publish(day: str) -> dict:
        from nightjar.publish import steps

        return run_step(steps.publish_lists, day, ends="publish")

    opened = gate(DAY)
    plan, similar = weigh_listens(DAY), find_similar(DAY)
    ranked = rank_shard.partial(day=DAY).expand_kwargs(plan)
    opened >> [plan, similar] >> learn_neighbours(DAY) >> ranked
    ranked >> commit_lists(DAY, plan) >> publish(DAY)


publish_recommendations()
