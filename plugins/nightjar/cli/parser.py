"""What can be typed after `nightjar`."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from typing import NoReturn

from nightjar import days
from nightjar.errors import NightjarError
from nightjar.thresholds import MAX_SHOWN

_ABOUT = """\
Looks into what Nightjar's nights have made of uploads and listens. A DAY is YYYY-MM-DD, in UTC.

Settings are read from NIGHTJAR_* variables, credentials from AWS_*; without any address among them, the parts that
`make demo` started are asked. Exit codes: 0 found, 1 not found or not possible, 2 wrong usage.
"""


class _Parser(argparse.ArgumentParser):
    """Suggests what an unknown command may have meant."""

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"argument COMMAND: invalid choice: '([^']*)'", message)
        near = get_close_matches(typed[1], _COMMANDS, n=1) if typed else []
        meant = f"; did you mean {near[0]}?" if near else ""
        self.exit(2, f"{self.prog}: {message}{meant}\nTry: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser; `command` names the module that answers."""
    made = _Parser("nightjar", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # before the command, as some type it
    every = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    every.add_argument("--json", action="store_true", help="print JSON with stable keys instead of tables")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (what, add_arguments) in _COMMANDS.items():
        about = f"{what[0].upper()}{what[1:]}."
        add_arguments(commands.add_parser(name, help=what, description=about, parents=[every]))
    return made


def _status(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "day", nargs="?", type=_day, metavar="DAY", help="one day in detail; without it, a line for each"
    )
    command.add_argument("--last", type=_positive, default=31, metavar="N", help="so many days at most (default 31)")


def _one_day(command: argparse.ArgumentParser) -> None:
    command.add_argument("day", type=_day, metavar="DAY")


def _similar(command: argparse.ArgumentParser) -> None:
    command.add_argument("track", metavar="TRACK", help="a track id")
    command.add_argument(
        "--limit", type=_positive, default=10, metavar="N", help=f"so many songs, at most {MAX_SHOWN} (default 10)"
    )


def _duplicates(command: argparse.ArgumentParser) -> None:
    command.add_argument("track", nargs="?", metavar="TRACK", help="only what concerns this track")


def _recs(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument("user", nargs="?", metavar="USER", help="a user id as in the listens")
    who.add_argument("--new-users", action="store_true", help="the list of users without a history")
    _list_day(command)


def _why(command: argparse.ArgumentParser) -> None:
    command.add_argument("user", metavar="USER", help="a user id as in the listens")
    command.add_argument("track", metavar="TRACK", help="a track id")
    _list_day(command)


def _publish(command: argparse.ArgumentParser) -> None:
    command.add_argument("day", type=_day, metavar="DAY")
    command.add_argument("--accept-fewer", action="store_true", help="also if it is much poorer than what is live")


def _list_day(command: argparse.ArgumentParser) -> None:
    command.add_argument("--day", type=_day, metavar="DAY", help="the list of that day (default: the newest)")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SHOWN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MAX_SHOWN}")
    return int(text)


def _day(text: str) -> str:
    try:
        return days.parse(text)
    except NightjarError as error:
        raise argparse.ArgumentTypeError(f"{error.message}: write it like 2026-11-20") from error


_COMMANDS = {
    "status": ("what each day has come to, or one day in detail", _status),
    "rejects": ("what was turned away on a day, and why", _one_day),
    "similar": ("the songs that sound most like one", _similar),
    "duplicates": ("pairs and groups of copies, fragments and covers, with the evidence", _duplicates),
    "recs": ("a user's list, with the reason for each song", _recs),
    "why": ("why a song is, or is not, on a user's list", _why),
    "publish": ("show the app a day's lists as they are in the lake, where the night would not", _publish),
    "refreeze": ("forget which uploads a day was frozen with, so that the next run takes in late ones", _one_day),
}
