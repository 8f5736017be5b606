"""Progress of the nights: a table that changes in place on a terminal, a line for each change anywhere else."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.demo.nights import DAGS, Run
from deploy.demo.truth import Truth
from nightjar.objects import Objects

_COLOURS = {"success": "green", "running": "yellow", "queued": "cyan", "failed": "bold red"}
_SAY_AT_LEAST_EVERY_S = 30.0


class Progress:
    """Shows each DAG's state for each day, and how many songs are separated by now.

    Uploads that are rejected, and the second of two with the same bytes, are never separated.
    """

    def __init__(self, console: Console, directory: Path, truth: Truth, objects: Objects, separator: str) -> None:
        """`directory` has the uploads' files: stems are stored by the bytes that they were made of."""
        self._console, self._days, self._objects = console, truth.days, objects
        self._uploads = len(truth.uploads)
        self._files = {_digest(directory / upload.key) for upload in truth.uploads}
        self._stems = f"stems/{separator}/"
        self._began = self._said = time.monotonic()
        self._last: dict[tuple[str, str], str] = {}
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, states: dict[tuple[str, str], Run]) -> None:
        songs = len(self._files.intersection(self._objects.folders(self._stems)))
        if self._live:
            self._live.update(self._table(states, songs), refresh=True)
        else:
            self._lines(states, songs)

    def _line(self, songs: int) -> str:
        return f"{time.monotonic() - self._began:4.0f} s  {songs} songs separated, of {self._uploads} uploads"

    def _table(self, states: dict[tuple[str, str], Run], songs: int) -> Table:
        table = Table("", *self._days, box=None, caption=self._line(songs), caption_justify="left")
        for dag in DAGS:
            shown = [states[dag, day].state for day in self._days]
            table.add_row(dag, *(f"[{_COLOURS.get(state, 'dim')}]{state}[/]" for state in shown))
        return table

    def _lines(self, states: dict[tuple[str, str], Run], songs: int) -> None:
        now = {at: run.state for at, run in states.items()}
        changes = [f"{dag} {day} {now[dag, day]}" for dag, day in now if self._last.get((dag, day)) != now[dag, day]]
        changes = [change for change in changes if self._last or not change.endswith("waiting")]
        if changes or time.monotonic() - self._said > _SAY_AT_LEAST_EVERY_S:
            self._said = time.monotonic()
            self._console.print(f"{self._line(songs)}  {'; '.join(changes)}", highlight=False, soft_wrap=True)
        self._last = now


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
