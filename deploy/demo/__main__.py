"""`python -m deploy.demo [--songs DIR] [--limit N]`: what `make demo` runs."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.demo.run import Plan, run
from deploy.embedded import folders
from deploy.embedded.stack import HOME, Stack
from nightjar.errors import NightjarError

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--songs", type=Path, metavar="DIR", help="a folder of your own music, in any format")
    parser.add_argument("--limit", type=int, metavar="N", help="take only N of its files")
    parser.add_argument("--data", type=Path, help="data directory; one below .nightjar for each catalogue otherwise")
    asked = parser.parse_args(arguments)
    if asked.limit is not None and (asked.limit < 1 or asked.songs is None):
        parser.error("LIMIT (--limit) is a number of songs from 1, and goes with SONGS (--songs)")
    plan = Plan(asked.data or _place(asked.songs, asked.limit), asked.songs, asked.limit)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    for ending in _ENDINGS:  # also where a shell started us with SIGINT ignored
        signal.signal(ending, _interrupted)
    try:
        with _alone():
            return _demonstrate(plan, console)
    except NightjarError as error:
        console.print(f"\n[bold red]{escape(error.message)}[/]", soft_wrap=True)
        console.print(error.remedy, markup=False, soft_wrap=True)
        return 1


def _demonstrate(plan: Plan, console: Console) -> int:
    """Run the demonstration; returns the exit code. Raises NightjarError, having said what still runs."""
    before = folders.stopped(plan.data)
    try:
        return 0 if run(plan, console) else 1
    except NightjarError as error:
        if folders.stopped(plan.data) != before:
            raise NightjarError(
                "everything was stopped while the demonstration ran (make stop)", "make demo goes on where it was"
            ) from error
        if plan.data.exists() and any(pid for _, pid, _ in Stack(plan.data).status()):
            going_on = "What runs goes on running; make stop ends it, make demo goes on from here"
            raise NightjarError(error.message, f"{error.remedy}\n{going_on}") from error
        raise
    except KeyboardInterrupt:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        console.print("\nInterrupted: ending everything. What was done is kept; make demo goes on from here")
        if plan.data.exists():
            Stack(plan.data).down(console.print)
        return 130


@contextmanager
def _alone() -> Iterator[None]:
    """Raises NightjarError while another demonstration is under way: each of the two would end the other's parts."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NightjarError(
                "another make demo is under way here",
                "Let it end, or end it with Ctrl-C where it runs; a second clone may run one at the same time",
            ) from None
        yield


def _place(songs: Path | None, limit: int | None) -> Path:
    """A data directory for each catalogue: so they never mix, and a second run goes on with the first one's days."""
    if songs is None:
        return HOME / "demo"
    name = f"{songs.resolve()} {limit}"
    return HOME / f"songs-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
