"""Forget at once, which a person asks for, and the purge, which each night does."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing

from nightjar.errors import NightjarError
from nightjar.ingest.names import is_track_id, user_id
from nightjar.lake import Lake
from nightjar.models import live
from nightjar.publish import records
from nightjar.publish.store import Store
from nightjar.publish.versions import list_key
from nightjar.settings import Settings
from nightjar.takedowns import ledger, published, purge
from nightjar.takedowns.forgotten import Forgotten, checked

log = logging.getLogger(__name__)


def forget(settings: Settings, tracks: Iterable[str] = (), users: Iterable[str] = ()) -> dict:
    """Take songs, and users with their songs, off all published lists and out of Milvus; the next night does the rest.

    {"tracks", "users", "songs", "unknown", "lists", "vectors"}: `songs` are those of the users; `unknown` are ids that
    no upload brought so far, of users those that have no list either. First it is written down, so that the next night
    knows and nothing brings them back, whatever fails then. Asking again changes nothing. Raises NightjarError for what
    is no id, and if a part fails.
    """
    lake, asked = Lake(settings), checked(Forgotten(frozenset(tracks), frozenset(map(user_id, users))))
    songs = ledger.songs_of(lake, asked.users)
    known = asked - ledger.remember(lake.objects, asked | Forgotten(songs))
    everything = asked | Forgotten(songs)
    try:
        tracks = asked.tracks - ledger.purged(lake.objects).tracks  # of those no upload is known any more
        unknown = _unknown(settings, lake, Forgotten(tracks, (asked - known).users))
        counts = _at_once(settings, lake, everything)
    except NightjarError as error:
        raise NightjarError(
            f"the takedown is written down and holds from the next night on, but now {error.message}",
            f"{error.remedy}; then ask again",
        ) from error
    log.info("forget: %d songs, %d users with %d songs: %s", len(asked.tracks), len(asked.users), len(songs), counts)
    return {
        "tracks": sorted(asked.tracks),
        "users": sorted(asked.users),
        "songs": sorted(songs),
        "unknown": unknown,
        **counts,
    }


def purge_takedowns(settings: Settings, day: str) -> dict:
    """Remove every trace of whom takedowns name and who was not purged before: from the lists that the app can read,
    from Milvus, and from every partition of the lake that names them.

    {"tracks", "users", "partitions", "rows", "audio", "lists", "vectors"}. A night without new takedowns reads nothing
    but them. Whoever is killed in it begins again with what is left, and ends the same. The takedowns of all days are
    meant, so that `day` is only what a run is called by. A candidate's run leaves it to the live model's, which purges
    what all models made.
    """
    lake = Lake(settings)
    counts = dict.fromkeys(("partitions", "rows", "audio", "lists", "vectors"), 0)
    if like := live.leader(lake.objects, settings.model):
        log.info("purge_takedowns %s: left to the nights of %s, which is live", day, like)
        return {"tracks": 0, "users": 0} | counts
    new = ledger.forgotten(lake) - ledger.purged(lake.objects)
    if new:
        new |= Forgotten(ledger.songs_of(lake, new.users))
        ledger.remember(lake.objects, new)
        counts |= _at_once(settings, lake, new)
        counts |= _from_lake(lake, new)
        purge.unclaim(lake, new.tracks)
        ledger.mark_purged(lake.objects, new)
        vain = new & ledger.in_vain(lake.objects)
        if unknown := sorted(vain.tracks | vain.users):
            log.warning(
                "purge_takedowns %s: %d ids name no track or user that is known: are they right? The first: %s",
                *(day, len(unknown), unknown[0]),
            )
    summary = {"tracks": len(new.tracks), "users": len(new.users)} | counts
    log.info("purge_takedowns %s: %s", day, summary if new else "no new takedowns")
    return summary


def _at_once(settings: Settings, lake: Lake, named: Forgotten) -> dict:
    from nightjar.vectors.store import VectorStore  # here, and the next: few nights have takedowns

    with closing(Store(settings)) as store:
        records.last(lake.objects, store)  # another lake's lists are not touched
        lists = published.remove(lake, store, named)
    with VectorStore(settings) as vectors:
        return {"lists": lists, "vectors": vectors.delete_tracks(named.tracks)}


def _from_lake(lake: Lake, named: Forgotten) -> dict:
    """Groups are made again rather than cut: of a group that lost its canonical song another one is offered, and what
    is a compilation only because of a song that goes is none without it."""
    from nightjar.duplicates.steps import regroup

    found = purge.find(lake, named, purge.all_parts(lake))
    ledger.mark_found(lake.objects, purge.traces(lake, found, named))
    grouped: dict[str, set[str]] = {}
    for partition in found:
        if partition.table in ("duplicate_groups", "duplicate_pairs"):
            grouped.setdefault(partition.model, set()).add(partition.day)
    for model, days in grouped.items():
        regroup(lake, model, min(days))
    counts = purge.clear(lake, found, named)
    return {name: counts[name] for name in ("partitions", "rows", "audio")}


def _unknown(settings: Settings, lake: Lake, asked: Forgotten) -> list[str]:
    """The ids that no upload brought, and that have no list, in order."""
    there = {each for each in asked.tracks if is_track_id(each) and lake.objects.exists(f"lake/claims/{each}")}
    users = sorted(asked.users)
    there |= set(ledger.uploads_of(lake, asked.users)["uploader"].to_pylist())
    with closing(Store(settings)) as store:
        live = store.current()
        lists = list(store.read(list_key(live, each) for each in users))
    there |= {each for each, found in zip(users, lists, strict=True) if found}
    return sorted((asked.tracks | asked.users) - there)
