"""`nightjar publish DAY | --rollback | --to VERSION`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.publish import steps
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Publish a day's lists as they are in the lake, or go to another version that is there. Raises NightjarError for
    an unknown day or version, GateClosed."""
    if arguments.day is None:
        found = steps.go_to(settings, arguments.to)
        kept = f"{found['was']} stays in the store until the next night: nightjar publish --to {found['was']}"
        return Answer(
            found, notes=[f"The app reads {found['current']} now.", kept if found["moved"] else "It did before."]
        )
    day = Known(settings).list_day(arguments.day)
    found = steps.publish_lists(settings, day, accept_fewer=arguments.accept_fewer)
    if found["current"] == found["version"]:
        said = f"{found['lists']} lists of {day} are what the app reads now, as version {found['current']}."
    else:
        said = f"The app goes on reading {found['current']}, which is newer than {day}."
    return Answer(found, notes=[said])
