"""The steps of ingest_uploads: freeze the day's work, probe it by shards, commit; clean listens and takedowns."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from nightjar import days, refusals, schemas
from nightjar.errors import NightjarError
from nightjar.ingest import events, exports, songs, uploads
from nightjar.ingest.claims import Claims
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectChanged
from nightjar.settings import Settings
from nightjar.shards import shard_count
from nightjar.takedowns import ledger
from nightjar.takedowns.forgotten import Forgotten
from nightjar.takedowns.purge import tidy, unclaim
from nightjar.takedowns.rows import without
from nightjar.thresholds import LATE_UPLOAD_DAYS

log = logging.getLogger(__name__)

PARALLEL = 2
"""Uploads that one shard reads and decodes at a time: one waits for the network while the other decodes."""


def freeze(settings: Settings, day: str) -> dict:
    """Write down the day's uploads, unless that was done before: {"uploads", "shards"}.

    What arrived, changed or vanished since is only reported, as are uploads of the days before that no run took in:
    `nightjar status DAY` says what takes them in.
    """
    lake = Lake(settings)
    partition = Partition("uploads", day)
    forgotten = ledger.forgotten(lake)
    now = uploads.listed(lake, day, forgotten)
    kept = lake.exists(partition)
    if not kept:
        with contextlib.suppress(ObjectChanged):  # another run of the day was first: its list is the day's work
            lake.write(partition, now, once=True)
    frozen = lake.read(partition)
    if drift := uploads.drift(without("uploads", frozen, forgotten), now):
        log.warning(
            "freeze %s: since the freeze %s; to take that in: nightjar rerun %s",
            *(day, drift, day),
        )
    for earlier in days.before(day, LATE_UPLOAD_DAYS + 1)[:-1]:
        late = uploads.since_freeze(lake, earlier, forgotten)
        if late.arrived or late.changed:
            log.warning("freeze %s: no run took in of %s: %s; see nightjar status %s", day, earlier, late, earlier)
    shards = shard_count(frozen.num_rows, settings.shard_songs)
    how = "kept as frozen before" if kept else "frozen"
    log.info("freeze %s: %d uploads %s, %d shards", day, frozen.num_rows, how, shards)
    return {"uploads": frozen.num_rows, "shards": shards}


def refreeze(settings: Settings, day: str) -> dict:
    """Freeze a day's uploads as they are now, so that the next run takes in what came late: {"uploads", "before"}.

    An upload that became a song stays as it was frozen, also where its object was replaced or deleted since: an app may
    expire what it has delivered. Only a takedown removes a song. Raises PartitionMissing for a day never frozen.
    """
    lake = Lake(settings)
    partition = Partition("uploads", day)
    before = lake.read(partition)
    forgotten = ledger.forgotten(lake)
    frozen = uploads.renewed(before, uploads.listed(lake, day, forgotten), _kept(lake, day, forgotten))
    lake.write(partition, frozen)
    log.info("refreeze %s: %d uploads instead of %d", day, frozen.num_rows, before.num_rows)
    return {"uploads": frozen.num_rows, "before": before.num_rows}


def _kept(lake: Lake, day: str, forgotten: Forgotten) -> dict[str, dict]:
    """The rows of tracks that the day has already, by key, but those of songs to be forgotten."""
    partition = Partition("tracks", day)
    rows = without("tracks", lake.read(partition), forgotten).to_pylist() if lake.exists(partition) else []
    return {row["key"]: row for row in rows}


def probe_shard(settings: Settings, day: str, shard: int, shards: int) -> dict:
    """Stage one shard's rows of tracks and rejects: {"tracks", "rejects"}. Songs that the day has already are not read
    again: they stay, whatever became of their uploads.

    Raises PartitionMissing if the day is not frozen, NightjarError if object storage fails.
    """
    lake = Lake(settings)
    work = uploads.of_shard(lake.read(Partition("uploads", day)), shard, shards)
    forgotten = ledger.forgotten(lake)
    kept = _kept(lake, day, forgotten)
    examine = partial(songs.examine, lake.objects, Claims(lake, day), day, forgotten, kept=kept, heard={})
    tracks, rejects = [], []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, outcome in enumerate(pool.map(examine, work), start=1):
            tracks += outcome.tracks
            rejects += outcome.rejects
            for row in outcome.rejects:
                log.info("%s: rejected, %s: %s", row["key"], row["reason"], row["detail"])
            if done % 100 == 0:
                log.info("probe_shard %s %d/%d: %d of %d track ids", day, shard, shards, done, len(work))
    reasons = Counter(row["reason"] for row in rejects)
    read = len(tracks) + sum(count for reason, count in reasons.items() if reason not in songs.NOT_READ)
    refusals.not_all(reasons[refusals.REASON], read, "uploads")
    taken_down = {row["track_id"] for row in rejects if row["reason"] == songs.TAKEN_DOWN}
    taken_down -= {row["track_id"] for row in tracks}
    # Those that only their uploader's takedown names are known from now on by themselves.
    ledger.remember(lake.objects, Forgotten(frozenset(taken_down)))
    unclaim(lake, taken_down)  # which a run that knew of no takedown may have left
    lake.write_part(Partition("tracks", day), shard, schemas.table("tracks", tracks))
    lake.write_part(Partition("rejects", day, stage=songs.STAGE), shard, schemas.table("rejects", rejects))
    log.info("probe_shard %s %d/%d: %d tracks, %d rejects", day, shard, shards, len(tracks), len(rejects))
    return {"tracks": len(tracks), "rejects": len(rejects)}


def commit_tracks(settings: Settings, day: str, shards: int) -> dict:
    """Make the shards' rows visible: {"uploads", "tracks", "rejects": {reason: count}}.

    Rows of what is taken down are counted, and then removed. Raises NightjarError, and makes nothing visible, if a
    shard is missing or if there are not as many rows as uploads.
    """
    lake = Lake(settings)
    partitions = Partition("rejects", day, stage=songs.STAGE), Partition("tracks", day)
    rejected, tracks = (lake.staged(partition, shards).rows for partition in partitions)
    frozen = lake.manifest(Partition("uploads", day)).rows
    if tracks + rejected != frozen:
        raise NightjarError(
            f"{day} has {frozen} frozen uploads, but its shards staged {tracks} tracks and {rejected} rejects",
            "The day was frozen again while it ran: clear ingest_uploads of that day from its first task",
        )
    for partition in partitions:
        lake.commit(partition, shards)
    reasons = Counter(lake.read(partitions[0], ["reason"])["reason"].to_pylist())
    counts = dict(sorted(reasons.items()))
    tidy(lake, [*partitions, Partition("uploads", day)])
    log.info("commit_tracks %s: %d uploads, %d tracks, %d rejects %s", day, frozen, tracks, rejected, counts)
    return {"uploads": frozen, "tracks": tracks, "rejects": counts}


def ingest_listens(settings: Settings, day: str) -> dict:
    """Clean and commit the day's listens and takedowns: {"listens", "takedowns", "files", "dropped": {reason: rows}}.

    A file that does not fit becomes a reject and the others go on; a day without files commits empty partitions.
    Whether a listen's user or track is known is not asked here: a track may come with a later run. Exports of the days
    before that came or changed since they were read are read too: their days are made anew.
    """
    lake = Lake(settings)
    for earlier in days.before(day, LATE_UPLOAD_DAYS + 1)[:-1]:
        if late := exports.since_read(lake, earlier):
            log.warning("ingest_listens %s: exports of %s that came since they were read: %s", day, earlier, late)
            _ingest_exports(lake, earlier)
    return _ingest_exports(lake, day)


def _ingest_exports(lake: Lake, day: str) -> dict:
    """What was taken of files that are no longer there stays: an app may remove its exports once they are read."""
    listens, takedowns = (exports.collect(lake.objects, name, day) for name in exports.KINDS)
    files, rejects = listens.files + takedowns.files, listens.rejects + takedowns.rejects
    for row in rejects:
        log.warning("%s: %s: %s", row["key"], row["reason"], row["detail"])
    taken = {"listens": listens.rows, "takedowns": takedowns.rows}
    partitions = {name: Partition(name, day) for name in taken}
    refused = Partition("rejects", day, stage=exports.STAGE)
    if gone := exports.vanished(lake, day):
        keys = {row["key"] for row in gone}
        rejects += [row for row in lake.read(refused).to_pylist() if row["key"] in keys]
        taken = {name: events.merge(name, [rows, lake.read(partitions[name])]) for name, rows in taken.items()}
    lake.write(refused, schemas.table("rejects", rejects))
    lake.write(partitions["takedowns"], taken["takedowns"])
    kept = without("listens", taken["listens"], ledger.forgotten(lake))
    if forgotten := taken["listens"].num_rows - kept.num_rows:
        listens.dropped["taken_down"] = forgotten
    lake.write(partitions["listens"], kept)
    tidy(lake, [partitions["listens"]])
    lake.write(Partition("exports", day), schemas.table("exports", files + gone))
    dropped = dict(sorted((listens.dropped + takedowns.dropped).items()))
    summary = {"listens": kept.num_rows, "takedowns": taken["takedowns"].num_rows}
    log.info("ingest_listens %s: %s of %d files, dropped rows: %s", day, summary, len(files), dropped or "none")
    return summary | {"files": len(files), "dropped": dropped}
