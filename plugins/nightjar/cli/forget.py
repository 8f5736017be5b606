"""`nightjar forget --track ID [...] | --user ID [...]`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.known import Known
from nightjar.cli.output import Answer
from nightjar.ingest.names import is_track_id
from nightjar.settings import Settings
from nightjar.takedowns import steps
from nightjar.takedowns.forgotten import Forgotten, checked


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Forget songs and users. An id that is not known is forgotten all the same: it may come with a later upload.

    Raises NightjarError for what can be no id, and where the store or Milvus does not answer."""
    checked(Forgotten(frozenset(arguments.track), frozenset(arguments.user)))
    for each in arguments.track:
        if not is_track_id(each):  # which no upload can be called, as with a title
            raise Known(settings).no_track(each)
    found = steps.forget(settings, arguments.track, arguments.user)
    songs = len(set(found["tracks"]) | set(found["songs"]))
    notes = [
        f"{_count(songs, 'song')} and {_count(len(found['users']), 'user')} forgotten: "
        f"{_count(found['lists'], 'list')} changed, {_count(found['vectors'], 'vector')} removed; "
        "the next night clears the lake."
    ]
    notes += [f"Nothing is known of {each} yet: whatever comes of it is left out." for each in found["unknown"]]
    return Answer(found, notes=notes)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
