"""The last step of publish_recommendations: a day's lists from the lake into the key-value store."""

from __future__ import annotations

import logging
from contextlib import closing

from nightjar.clock import not_after_today
from nightjar.errors import GateClosed, NightjarError
from nightjar.held import noted
from nightjar.lake import Lake, Partition
from nightjar.models import live as live_model
from nightjar.models.live import Live
from nightjar.objects import Objects
from nightjar.publish import encode, fill, records, versions
from nightjar.publish.spool import Spool
from nightjar.publish.store import Store
from nightjar.publish.versions import Record
from nightjar.publish.write import write
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.takedowns import published as takedowns
from nightjar.takedowns.purge import tidy

log = logging.getLogger(__name__)


def commit_lists(settings: Settings, day: str, shards: int) -> dict:
    """Make the lists of all shards visible in the lake: {"rows", "shards"}. Raises NightjarError if one is missing."""
    lake, partition = Lake(settings), Partition("lists", day, settings.model)
    manifest = lake.commit(partition, shards)
    tidy(lake, [partition])
    log.info("commit_lists %s: %d entries in %d parts", day, manifest.rows, shards)
    return {"rows": manifest.rows, "shards": shards}


def publish_lists(settings: Settings, day: str, accept: bool = False) -> dict:
    """Write the day's committed lists under their version, check them, then move the pointer, forward only.

    {"version", "lists", "current", "moved", "removed", "churn"}: `current` is what the app reads afterwards, `churn`
    the share of a user's list that is new on it since the live version, None without one. Before the first
    key of a version its record is written (`published/<version>.json`), so that a run killed anywhere leaves nothing
    that the next does not remove. The live version and the one before it are kept. A day older than the live version
    changes nothing. What is taken down is on no list, be it taken down before or meanwhile. `accept` publishes past the
    comparison with the live version; for the first lists of a new model, its promotion may have accepted the churn.

    Which version is live is what the bucket knows (`records.last`): a pointer that is lost or wrong opens no gate. If
    it is not at the live version, and the day is older, it goes there, provided that the lists are there.

    Raises GateClosed if the model is not live, if the lists are much poorer than the live ones or nearly all others,
    and NightjarError for a day after today, for an older day where the store has lost the live version, and if the
    store evicts, is full, or does not hold what was written; the pointer has then not moved.
    """
    not_after_today(day)
    lake = Lake(settings)
    model = live_model.read(lake.objects)
    if model.model not in ("", settings.model):
        raise GateClosed(
            f"the lists of {day} by {settings.model} stay in the lake: {model.model} is the live model",
            f"If it is to take over: nightjar model promote {settings.model}",
        )
    partition = Partition("lists", day, settings.model)
    manifest = lake.manifest(partition)
    version = versions.version_of(day, manifest.to_json())
    with noted(lake.objects, settings.model, day), closing(Store(settings)) as store, Spool() as lists:
        last = records.last(lake.objects, store)
        if newer := last.newer_than(day):
            return {"version": version, "current": newer.version} | _stay(lake.objects, store, last.pointer, newer, day)
        live, behind = last.version, last.record
        before = behind.previous if behind else ""
        previous = before if live == version else live
        forgotten = ledger.with_songs(lake)
        record = fill.fill(lists, version, previous, lake, partition, manifest, forgotten)
        churn = _churn(store, live, lists)
        if not accept:
            versions.gate(record, behind, None if _is_accepted(behind, model) else churn)
        removed = records.sweep(lake.objects, store, day, {live, before, version})  # what killed runs left
        write(lake.objects, store, record, lists)
        if since := ledger.with_songs(lake) - forgotten:
            takedowns.remove(lake, store, since)
        meanwhile = "Another run published meanwhile; run the task again, one at a time"
        moved = records.move(lake.objects, store, last.pointer, version, meanwhile)
        removed += records.sweep(lake.objects, store, day, {version, previous})
    log.info(
        "publish_lists %s: %d lists of %d songs and %d songs for new users under %s, %s, the pointer %s, "
        "%d old keys removed",
        *(day, len(record.users), record.songs, record.new_users, version),
        "nothing to compare with" if churn is None else f"{churn:.0%} of a list are new on it",
        *(f"moved from {live or 'nothing'}" if moved else "was there", removed),
    )
    return {
        "version": version,
        "lists": len(record.users),
        "current": version,
        "moved": moved,
        "removed": removed,
        "churn": None if churn is None else round(churn, 4),
    }


def _stay(objects: Objects, store: Store, pointer: str, newer: Record, day: str) -> dict:
    """Have the app read the newer version, whose lists stay."""
    if pointer != newer.version and not records.whole(store, newer):
        raise NightjarError(
            f"{day} is older than {newer.version}, which the app was shown last and the store has lost",
            "nightjar rebuild lists writes it again",
        )
    moved = records.move(objects, store, pointer, newer.version, "Run the task again, one at a time")
    log.info(
        "publish_lists %s: lists kept in the lake, the pointer %s %s",
        *(day, f"goes from {pointer or 'nothing'} back to" if moved else "stays at", newer.version),
    )
    return {"lists": 0, "moved": moved, "removed": 0, "churn": None}


def _is_accepted(behind: Record | None, model: Live) -> bool:
    """Whether another model made the live version, and a person has accepted that nearly all lists change."""
    return model.accepted and behind is not None and behind.model not in ("", model.model)


def _churn(store: Store, live: str, lists: Spool) -> float | None:
    """The mean share of a list that was not on the user's list in the live version, over an even sample of users who
    have one in both; None where nobody has. A live list that cannot be read is not compared: it is to be replaced."""
    sample = [(user_id, body) for user_id, body in lists.bodies(lists.sample()) if user_id != NEW_USERS] if live else []
    keys = [versions.list_key(live, user_id) for user_id, _ in sample]
    shares = []
    for (_, body), before in zip(sample, store.read(keys), strict=True):
        now, then = _tracks(body), _tracks(before)
        if now and then:
            shares.append(len(now - then) / len(now))
    return sum(shares) / len(shares) if shares else None


def _tracks(body: bytes | None) -> set[str]:
    """The songs of a list; none of one that is missing, damaged, or of another format."""
    try:
        return {entry.track_id for entry in encode.decode(body or b"")}
    except NightjarError:
        return set()
