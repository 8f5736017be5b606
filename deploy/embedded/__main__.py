"""`python -m deploy.embedded up|down|status|airflow [--data DIR]`: the embedded parts on the command line.

`airflow` runs an Airflow command on the running parts: `python -m deploy.embedded airflow dags list`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy.embedded.service import executable
from deploy.embedded.stack import HOME, Stack
from nightjar.errors import NightjarError
from nightjar.settings import Settings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="data directory; the one started last if not given")
    parser.add_argument("command", choices=("up", "down", "status", "airflow"))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for airflow: its own arguments")
    asked = parser.parse_args(arguments)
    data = asked.data or (HOME / "current" if (HOME / "current").exists() else HOME / "demo")
    try:
        return _run(asked.command, data, asked.arguments)
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1


def _run(command: str, data: Path, arguments: list[str]) -> int:
    if command in ("down", "status") and not data.exists():
        print("nothing was ever started")
        return 0
    stack = Stack(data, Settings.load(dict(os.environ)))
    if command == "up":
        stack.up(print)
        print(f"Airflow: {stack.address}   data: {stack.data}   stop: make stop")
    elif command == "down":
        stack.down(print)
    elif command == "status":
        for name, pid, log in stack.status():
            print(f"{name:<22} {f'process {pid}' if pid else 'does not run':<16} {log}")
        return 0 if all(pid for _, pid, _ in stack.status()) else 3
    else:
        os.execve(executable("airflow"), ["airflow", *arguments], stack.command_environment)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
