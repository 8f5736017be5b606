"""`nightjar recs USER`."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

import pyarrow.compute as pc

from nightjar import queries
from nightjar.cli.known import Known, nearest
from nightjar.cli.output import Answer, Section
from nightjar.errors import NightjarError
from nightjar.lake import Partition
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings
from nightjar.takedowns import ledger


def run(settings: Settings, arguments: Namespace) -> Answer:
    """A list with its reasons, and what the app reads. Raises NightjarError for an unknown day or user."""
    known = Known(settings)
    day = known.list_day(arguments.day)
    user = NEW_USERS if arguments.new_users else arguments.user
    if not user and not arguments.new_users:
        raise NightjarError("the user is empty", "Name a user, or ask for nightjar recs --new-users")
    lists = known.lake.read(Partition("lists", day, settings.model))
    users = pc.unique(lists["user_id"]).to_pylist()
    if user != NEW_USERS and user not in users:
        others = sorted(set(users) - {NEW_USERS})
        raise NightjarError(
            f"there is no list for the user {user!r} on {day}",
            f"{nearest(user, others, 'users')} The app shows others the list of nightjar recs --new-users",
        )
    entries = queries.run(settings, "list_of_user", {"lists": lists, "tracks": known.tracks()}, user=user).to_pylist()
    published = _published(settings, user, entries)
    forgotten = ledger.with_songs(known.lake)
    taken_down = sorted({row["track_id"] for row in entries} & forgotten.tracks)
    rows = [
        (row["rank"], row["score"], row["track_id"], row["title"], row["artist"], row["uploader"], _reason(row))
        for row in entries
    ]
    whose = "users without a history" if user == NEW_USERS else user
    columns = ("rank|", "score|", "track", "title", "artist", "uploader", "because")
    data = {"user": user, "day": day, "model": settings.model, "published": published, "list": entries}
    data |= {"taken_down": taken_down, "forgotten": user in forgotten.users}
    notes = [published["detail"]]
    if taken_down:
        notes.append(f"Taken down since, and not on what the app reads: {', '.join(taken_down)}.")
    if data["forgotten"]:
        notes.append(f"{user} is to be forgotten: the app reads the list of new users, the next night clears the lake.")
    return Answer(data, [Section(f"The list of {day} for {whose}", columns, rows, "empty")], notes)


def _reason(row: dict) -> str:
    source = row["source"].replace("_", " ")
    return f"{source}: {', '.join(row['because_titles'])}" if row["because_titles"] else source


def _published(settings: Settings, user: str, entries: list[dict]) -> dict:
    """{"version", "same", "detail"}: what the app reads for that user now; `same` is None if that is unknown."""
    from nightjar.publish.reader import Reader

    try:
        with closing(Reader(settings.kv_url, settings.kv_prefix)) as reader:
            version, live = reader.recommend_with_version(user)
    except NightjarError as error:
        return {"version": None, "same": None, "detail": f"What the app reads is unknown: {error}"}
    if not version:
        return {"version": None, "same": False, "detail": "Nothing has been published yet."}
    ours = [(row["track_id"], row["score"]) for row in entries]  # both are of single precision
    same = [tuple(entry) for entry in live] == ours
    if same:
        return {"version": version, "same": True, "detail": f"The app reads just this, in version {version}."}
    detail = f"The app reads another list of {len(live)} songs, of version {version}."
    return {"version": version, "same": False, "detail": detail}
