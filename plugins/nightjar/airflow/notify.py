"""Saying that a task has failed for good: one line in the log, and a post to a webhook where one is set."""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request
from typing import Any

log = logging.getLogger(__name__)

WEBHOOK = "NIGHTJAR_ALERT_WEBHOOK"
"""An address that takes a JSON object with `text`, as chat systems do; unset: the log alone."""
_TIMEOUT_S = 10


def say_what_failed(context: dict[str, Any]) -> None:
    """Airflow's failure callback: names the DAG, the day, the task, the error (which names the remedy) and the log."""
    instance = context["task_instance"]
    day = getattr(context.get("dag_run"), "partition_key", None)
    text = (
        f"{instance.dag_id} {day}: {instance.task_id} failed for good: {context.get('exception')} "
        f"Runbook: the DAG's documentation. Log: {getattr(instance, 'log_url', '')}"
    )
    log.error(text)
    address = os.environ.get(WEBHOOK)
    if not address:
        return
    request = urllib.request.Request(
        address, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()
    except (urllib.error.URLError, OSError) as error:
        log.error("the alert could not be posted to %s: %s", WEBHOOK, error)
