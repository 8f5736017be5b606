"""The day of a run: its partition key, or what its configuration says where it has none."""

from __future__ import annotations

from typing import Any

CONF = "day"
"""What the day is called in a run's configuration."""
TRIED = "__airflow_temporary_run_"
"""What the id of the run of `airflow tasks test` begins with: it has a date, and neither a key nor a configuration."""
DAY = (
    "{{ dag_run.partition_key or (dag_run.conf or {}).get('" + CONF + "')"
    " or (ds if dag_run.run_id.startswith('" + TRIED + "')) or '' }}"
)
"""The template of the day of a task's run."""


def of_run(dag_run: Any) -> str | None:
    """The day that a run names: by its partition key, or in its configuration."""
    return getattr(dag_run, "partition_key", None) or (getattr(dag_run, "conf", None) or {}).get(CONF)
