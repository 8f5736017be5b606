"""`python -m deploy.embedded up|down|status|airflow [--data DIR]`: the embedded parts on the command line.

`airflow` runs an Airflow command on the running parts: `python -m deploy.embedded airflow dags list`. Without --data,
`down` ends whatever was started below .nightjar, and the others mean what was started last.
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

_QUIET = {"PYTHONWARNINGS": "ignore"}
"""Airflow's own use of its packages is nothing that the person who types a command can mend."""


def main(arguments: list[str]) -> int:
    at = arguments.index("airflow") if "airflow" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down", "status", "airflow"))
    parser.add_argument("--data", type=Path)
    asked = parser.parse_args(arguments[: at + 1])
    known = sorted({path.parent.resolve() for path in HOME.glob("*/private.json")})
    last = HOME / "current" if (HOME / "current").exists() else HOME / "demo"
    try:
        if asked.command == "down":
            for data in [asked.data] if asked.data else known:
                Stack(data).down(print)
            return 0
        stack = Stack(asked.data or last, Settings.load(dict(os.environ)))
        if asked.command == "status":
            return _status(stack)
        if asked.command == "airflow":
            os.execve(executable("airflow"), ["airflow", *arguments[at + 1 :]], stack.command_environment | _QUIET)
        stack.up(print)
        print(f"Airflow: {stack.address}   data: {stack.data}   stop: make stop")
        return 0
    except NightjarError as error:
        print(error, file=sys.stderr)
        return 1


def _status(stack: Stack) -> int:
    """Print what runs; returns 0 if everything does, else 3, as init scripts have it."""
    services = stack.status()
    for name, pid, log in services:
        print(f"{name:<22} {f'process {pid}' if pid else 'does not run':<16} {log}")
    return 0 if all(pid for _, pid, _ in services) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
