"""The LocalExecutor with the tasks' libraries already imported, which is most of what a short task costs."""

from __future__ import annotations

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor

_LIBRARIES = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "boto3",
    "duckdb",
    "pandas",
    "pyarrow.parquet",
    "pymilvus",
    "redis",
    "scipy.sparse",
)
"""What takes long to import and never changes while it runs; our own modules are read anew by each task."""


class WarmLocalExecutor(LocalExecutor):
    """Workers are forks of the scheduler, and tasks forks of workers: what is imported here, none of them pays for."""

    def start(self) -> None:
        for library in _LIBRARIES:
            import_module(library)
        super().start()
