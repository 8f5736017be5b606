"""`python -m deploy.demo [--songs DIR] [--limit N]`: what `make demo` runs."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

from rich.console import Console

from deploy.demo.run import Plan, run
from deploy.embedded.stack import Stack
from nightjar.errors import NightjarError

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--songs", type=Path, metavar="DIR", help="a folder of your own music, in any format")
    parser.add_argument("--limit", type=int, metavar="N", help="take only N of its files")
    asked = parser.parse_args(arguments)
    plan = Plan(asked.songs, asked.limit)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    console = Console(highlight=False)
    for ending in _ENDINGS:  # also where a shell started us with SIGINT ignored
        signal.signal(ending, _interrupted)
    try:
        return 0 if run(plan, console) else 1
    except NightjarError as error:
        console.print(f"\n[bold red]{error.message}[/]", soft_wrap=True)
        console.print(error.remedy, markup=False, soft_wrap=True)
        console.print("What runs goes on running; make stop ends it, make demo goes on from here")
        return 1
    except KeyboardInterrupt:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        console.print("\nInterrupted: ending everything. What was done is kept; make demo goes on from here")
        if plan.data.exists():
            Stack(plan.data).down(console.print)
        return 130


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
