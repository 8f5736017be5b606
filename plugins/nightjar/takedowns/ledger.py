"""Who is to be forgotten, and who is purged already: objects in the bucket, beside the app's exports.

`forgotten/known.json` only ever grows: what a person asked for, what a purge began with, and the songs that forgotten
users uploaded, so that they are known when nothing else of them is. `forgotten/purged.json` says of whom the lake was
cleared, which no later night looks for again, and `forgotten/found.json` of whom there was anything to clear.
"""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.ingest.names import user_id
from nightjar.lake import Lake
from nightjar.objects import ObjectChanged, ObjectMissing, Objects
from nightjar.takedowns.forgotten import Forgotten

_KNOWN, _PURGED, _FOUND = "forgotten/known.json", "forgotten/purged.json", "forgotten/found.json"


def forgotten(lake: Lake) -> Forgotten:
    """What takedowns of any committed day name, and what was ever asked for.

    Of any day, since forgetting holds for the past as well: running an old day again must not bring a song back.
    """
    found = named(lake.read_days("takedowns", lake.days("takedowns"))) | _read(lake.objects, _KNOWN)
    return found | Forgotten(users=frozenset(map(user_id, found.users)))  # of older days, when UUIDs kept capitals


def named(takedowns: pa.Table) -> Forgotten:
    """What rows of `takedowns` name."""
    return Forgotten(*(frozenset(takedowns[name].drop_null().to_pylist()) for name in ("track_id", "user_id")))


def purged(objects: Objects) -> Forgotten:
    """Of whom no trace is left."""
    return _read(objects, _PURGED)


def begun(objects: Objects) -> Forgotten:
    """Whom a purge has removed from the lake, or was about to: the lake does not say any more where they were."""
    return purged(objects) | _read(objects, _FOUND)


def in_vain(objects: Objects) -> Forgotten:
    """Who was purged although nothing was known of them: their ids may be wrong."""
    done = purged(objects)
    return done - _read(objects, _FOUND) if objects.exists(_FOUND) else Forgotten()


def mark_found(objects: Objects, named: Forgotten) -> None:
    """Write down of whom a purge found traces, before it removes any. Of whom was purged before it was written down,
    it is taken for granted."""
    if not objects.exists(_FOUND):
        with suppress(ObjectChanged):  # somebody else wrote it meanwhile
            objects.put(_FOUND, purged(objects).to_json(), expect="")
    _add(objects, _FOUND, named)


def remember(objects: Objects, named: Forgotten) -> Forgotten:
    """Write down whom to forget; returns those who were not known. Several may write at once, in any order."""
    return _add(objects, _KNOWN, named)


def mark_purged(objects: Objects, named: Forgotten) -> None:
    """Write down of whom no trace is left."""
    _add(objects, _PURGED, named)


def with_songs(lake: Lake) -> Forgotten:
    """The same with the songs of users of whom there are traces; those of others are known by themselves."""
    named = forgotten(lake)
    return named | Forgotten(songs_of(lake, named.users - purged(lake.objects).users))


def taken_down(lake: Lake) -> set[str]:
    """Ids of the songs that are to be forgotten, by themselves or by who uploaded them."""
    return set(with_songs(lake).tracks)


def songs_of(lake: Lake, users: frozenset[str]) -> frozenset[str]:
    """The songs in the lake that any of `users` uploaded."""
    return frozenset(uploads_of(lake, users)["track_id"].to_pylist())


def uploads_of(lake: Lake, users: frozenset[str]) -> pa.Table:
    """`track_id` and `uploader` of the songs in the lake that any of `users` uploaded."""
    days = lake.days("tracks") if users else []  # without users no track need be read
    tracks = lake.read_days("tracks", days, columns=["track_id", "uploader"])
    return tracks.filter(pc.is_in(tracks["uploader"], pa.array(sorted(users), pa.string())))


def _read(objects: Objects, key: str) -> Forgotten:
    try:
        return objects.parsed(key, Forgotten.from_json, "Put back an earlier version of it from the bucket's backup")
    except ObjectMissing:
        return Forgotten()


def _add(objects: Objects, key: str, named: Forgotten) -> Forgotten:
    while True:
        try:
            etag = objects.head(key).etag
        except ObjectMissing:
            etag = ""
        before = _read(objects, key)
        if not (new := named - before):
            return new
        try:
            objects.put(key, (before | named).to_json(), expect=etag)
        except ObjectChanged:  # somebody else wrote meanwhile: what they added is read again
            continue
        return new
