"""The demonstration from its first line to its last: parts up, songs in, backfill, report."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.demo.backfill import DAGS, Backfill, Board
from deploy.demo.catalogue import write_catalogue
from deploy.demo.from_folder import from_folder
from deploy.demo.listens import write_listens
from deploy.demo.report import Report
from deploy.demo.truth import TRUTH_FILE, Truth
from deploy.demo.upload import upload
from deploy.embedded.stack import Stack
from nightjar.objects import Objects
from nightjar.settings import Settings
from nightjar.shards import shard_count

_SIGNS = {"": ".", "queued": "queued", "success": "done", "failed": "FAILED"}


@dataclass(frozen=True)
class Demo:
    """What to demonstrate: the composed catalogue, or `limit` songs of the folder `songs`, below `data`."""

    data: Path
    songs: Path | None = None
    limit: int | None = None

    def run(self, console: Console) -> int:
        """Run it all; returns the exit status: 1 where the report does not equal what was planted.

        Whatever ends it before the backfill is through takes the parts down again; its data stays, and the next run
        goes on from there. Raises NightjarError.
        """
        began = time.monotonic()
        truth = self._catalogue(console)
        stack = Stack(self.data, self._settings(truth), pool_slots=os.cpu_count())
        try:
            stack.up(lambda line: console.print(f"  {line}", highlight=False))
            os.environ.update(stack.keys)  # boto3 finds its credentials there, here as everywhere
            written = upload(Objects(stack.settings), self.data / "catalogue", truth)
            console.print(f"{len(truth.uploads)} songs over {len(truth.days)} days, {written} objects uploaded")
            console.print(f"Airflow: [link]{stack.address}[/link]\n")
            backfill = Backfill(stack, truth.days)
            if not backfill.create():
                console.print("an interrupted backfill goes on")
            _show(console, backfill, truth)
        except BaseException:
            console.print("\nstopping everything; the data stays, and make demo goes on from here")
            stack.down()
            raise
        verdict = Report(stack.settings, truth, console).print(backfill.seconds)
        console.print(
            f"\n{time.monotonic() - began:.0f} s in all.  Airflow: {stack.address}   "
            "Ask further: .venv/bin/nightjar status   Stop: make stop",
            highlight=False,
        )
        return 1 if verdict and verdict.mistakes else 0

    def _catalogue(self, console: Console) -> Truth:
        directory = self.data / "catalogue"
        if (directory / TRUTH_FILE).exists() and self.songs is None:
            truth = Truth.read(directory)
        elif self.songs is None:
            console.print("composing songs, and who listens to them")
            truth = write_catalogue(directory)
        else:
            truth = from_folder(self.songs, directory, limit=self.limit)
        write_listens(directory, truth)
        return truth

    def _settings(self, truth: Truth) -> Settings:
        """This environment's settings, with shards so small that a day keeps every core busy."""
        largest = max(sum(upload.day == day for upload in truth.uploads) for day in truth.days)
        chosen = {"NIGHTJAR_SHARD_SONGS": str(shard_count(largest, os.cpu_count() or 1))} | dict(os.environ)
        return Settings.load(chosen)


def _show(console: Console, backfill: Backfill, truth: Truth) -> None:
    """One line whenever something changes: what each day is at."""
    before: Board = {}
    began = time.monotonic()
    for board in backfill.watch():
        for day in truth.days:
            cells = [board[dag, day] for dag in DAGS]
            if cells != [before.get((dag, day)) for dag in DAGS] and any(cell.state for cell in cells):
                states = [
                    f"{dag.split('_')[0]} {_SIGNS.get(cell.state) or f'{cell.done}/{cell.tasks}'}"
                    for dag, cell in zip(DAGS, cells, strict=True)
                ]
                elapsed = time.monotonic() - began
                console.print(f"{elapsed:5.0f} s  {day}  {'  '.join(states)}", highlight=False, soft_wrap=True)
        before = board
