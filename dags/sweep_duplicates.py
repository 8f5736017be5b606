"""
# sweep_duplicates: the same song twice, a piece of it, the same backing

Runs when a day's vectors are in Milvus. It proposes candidates by song and by window, and so do keys of the prints;
fingerprints of mix, accompaniment and vocals decide, at any speed and pitch. Writes the pairs that are not distinct,
and the groups of all days up to this one.

| task | does |
|---|---|
| `sweep` | finds the day's pairs, and makes the groups; starts `publish_recommendations` |
| `purge_takedowns` | removes whom new takedowns name from everything: partitions of all days, audio, vectors, lists |

**Healthy:** grows with the night's new songs, not with the library; most songs have no pair (`nightjar
duplicates`).

**When not:**
- *A wrong pair*: `nightjar duplicates explain A B` shows scores and evidence, with a picture; thresholds are in
  `nightjar/thresholds.py`, and docs/duplicates.md says what they mean.
- *`purge_takedowns` fails*: nobody sees the song all the same, since the lists of this night leave it out. Clear the
  task: it goes on with what is left. It runs in this DAG because it makes groups again, which a sweep must not do
  beside it, and after `sweep`, so that a night does not wait for it.
- *A day processed late*: nothing to do. Its pairs also go to the later days, and their groups are renewed.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, dag, task

from nightjar.airflow.day import DAY
from nightjar.airflow.tasks import DEFAULTS, DUPLICATES, VECTORS, run_step


@dag(
    schedule=PartitionedAssetTimetable(assets=VECTORS),
    catchup=False,
    max_active_runs=1,  # a late day writes into the partitions of later days
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar", "duplicates"],
)
def sweep_duplicates():
    @task(outlets=[DUPLICATES])
    def sweep(day: str) -> dict:
        from nightjar.duplicates import steps

        return run_step(steps.sweep_duplicates, day, begins="sweep", ends="sweep")

    @task
    def purge_takedowns(day: str) -> dict:
        from nightjar.takedowns import steps

        return run_step(steps.purge_takedowns, day)

    sweep(DAY) >> purge_takedowns(DAY)


sweep_duplicates()
