"""The LocalExecutor with the tasks' libraries already imported, which is most of what a short task costs."""

from __future__ import annotations

import time
import urllib.request
from importlib import import_module

from airflow.configuration import conf
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
    """Workers are forks of the scheduler, and tasks forks of workers: what is imported here, none of them pays for.

    The api-server may start at the same time: no task begins before it answers.
    """

    def start(self) -> None:
        for library in _LIBRARIES:
            import_module(library)
        while not _api_server_answers():
            time.sleep(0.2)
        super().start()


def _api_server_answers() -> bool:
    try:
        urllib.request.urlopen(conf.get("api", "base_url") + "/api/v2/monitor/health", timeout=10).close()
    except OSError:
        return False
    return True
