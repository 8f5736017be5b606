"""
# converge: what is unfinished is started

Every five minutes (`NIGHTJAR_CONVERGE_S`). Asset events start the chain at once; this DAG makes up for every one that
was lost: a DAG was paused, a task was cleared, a run was deleted or marked, the scheduler was down. It compares what
each stage of each day was made from with what there is now, and starts the earliest stage of each day that is out of
date.

**Healthy:** nothing to do.

**When not:**
- *A stage failed for good*: the log and `nightjar status` name it. It is left alone until its inputs change. Mend the
  cause, then `nightjar rerun DAY --from STAGE`.
- *A DAG is paused*: its runs wait in the queue, and go on when it is unpaused.
"""

from __future__ import annotations

from airflow.sdk import DeltaTriggerTimetable, dag, task

from nightjar.airflow.tasks import DEFAULTS, converge_interval, converged


@dag(
    schedule=DeltaTriggerTimetable(converge_interval()),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    doc_md=__doc__,
    tags=["nightjar"],
)
def converge():
    @task
    def start_what_is_due() -> dict:
        return converged()

    start_what_is_due()


converge()
