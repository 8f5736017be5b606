"""Somebody who does to the chain whatever Airflow lets them do, at any moment and in any order, chosen by a seed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.demo.nights import DAGS
from deploy.embedded import processes
from deploy.embedded.airflow import Scheduler
from nightjar.cli import rerun
from nightjar.converge.stages import CHAIN, INGEST, SWEEP
from nightjar.errors import NightjarError
from nightjar.takedowns import steps as takedowns
from tests.end_to_end.chain import UPLOADS, Chain

PATIENCE_S = 12.0
"""At most so long nothing is done between two actions."""
_LATE = 2
"""Songs that may come late to a day."""


class Operator:
    """Acts on some days of a chain. What Airflow refuses was an action too."""

    def __init__(self, chain: Chain, days: Sequence[str], seed: int) -> None:
        self.chain, self.days, self.random = chain, list(days), random.Random(seed)
        self.songs = dict.fromkeys(days, UPLOADS)
        self.late: set[str] = set()
        """Days with uploads that no run was asked to take in."""
        self.forgotten: set[str] = set()
        self._backfills: list[int] = []
        self._paused: set[str] = set()

    def begin(self) -> None:
        """Upload the days' songs, and ask for each day once. The first song of a day is that of the day before."""
        for at, day in enumerate(self.days):
            for number in range(UPLOADS):
                self.chain.upload_song(day, number, self._hertz(at, number))
            self.chain.listen(day, UPLOADS)
            self._rerun(day, INGEST)

    def act(self) -> str:
        """Wait a moment, do something, and tell what."""
        time.sleep(self.random.uniform(0, PATIENCE_S))
        actions = {
            self._trigger: 3,
            self._backfill: 2,
            self._cancel: 1,
            self._pause: 2,
            self._unpause: 2,
            self._clear_run: 2,
            self._clear_task: 3,
            self._delete: 2,
            self._mark_run: 2,
            self._mark_task: 2,
            self._upload: 2,
            self._ask_again: 2,
            self._take_down: 1,
            self._kill_task: 2,
            self._kill_scheduler: 1,
            self._restart: 0.5,
        }
        (action,) = self.random.choices(list(actions), list(actions.values()))
        name = action.__name__.strip("_").replace("_", " ")
        try:
            return f"{name}: {action()}"
        except NightjarError as refused:
            return f"{name}: {refused.message[:160]}"

    def leave(self) -> None:
        """The last actions: nothing stays paused, what `nightjar status` calls late is taken in, and a night comes that
        purges what is taken down."""
        for dag in sorted(self._paused):
            self._set_paused(dag, False)
        for day in sorted(self.late):
            self._rerun(day, INGEST)
        if self.forgotten:
            self._rerun(self.days[-1], SWEEP)

    # --- runs ---------------------------------------------------------------------------------------------------------
    def _trigger(self) -> str:
        day, dag = self.random.choice(self.days), self.random.choice(DAGS)
        return self.chain.trigger(day, dag) and f"{dag} {day}"

    def _backfill(self) -> str:
        first, last = sorted(self.random.choices(self.days, k=2))
        self._backfills.append(self.chain.backfill(first, last))
        return f"{first} to {last}"

    def _cancel(self) -> str:
        """The backfill that was created last, or one that goes on for a moment."""
        said = "" if self._backfills else f"{self._backfill()}, "
        time.sleep(self.random.uniform(0, PATIENCE_S))
        self.chain.api.call("PUT", f"/backfills/{self._backfills[-1]}/cancel", {})
        return f"{said}number {self._backfills.pop()}"

    def _pause(self) -> str:
        dag = self.random.choice(DAGS)
        self._set_paused(dag, True)
        return dag

    def _unpause(self) -> str:
        if not self._paused:
            return "nothing is paused"
        dag = self.random.choice(sorted(self._paused))
        self._set_paused(dag, False)
        return dag

    def _set_paused(self, dag: str, paused: bool) -> None:
        self.chain.api.call("PATCH", f"/dags/{dag}", {"is_paused": paused})
        self._paused = self._paused | {dag} if paused else self._paused - {dag}

    def _clear_run(self) -> str:
        run = self._run()
        self.chain.clear(run["dag_id"], run["dag_run_id"])
        return _named(run)

    def _clear_task(self) -> str:
        """One task, or one index of a mapped one, with what follows it or without."""
        run = self._run()
        task = self._task(run)
        which = task["task_id"] if task["map_index"] < 0 else [task["task_id"], task["map_index"]]
        downstream = self.random.random() < 0.5
        self.chain.clear(run["dag_id"], run["dag_run_id"], task_ids=[which], include_downstream=downstream)
        return f"{_named(run)} {which}{' and what follows' if downstream else ''}"

    def _delete(self) -> str:
        """Airflow refuses to delete one that runs."""
        run = self._run(("success", "failed"))
        self.chain.api.call("DELETE", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}")
        return _named(run)

    def _mark_run(self) -> str:
        run, state = self._run(), self.random.choice(("failed", "success"))
        self.chain.api.call("PATCH", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": state})
        return f"{_named(run)} {state}"

    def _mark_task(self) -> str:
        run, state = self._run(), self.random.choice(("failed", "success"))
        task = self._task(run)
        place = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task['task_id']}"
        place += f"/{task['map_index']}" if task["map_index"] >= 0 else ""
        self.chain.api.call("PATCH", place, {"new_state": state})
        return f"{_named(run)} {task['task_id']} {task['map_index']} {state}"

    def _run(self, rather: tuple[str, ...] = ("queued", "running")) -> dict:
        """One of the days' runs, rather one in such a state; waits for the first."""
        while not (runs := [run for run in self.chain.all_runs() if run["day"] in self.days]):
            time.sleep(0.5)
        wanted = [run for run in runs if run["state"] in rather]
        return self.random.choice(wanted if wanted and self.random.random() < 0.6 else runs)

    def _task(self, run: dict) -> dict:
        """One of its tasks, rather an index of a mapped one."""
        tasks = self.chain.tasks(run)
        if not tasks:
            raise NightjarError("the run has no task yet", "Wait for one")
        mapped = [task for task in tasks if task["map_index"] >= 0]
        return self.random.choice(mapped if mapped and self.random.random() < 0.5 else tasks)

    # --- the app and the command line ---------------------------------------------------------------------------------
    def _upload(self) -> str:
        """A song that comes late."""
        day = self.random.choice(self.days)
        number = self.songs[day]
        if number >= UPLOADS + _LATE:
            return "none is left"
        self.songs[day] += 1
        self.late.add(day)
        return self.chain.upload_song(day, number, self._hertz(self.days.index(day), number))

    def _ask_again(self) -> str:
        day, stage = self.random.choice(self.days), self.random.choice(CHAIN)
        self._rerun(day, stage)
        return f"{day} from {stage}"

    def _rerun(self, day: str, stage: str) -> None:
        """`nightjar rerun DAY --from STAGE`, where no command of Airflow's is at hand: `converge` comes by itself."""
        settings = replace(self.chain.settings(), airflow="false")
        rerun.run(settings, Namespace(day=day, since=stage))
        if stage == INGEST:
            self.late.discard(day)

    def _take_down(self) -> str:
        day = self.random.choice(self.days)
        song = f"{day}-{self.random.randrange(self.songs[day])}"
        takedowns.forget(self.chain.settings(), [song])
        self.forgotten.add(song)
        return song

    def _hertz(self, day: int, number: int) -> int:
        """The first song of each day, and the first that comes late, are the same everywhere."""
        return 300 + 100 * number + (0 if number in (0, UPLOADS) else 10 * day)

    # --- processes ----------------------------------------------------------------------------------------------------
    def _kill_task(self) -> str:
        """SIGKILL to the process of a task that runs, with its children."""
        deadline = time.monotonic() + PATIENCE_S
        while not (tasks := [each for each in processes.descendants(self._scheduler.process) if _is_task(each.pid)]):
            if time.monotonic() > deadline:
                return "none runs"
            time.sleep(0.1)
        chosen = self.random.choice(tasks)
        for each in [*processes.descendants(chosen), chosen]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        return str(chosen.pid)

    def _kill_scheduler(self) -> str:
        """SIGKILL, and a new one, as whatever watches over it does."""
        scheduler = self._scheduler
        os.kill(scheduler.process.pid, signal.SIGKILL)
        while scheduler.process:
            time.sleep(0.1)
        scheduler.start()
        scheduler.wait()
        return "and started"

    def _restart(self) -> str:
        self.chain.stack.down()
        self.chain.stack.up()
        return "everything"

    @property
    def _scheduler(self) -> Scheduler:
        return next(each for each in self.chain.stack.services if isinstance(each, Scheduler))


def _is_task(pid: int) -> bool:
    """Whether a process is a task's, as Airflow names its processes."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return title.startswith(b"airflow worker -- ") and b"LocalExecutor" not in title


def _named(run: dict) -> str:
    return f"{run['dag_id']} {run['day']} ({run['run_type']}, {run['state']})"
