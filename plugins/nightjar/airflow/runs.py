"""Runs of other DAGs, asked for and started from within a task, by what the task's own token allows."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS, RuntimeTaskInstance

_ACTIVE = ["queued", "running"]


def is_idle(dag: str) -> bool:
    """Whether no run of the DAG is queued or running."""
    return RuntimeTaskInstance.get_dr_count(dag, states=_ACTIVE) == 0


def start(dag: str, run_id: str, day: str) -> None:
    """Start a run of the DAG for the partition of a day. Raises AirflowRuntimeError if Airflow refuses.

    `TriggerDagRunOperator` does the same but cannot name a partition (its provider's version 1.21).
    """
    answer = SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag, run_id=run_id, partition_key=day))
    if isinstance(answer, ErrorResponse):
        raise AirflowRuntimeError(answer)
