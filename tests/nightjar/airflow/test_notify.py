"""What is said of a task that failed for good, to a real listener and to none."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from nightjar.airflow.notify import say_what_failed
from nightjar.errors import NightjarError

CONTEXT = {
    "task_instance": SimpleNamespace(dag_id="load_vectors", task_id="load", log_url="http://airflow/log"),
    "dag_run": SimpleNamespace(partition_key="2026-11-20"),
    "exception": NightjarError("Milvus does not answer", "Start it"),
}
SAID = "load_vectors 2026-11-20: load failed for good: Milvus does not answer. Start it. Runbook"


@pytest.fixture
def posted(monkeypatch) -> list[dict]:
    """What the webhook was sent."""
    got: list[dict] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("NIGHTJAR_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_port}/")
        yield got
        server.shutdown()


def test_the_webhook_is_told_what_failed_and_where_to_look(posted):
    say_what_failed(CONTEXT)
    assert [sent["text"].startswith(SAID) for sent in posted] == [True]
    assert "http://airflow/log" in posted[0]["text"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "no address"])
def test_a_webhook_that_is_not_there_is_logged_and_fails_nothing(monkeypatch, caplog, address):
    monkeypatch.setenv("NIGHTJAR_ALERT_WEBHOOK", address)
    say_what_failed(CONTEXT)
    assert SAID in caplog.text
    assert "the alert could not be posted to NIGHTJAR_ALERT_WEBHOOK" in caplog.text


def test_a_run_of_converge_is_named_by_the_day_of_its_configuration(posted):
    say_what_failed(CONTEXT | {"dag_run": SimpleNamespace(partition_key=None, conf={"day": "2026-11-21"})})
    assert [sent["text"].startswith("load_vectors 2026-11-21: load failed") for sent in posted] == [True]


def test_without_a_webhook_the_log_is_all(monkeypatch, caplog):
    monkeypatch.delenv("NIGHTJAR_ALERT_WEBHOOK", raising=False)
    say_what_failed(CONTEXT)
    assert [record.getMessage().startswith(SAID) for record in caplog.records] == [True]
