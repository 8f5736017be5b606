"""
# load_vectors: a day's vectors into Milvus

Runs when a day's embeddings are there. Upserts the day's song vectors and window vectors, removes what vanished
from the day or was taken down, and checks: the counts are right, and songs find themselves. Running it again
changes nothing.

**Healthy:** seconds; thousands of rows a second.

**When not:**
- *Milvus cannot be reached*: the task retries with back-off; clear it when Milvus is back.
- *Milvus lost days, or all*: `nightjar rebuild vectors` brings them from the lake.
- *A song does not find itself*: a query node may be rejoining and answers short; the task has retried already.
  Clear it, and if it stays so, look at the collection's index and load state.
- *Another dimension*: a model's output changed under its name; a new model needs a new name, and has its own
  collections (docs/models.md).
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, dag, task

from nightjar.airflow.day import DAY
from nightjar.airflow.tasks import DEFAULTS, EMBEDDINGS, VECTORS, run_step


@dag(
    schedule=PartitionedAssetTimetable(assets=EMBEDDINGS),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar", "vectors"],
)
def load_vectors():
    @task(outlets=[VECTORS])
    def load(day: str) -> dict:
        from nightjar.vectors import steps

        return run_step(steps.load_vectors, day, begins="load", ends="load")

    load(DAY)


load_vectors()
