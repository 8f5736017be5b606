"""What can be typed after `nightjar`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn

from nightjar.cli import values
from nightjar.cli.evaluations import EVALUATIONS
from nightjar.converge.stages import CHAIN
from nightjar.ingest.names import user_id
from nightjar.thresholds import MAX_SHOWN

_ABOUT = """\
Looks into what Nightjar's nights have made of uploads and listens. A DAY is YYYY-MM-DD, in UTC.

Settings are read from NIGHTJAR_* variables, credentials from AWS_*; without any address among them, the parts that
`make demo` started are asked. Exit codes: 0 found, 1 not found or not possible, 2 wrong usage.
"""


class _Parser(argparse.ArgumentParser):
    """Suggests what an unknown command may have meant; a command may have a `check` of all its arguments together."""

    check: Callable[[argparse.Namespace], str | None] = staticmethod(lambda found: None)
    """Says what is wrong, or nothing; it may add to what was found."""

    def parse_known_args(self, args=None, namespace=None):
        found, rest = super().parse_known_args(args, namespace)
        if rest:  # said here, the command that was not understood is named, and its own help
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        if wrong := self.check(found):
            self.error(wrong)
        return found, rest

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"argument COMMAND: invalid choice: '([^']*)'", message)
        near = get_close_matches(typed[1], _COMMANDS, n=1) if typed else []
        meant = f"; did you mean {near[0]}?" if near else ""
        self.exit(2, f"{self.prog}: {message}{meant}\nTry: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser; `command` names the module that answers."""
    made = _Parser("nightjar", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # before the command, as some type it
    _add_commands(made, "command", "COMMAND", _COMMANDS)
    return made


def _add_commands(to: argparse.ArgumentParser, dest: str, metavar: str, commands: dict) -> None:
    """Commands by name, each with what it does and what adds its arguments; all take --json."""
    every = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    every.add_argument("--json", action="store_true", help="print JSON with stable keys instead of tables")
    added = to.add_subparsers(dest=dest, required=True, metavar=metavar)
    for name, (what, add_arguments) in commands.items():
        about = f"{what[0].upper()}{what[1:]}."
        add_arguments(added.add_parser(name, help=what, description=about, parents=[every]))


def _status(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "day", nargs="?", type=values.day, metavar="DAY", help="one day in detail; without it, a line for each"
    )
    command.add_argument(
        "--last", type=values.positive, default=31, metavar="N", help="so many days at most (default 31)"
    )
    command.add_argument("--check", action="store_true", help="for monitors: exit with 1 if anything is unfinished")


def _nothing(command: argparse.ArgumentParser) -> None:
    """A command without arguments of its own."""


def _one_day(command: argparse.ArgumentParser) -> None:
    command.add_argument("day", type=values.day, metavar="DAY")


def _rerun(command: argparse.ArgumentParser) -> None:
    _one_day(command)
    command.add_argument(
        "--from",
        dest="since",
        choices=CHAIN,
        default=CHAIN[0],
        metavar="STAGE",
        help=f"the first stage that is made again: {', '.join(CHAIN)} (default {CHAIN[0]})",
    )


def _similar(command: argparse.ArgumentParser) -> None:
    command.add_argument("track", metavar="TRACK", help="a track id")
    command.add_argument(
        "--limit",
        type=values.positive,
        default=10,
        metavar="N",
        help=f"so many songs, at most {MAX_SHOWN} (default 10)",
    )


def _duplicates(command: argparse.ArgumentParser) -> None:
    command.usage = "%(prog)s [TRACK] [--json]\n       %(prog)s explain A B [--out FILE.png] [--json]"
    command.add_argument(
        "words", nargs="*", metavar="TRACK", help="only what concerns this track; explain A B looks at one pair"
    )
    command.add_argument("--out", metavar="FILE.png", help="where the picture of the pair goes (default: ./A-B.png)")
    command.check = _track_or_pair


def _track_or_pair(found: argparse.Namespace) -> str | None:
    """Sets `track` and `pair`. A track may be called explain: only as the first of three words it is none."""
    found.track, found.pair = None, None
    if len(found.words) == 3 and found.words[0] == "explain":
        found.pair = found.words[1:]
    elif len(found.words) > 1:
        return f"not understood: {' '.join(found.words)}; write one TRACK, or explain A B"
    elif found.out:
        return "argument --out: the picture is of a pair, write explain A B"
    else:
        found.track = next(iter(found.words), None)
    return None


def _recs(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument("user", nargs="?", type=user_id, metavar="USER", help="a user id as in the listens")
    who.add_argument("--new-users", action="store_true", help="the list of users without a history")
    _list_day(command)


def _why(command: argparse.ArgumentParser) -> None:
    command.add_argument("user", type=user_id, metavar="USER", help="a user id as in the listens")
    command.add_argument("track", metavar="TRACK", help="a track id")
    _list_day(command)


def _publish(command: argparse.ArgumentParser) -> None:
    command.usage = "%(prog)s DAY [--accept] [--json]\n       %(prog)s (--rollback | --to VERSION) [--json]"
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("day", nargs="?", type=values.day, metavar="DAY", help="the day whose lists are published")
    what.add_argument("--rollback", action="store_true", help="go back to the version that was live before")
    what.add_argument("--to", metavar="VERSION", help="go to a version that the store still holds")
    command.add_argument("--accept", action="store_true", help="also if the night kept it back: it is right as it is")
    command.check = _accepted_of_a_day


def _accepted_of_a_day(found: argparse.Namespace) -> str | None:
    wrong = found.accept and found.day is None
    return "argument --accept: it belongs to a DAY; a version in the store was accepted before" if wrong else None


def _forget(command: argparse.ArgumentParser) -> None:
    command.usage = "%(prog)s [--track ID ...] [--user ID ...] [--json]"
    for name, what in (("track", "a song"), ("user", "a user, with their songs and listens")):
        command.add_argument(
            f"--{name}", nargs="+", action="extend", default=[], metavar="ID", help=f"{what} to be forgotten"
        )
    command.check = _somebody


def _somebody(found: argparse.Namespace) -> str | None:
    return None if found.track or found.user else "whom? Write --track ID or --user ID"


def _model(command: argparse.ArgumentParser) -> None:
    _add_commands(command, "asked", "WHAT", _MODELS)


def _model_fill(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", type=values.model_name, metavar="NAME", help="a model that the embedder makes")
    command.add_argument("--from", dest="first", type=values.day, metavar="DAY", help="the first day (default: of all)")
    command.add_argument("--to", dest="last", type=values.day, metavar="DAY", help="the last day (default: of all)")
    command.add_argument(
        "--only-embed", action="store_true", help="no loading and no sweep, which must not run side by side"
    )


def _model_compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("a", type=values.model_name, metavar="A", help="a model, say the live one")
    command.add_argument("b", type=values.model_name, metavar="B", help="another one")
    command.add_argument("--day", type=values.day, metavar="DAY", help="whose lists (default: the newest day of both)")
    command.add_argument(
        "--users", type=values.positive, default=200, metavar="N", help="so many listeners (default 200)"
    )


def _model_promote(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", type=values.model_name, metavar="NAME", help="the model that takes over")
    command.add_argument(
        "--accept", action="store_true", help="also during a night, and though nearly all songs on lists change"
    )


def _rebuild(command: argparse.ArgumentParser) -> None:
    _add_commands(command, "lost", "WHAT", _LOST)


def _rebuild_vectors(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model", type=values.model_name, metavar="NAME", help="whose vectors (default: the live one's)"
    )


def _rebuild_lists(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "day", nargs="?", type=values.day, metavar="DAY", help="whose lists (default: those that the app was shown)"
    )


def _evaluate(command: argparse.ArgumentParser) -> None:
    _add_commands(command, "measured", "WHAT", EVALUATIONS)


def _list_day(command: argparse.ArgumentParser) -> None:
    command.add_argument("--day", type=values.day, metavar="DAY", help="the list of that day (default: the newest)")


_MODELS = {
    "list": ("which models there are, which is live, and how far the others are", _nothing),
    "fill": ("take the live model's days through embedding, Milvus and the sweep by another model", _model_fill),
    "compare": ("two models: counts, recall, nearest songs and lists in common", _model_compare),
    "promote": ("check a model, and let nights and collections use it from now on", _model_promote),
}

_LOST = {
    "vectors": ("Milvus: the vectors of all days, and nothing else, with the aliases", _rebuild_vectors),
    "lists": ("the key-value store: the version that the app was shown, and the one before", _rebuild_lists),
}

_COMMANDS = {
    "status": ("what each day has come to, or one day in detail", _status),
    "rejects": ("what was turned away on a day, and why", _one_day),
    "similar": ("the songs that sound most like one", _similar),
    "duplicates": ("pairs and groups of copies, fragments and covers, with the evidence", _duplicates),
    "recs": ("a user's list, with the reason for each song", _recs),
    "why": ("why a song is, or is not, on a user's list", _why),
    "publish": ("show the app a day's lists as they are in the lake, or go back to the version before", _publish),
    "forget": ("take songs, or users with their songs, off all lists now and out of everything tonight", _forget),
    "rebuild": ("bring Milvus, or the key-value store, to what it must hold, from the lake alone", _rebuild),
    "rerun": ("make a day again, from a stage on, with what came late", _rerun),
    "doctor": ("whether everything that a night needs is there, and what to do where it is not", _nothing),
    "model": ("models side by side: fill another one, compare it, let it take over", _model),
    "evaluate": ("measure the pipeline on songs or plays with a known truth", _evaluate),
}
