"""Runs of other DAGs, asked for and started from within a task, by what the task's own token allows."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS, RuntimeTaskInstance

from nightjar.airflow.day import CONF

_ACTIVE = ["queued", "running"]


def is_idle(dag: str) -> bool:
    """Whether no run of the DAG is queued or running."""
    return RuntimeTaskInstance.get_dr_count(dag, states=_ACTIVE) == 0


def start(dag: str, run_id: str, day: str) -> None:
    """Start a run of the DAG for a day. Raises AirflowRuntimeError if Airflow refuses.

    The day is in the run's configuration: the API would take a partition key, but Airflow's own client (3.3.2) leaves
    out the one that it is given here.
    """
    answer = SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag, run_id=run_id, conf={CONF: day}))
    if isinstance(answer, ErrorResponse):
        raise AirflowRuntimeError(answer)
