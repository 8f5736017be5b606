"""`nightjar publish DAY`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.publish import steps
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Publish a day's lists as they are in the lake. Raises NightjarError for an unknown day, GateClosed."""
    day = Known(settings).list_day(arguments.day)
    found = steps.publish_lists(settings, day, accept_fewer=arguments.accept_fewer)
    if found["current"] == found["version"]:
        said = f"{found['lists']} lists of {day} are what the app reads now, as version {found['current']}."
    else:
        said = f"The app goes on reading {found['current']}, which is newer than {day}."
    return Answer(found, notes=[said])
