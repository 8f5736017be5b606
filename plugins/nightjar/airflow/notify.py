"""Saying that a task has failed for good: one line in the log, and a post to a webhook where one is set."""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

from nightjar import days
from nightjar.airflow.day import of_run
from nightjar.errors import NightjarError
from nightjar.legible import one_line
from nightjar.settings import Settings

log = logging.getLogger(__name__)

_TIMEOUT_S = 10


def say_what_failed(context: dict[str, Any]) -> None:
    """Airflow's failure callback: names the DAG, the day, the task, the error (which names the remedy) and the log."""
    instance = context["task_instance"]
    day = of_run(context.get("dag_run"))
    error = str(context.get("exception")).rstrip(".")
    text = one_line(
        f"{instance.dag_id} {day}: {instance.task_id} failed for good: {error}. "
        f"Runbook: the DAG's documentation. Log: {getattr(instance, 'log_url', '')}"
    )
    log.error(text)
    address = Settings.read().alert_webhook
    if not address:
        return
    body = json.dumps({"text": text}).encode()
    try:
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        log.error("the alert could not be posted to NIGHTJAR_ALERT_WEBHOOK: %s", error)


def note_what_failed(context: dict[str, Any]) -> None:
    """Another failure callback: tells `converge` not to try the same again."""
    from nightjar.converge import steps  # here: what loads a DAG file loads nothing heavy
    from nightjar.converge.stages import DAGS, LISTENS, At
    from nightjar.models import live

    instance = context["task_instance"]
    day, error = of_run(context.get("dag_run")), str(context.get("exception"))
    stages = {dag: stage for stage, dag in DAGS.items() if stage != LISTENS}
    stage = LISTENS if instance.task_id == "ingest_listens" else stages.get(instance.dag_id)
    if day is None or stage is None or instance.task_id == "purge_takedowns":
        return
    try:
        steps.fail(live.resolved(Settings.load()), At(days.parse(day), stage), instance.run_id, error)
    except NightjarError as unnoted:
        log.error("that it failed could not be noted: %s", unnoted)
