"""`nightjar why USER TRACK`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.takedowns import ledger


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Why a song is, or is not, on a list. Raises NightjarError for an unknown day or track, and for a track that the
    lists of the day could not know."""
    known = Known(settings)
    day = known.list_day(arguments.day)
    track_day = known.track_day(arguments.track)
    if rejected := known.rejection(arguments.track, track_day):
        raise rejected
    if track_day > day:
        raise NightjarError(
            f"track {arguments.track!r} was uploaded on {track_day}, after the newest lists, which are of {day}"
            if not arguments.day
            else f"track {arguments.track!r} was uploaded on {track_day}, after the lists of {day}",
            f"nightjar status {track_day} shows how far its day is",
        )
    from nightjar.recommend.why import why

    found = why(settings, arguments.user, arguments.track, day)
    titles = {row["track_id"]: row["title"] for row in known.tracks().to_pylist()}
    reasons = [each | {"title": titles.get(each["track"])} for each in found["reasons"]]
    found = found | {"title": titles.get(arguments.track), "track_day": track_day, "reasons": reasons}
    forgotten = ledger.with_songs(known.lake)
    found["taken_down"] = sorted({arguments.track} & forgotten.tracks | {arguments.user} & forgotten.users)
    return Answer(found, [_reasons(found)], _sentences(found))


def _reasons(found: dict) -> Section:
    rows = [
        [each[name] for name in ("track", "title", "weight", "similarity", "co_listening", "score")]
        for each in found["reasons"]
    ]
    columns = ("heard song", "title", "weight|", "similarity|", "co-listening|", "brings|")
    return Section(f"What leads {found['user']} to {_song(found)}", columns, rows, "no song that the user heard")


def _sentences(found: dict) -> list[str]:
    whose = f"the list of {found['user']}"
    said = []
    if found["list"] == "new_users":
        said.append(f"{found['user']} has no history of known songs by {found['day']} and gets the list of new users.")
        whose = "the list of new users"
    place = "is on" if found["on_list"] else "is not on"
    code = f" ({found['stopped_by'] or found['source'].replace('_', ' ')})"
    said.append(f"{_song(found)} {place} {whose} of {found['day']}: {found['detail']}{code}.")
    if found["taken_down"]:
        said.append(f"Taken down since, and gone from what the app reads: {', '.join(found['taken_down'])}.")
    return said


def _song(found: dict) -> str:
    title = f"{found['title']}, " if found["title"] else ""
    return f"{found['track']} ({title}uploaded on {found['track_day']})"
