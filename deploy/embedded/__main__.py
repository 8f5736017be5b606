"""`python -m deploy.embedded up|down|status|airflow|scratch [--data DIR]`: the embedded parts on the command line.

`airflow` runs an Airflow command on the running parts: `python -m deploy.embedded airflow dags list`. Without --data,
`down` ends whatever was started below .nightjar, and the others mean what was started last. `scratch -- COMMAND...`
runs a command with an object store and a Milvus Lite of its own, which are gone when it ends.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy.embedded import folders, scratch
from deploy.embedded.service import executable
from deploy.embedded.stack import HOME, NOTED, Stack
from nightjar.errors import NightjarError
from nightjar.settings import Settings

_QUIET = {"PYTHONWARNINGS": "ignore"}
"""Airflow's own use of its packages is nothing that the person who types a command can mend."""


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["scratch"]:
        return _scratch(arguments[1:])
    at = arguments.index("airflow") if "airflow" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down", "status", "airflow", "scratch"))
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args(arguments[: at + 1])
    started = sorted({path.parent.resolve() for path in HOME.glob(f"*/{NOTED}")})
    last = HOME / "current" if (HOME / "current").exists() else HOME / "demo"
    try:
        if asked.command == "down":
            stopped: list[str] = []
            for data in [_known(asked.data)] if asked.data else started:
                Stack(data).down(lambda line: (stopped.append(line), print(line)))
            if not stopped:
                print("nothing was running")
            return 0
        data = asked.data or last
        stack = Stack(data if asked.command == "up" else _known(data), Settings.load(dict(os.environ)))
        if asked.command == "status":
            return _status(stack)
        if asked.command == "airflow":
            os.execve(executable("airflow"), ["airflow", *arguments[at + 1 :]], stack.command_environment | _QUIET)
        stack.up(print)
        print(f"Airflow: {stack.page}   data: {stack.data}   stop: make stop")
        return 0
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1


def _known(data: Path) -> Path:
    return folders.known(data, NOTED, f".venv/bin/python -m deploy.embedded up --data {data}")


def _scratch(arguments: list[str]) -> int:
    """Run the command after the dashes in a scratch space; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded scratch", description=scratch.__doc__)
    parser.add_argument("command", nargs="+", help="what to run, after --")
    command = parser.parse_args(arguments).command
    try:
        return scratch.run(command, Settings.load(dict(os.environ)))
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1


def _status(stack: Stack) -> int:
    """Print what runs; returns 0 if everything does, else 3, as init scripts have it."""
    services = stack.status()
    for name, pid, log in services:
        print(f"{name:<22} {f'process {pid}' if pid else 'does not run':<16} {log}")
    print(f"Airflow: {stack.page}")
    return 0 if all(pid for _, pid, _ in services) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
