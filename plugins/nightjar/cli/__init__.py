"""The command line of a data engineer: `nightjar status | rejects | similar | duplicates | recs | why` and others.

Each command is a module here with `run(settings, arguments) -> Answer`; it is imported only when it is asked for, so
that help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from nightjar.cli.parser import parser
from nightjar.errors import NightjarError

OK, NOT_FOUND, INTERRUPTED = 0, 1, 130
"""Exit codes; 2 is a usage error, as argparse has it."""

_OF_NO_LAKE = {"evaluate", "doctor"}
"""Commands that need nothing to be running."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. What a person can put right is one line on stderr, with the remedy."""
    chosen = parser().parse_args(arguments)
    from nightjar import parts
    from nightjar.settings import Settings

    status = OK
    try:
        if said := parts.take(os.environ):
            print(f"nightjar: {said}", file=sys.stderr)
        settings = Settings.read() if chosen.command == "doctor" else Settings.load()
        if chosen.command not in _OF_NO_LAKE:
            from nightjar.models import live

            settings = live.resolved(settings)
        answer = import_module(f"nightjar.cli.{chosen.command}").run(settings, chosen)
        status = answer.status
        from nightjar.cli import output

        output.write(answer, as_json=chosen.json)
    except NightjarError as error:
        print(f"nightjar: {error}", file=sys.stderr)
        return NOT_FOUND
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, say head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
