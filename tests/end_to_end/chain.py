"""The chain of DAGs on a running stack, worked by Airflow's REST interface: days, uploads, runs, what they leave."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deploy.demo.nights import DAGS
from deploy.embedded.airflow import AirflowApi
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.models import live
from nightjar.publish.connection import connect
from nightjar.settings import Settings
from tests.end_to_end import stand_in
from tests.nightjar.ingest.exported import listen, listens, parquet
from tests.nightjar.ingest.made import contents, sound

UPLOADS = 3
_RUNS_A_PAGE = 100

Found = dict[str, bytes]
"""Every object that the nights wrote and every key of the store, with its content."""


@contextmanager
def running(folder: Path, say: Callable[[str], None], **settings: object) -> Iterator[Stack]:
    """A stack whose embedder is the stand-in, entered, and ended afterwards."""
    stack, before = made(folder, **settings), dict(os.environ)
    try:
        stack.up(say)
        stack.enter()
        yield stack
    finally:
        stack.down()
        os.environ.clear()
        os.environ.update(before)


def made(folder: Path, **settings: object) -> Stack:
    """The stack, not started."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {stand_in.__file__} "$@"\n')
    python.chmod(0o755)
    return Stack(folder / "data", replace(Settings.load({}), shard_songs=2, embedder_python=str(python), **settings))


class Chain:
    """The days of a stack: uploads, listens, runs, and what they leave."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.lake = stack, Lake(stack.settings)

    @property
    def api(self) -> AirflowApi:
        """Another one after each start of the stack."""
        return self.stack.api

    def settings(self) -> Settings:
        """With the model that is live, as every command and task has them."""
        return live.resolved(self.stack.settings)

    # --- what the app brings ------------------------------------------------------------------------------------------
    def upload(self, day: str, songs: int = UPLOADS) -> None:
        """Songs, and a listener of each."""
        for number in range(songs):
            self.upload_song(day, number, 300 + 100 * number + int(day[-2:]))
        self.listen(day, songs)

    def upload_song(self, day: str, number: int, hertz: int) -> str:
        """A song, which has the same bytes as every other of that pitch: its id."""
        body = sound("mp3", "-b:a", "64k", source=f"sine={hertz}:duration=4")
        self.lake.objects.put(f"uploads/dt={day}/{day}-{number}.mp3", body)
        return f"{day}-{number}"

    def listen(self, day: str, songs: int) -> None:
        """One listener for each of the day's songs."""
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        plays = [listen(user_id=f"u{n}", track_id=f"{day}-{n}", listened_at=at, played_s=4.0) for n in range(songs)]
        self.lake.objects.put(f"listens/dt={day}/a.parquet", parquet(listens(*plays)))

    # --- what a person does -------------------------------------------------------------------------------------------
    def trigger(self, day: str, dag: str = DAGS[0]) -> str:
        """As the schedule's run is: one of the DAG's own, with the day as its key."""
        body = {"partition_key": day, "logical_date": None}
        return self.api.call("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"]

    def backfill(self, first: str, last: str = "") -> int:
        """The number of the backfill. Airflow refuses one beside another of the same DAG."""
        body = {"dag_id": DAGS[0], "from_date": f"{first}T00:00:00Z", "to_date": f"{last or first}T00:00:00Z"}
        return self.api.call("POST", "/backfills", body | {"max_active_runs": 1, "reprocess_behavior": "completed"})[
            "id"
        ]

    def clear(self, dag: str, run_id: str, **which: object) -> dict:
        """The whole run, or of it `task_ids`. In the moment in which the scheduler cuts a mapped task Airflow answers
        500 (a foreign key of task_instance_history) and clears nothing: then again, as a person would."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "include_downstream": True} | which
        for last in (False, False, True):
            try:
                return self.api.call("POST", f"/dags/{dag}/clearTaskInstances", body)
            except NightjarError as error:
                if last or ": 500 " not in error.message:
                    raise
                time.sleep(1)
        raise AssertionError("unreachable")

    # --- what there is ------------------------------------------------------------------------------------------------
    def all_runs(self, dag: str = "~") -> list[dict]:
        """The newest first; `day` is added to what Airflow tells of each."""
        found: list[dict] = []
        while True:
            page = f"/dags/{dag}/dagRuns?order_by=-id&limit={_RUNS_A_PAGE}&offset={len(found)}"
            runs = self.api.get(page)["dag_runs"]
            found += runs
            if len(runs) < _RUNS_A_PAGE:
                return [run | {"day": run["partition_key"] or (run["conf"] or {}).get("day")} for run in found]

    def runs(self, day: str) -> list[dict]:
        return [run for run in self.all_runs() if run["day"] == day]

    def of(self, day: str, dag: str) -> list[dict]:
        """The runs of one DAG for a day, the newest first."""
        return [run for run in self.runs(day) if run["dag_id"] == dag]

    def tasks(self, run: dict) -> list[dict]:
        return self.api.get(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]

    def found(self) -> Found:
        """Everything in the bucket and in the store but the records of stages, which tell when."""
        with closing(connect(self.stack.settings.kv_url, self.stack.settings.kv_prefix)) as store:
            keys = sorted(store.scan_iter(count=1000))
            objects = {key: body for key, body in contents(self.lake, "").items() if not key.startswith("state/")}
            return objects | dict(zip(map(bytes.decode, keys), store.mget(keys), strict=True))
