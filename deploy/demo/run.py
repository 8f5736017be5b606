"""The demonstration from beginning to end: parts up, songs in, a backfill of three days, its report."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from deploy.demo.catalogue import write_catalogue
from deploy.demo.from_folder import EXTENSIONS, from_folder, left_out
from deploy.demo.kept import kept_or_made
from deploy.demo.listens import write_listens
from deploy.demo.nights import Nights
from deploy.demo.progress import Progress
from deploy.demo.report import Report
from deploy.demo.truth import Truth
from deploy.demo.upload import upload
from deploy.embedded.stack import HOME, Stack
from nightjar.objects import Objects
from nightjar.settings import Settings
from nightjar.shards import shard_count

CORES = len(os.sched_getaffinity(0))

_HOURS = 3600.0


@dataclass(frozen=True)
class Plan:
    """What to demonstrate on: `limit` files of a folder of music, or with None the composed catalogue; and where."""

    data: Path
    music: Path | None = None
    limit: int | None = None

    def catalogue(self) -> tuple[Path, Truth, bool]:
        """Write the catalogue and its listens: the same bytes every time. Returns where, what is known of it, and
        whether its songs were composed before."""
        directory, kept = self.data / "catalogue", False
        if self.music is None:
            directory.mkdir(parents=True, exist_ok=True)
            truth, kept = kept_or_made(directory, write_catalogue)
        else:
            truth = from_folder(self.music, directory, limit=self.limit)
        write_listens(directory, truth)
        return directory, truth, kept


def settings_for(truth: Truth) -> Settings:
    """Shards such that each core has one a day: a shard's fixed cost is loading the models."""
    busiest = max(sum(upload.day == day for upload in truth.uploads) for day in truth.days)
    own = Settings.load(dict(os.environ))
    return replace(own, shard_songs=min(own.shard_songs, shard_count(busiest, CORES)))


def run(plan: Plan, console: Console) -> bool:
    """Demonstrate; returns whether what was found is what was planted (True where nothing is known).

    Leaves the parts running. Raises NightjarError if something fails.
    """
    begun = time.monotonic()
    with _step(console, "Songs"):
        directory, truth, kept = plan.catalogue()
        composed = ", as they were composed before" if kept else ""
        console.print(f"{len(truth.uploads)} uploads over {len(truth.days)} days in {directory}{composed}")
        if plan.music and (others := left_out(plan.music)):
            console.print(f"{others} other files left out: a name must end in {', '.join(sorted(EXTENSIONS))}")
    stack = Stack(plan.data, settings_for(truth), CORES)
    with _step(console, "Starting the parts"):
        stop_others(stack, console)
        stack.up(console.print)
    stack.enter()
    with _step(console, "Uploading"):
        written = upload(Objects(stack.settings), directory, truth)
        console.print(f"{written}; what was there already is left alone")
    nights = Nights(stack, truth.days)
    with _step(console, "Backfill"):
        console.print("$ " + " ".join(nights.command), soft_wrap=True)
        if not nights.begin():
            console.print("An earlier one was interrupted: it goes on")
        console.print(f"Watch it at {stack.page}", markup=False)
        with Progress(console, directory, truth, Objects(stack.settings), stack.settings.separator) as progress:
            nights.watch(progress.show, within_s=12 * _HOURS)
    verdict = Report(stack.settings, truth, console).print(nights.seconds())
    console.print(f"\nTook {time.monotonic() - begun:.0f} s. It goes on running:")
    console.print(f"  Airflow       {stack.page}", markup=False)
    console.print("  command line  .venv/bin/nightjar status, .venv/bin/nightjar recs user-01")
    console.print("  your upload   docs/demonstration.md")
    console.print("  stop          make stop")
    return verdict is None or not verdict.mistakes


def stop_others(stack: Stack, console: Console) -> None:
    """End what runs for another catalogue: two would share the cores and the memory of one machine."""
    for private in HOME.glob("*/private.json"):
        if private.parent.resolve() != stack.data:
            Stack(private.parent).down(console.print)


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    console.print(f"\n[bold]{title}[/]")
    begun = time.monotonic()
    yield
    console.print(f"[dim]{title}: {time.monotonic() - begun:.0f} s[/]")
