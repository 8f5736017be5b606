"""`python -m deploy.demo [--songs DIR] [--limit N]`: three days of songs through the whole system."""

from __future__ import annotations

import argparse
import hashlib
import signal
import sys
from pathlib import Path

from rich.console import Console

from deploy.demo.run import Demo
from deploy.embedded.stack import HOME
from nightjar.errors import NightjarError

_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, help="a folder of music; without it the songs are composed")
    parser.add_argument("--limit", type=int, help="so many of the folder's songs at most")
    parser.add_argument("--data", type=Path, help="data directory; one below .nightjar for each catalogue otherwise")
    asked = parser.parse_args(arguments)
    if asked.limit is not None and (asked.limit < 1 or asked.songs is None):
        parser.error("--limit is a number of songs from 1, and goes with --songs")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended kindly is ended like Ctrl-C
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        return Demo(asked.data or _place(asked.songs, asked.limit), asked.songs, asked.limit).run(console)
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _place(songs: Path | None, limit: int | None) -> Path:
    """A data directory of its own for each catalogue, so that two never mix."""
    if songs is None:
        return HOME / "demo"
    name = f"{songs.resolve()} {limit}"
    return HOME / f"songs-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
