"""The last step of publish_recommendations: a day's lists from the lake into the key-value store."""

from __future__ import annotations

import logging
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing, Objects
from nightjar.publish import encode, versions
from nightjar.publish.store import Store
from nightjar.publish.versions import Record, day_of
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.takedowns import published as takedowns
from nightjar.takedowns.rows import without
from nightjar.thresholds import KV_SAMPLE

log = logging.getLogger(__name__)

_RECORDS = "published/"


def publish_lists(settings: Settings, day: str, accept_fewer: bool = False) -> dict:
    """Write the day's committed lists under their version, check them, then move the pointer, forward only.

    {"version", "lists", "current", "moved", "removed", "churn"}: `current` is what the app reads afterwards, `churn`
    the share of a user's list that is new on it since the live version, None without one. Before the first
    key of a version its record is written (`published/<version>.json`), so that a run killed anywhere leaves nothing
    that the next does not remove. The live version and the one before it are kept. A day older than the live version
    changes nothing. What is taken down is on no list, be it taken down before or meanwhile. `accept_fewer` publishes
    past the comparison with the live version.

    Raises GateClosed if the lists are much poorer than the live ones, and NightjarError if the store evicts, is full,
    or does not hold what was written; the pointer has then not moved.
    """
    lake = Lake(settings)
    partition = Partition("lists", day, settings.model)
    version = versions.version_of(day, lake.manifest(partition).to_json())
    with closing(Store(settings.kv_url)) as store:
        live = store.current()
        if live and day_of(live) > day:
            log.info("publish_lists %s: lists kept in the lake, the pointer stays at %s", day, live)
            return {"version": version, "lists": 0, "current": live, "moved": False, "removed": 0, "churn": None}
        forgotten = ledger.with_songs(lake)
        rows = without("lists", lake.read(partition, ["user_id", "rank", "track_id", "score"]), forgotten)
        lists = _encoded(rows)
        behind = _record(lake.objects, live)
        before = behind.previous if behind else ""
        previous = before if live == version else live
        record = _record_of(version, previous, rows, lists)
        if not accept_fewer:
            versions.gate(record, behind)
        churn = _churn(store, live, record, lists)
        removed = _sweep(lake.objects, store, day, {live, before, version})  # what killed runs left
        lake.objects.put(_where(version), record.to_json())
        _write(store, record, lists)
        if since := ledger.with_songs(lake) - forgotten:
            takedowns.remove(lake.objects, store, since)
        if live != version and not store.move(live, version):
            raise NightjarError(
                f"the pointer moved from {live or 'nothing'} to {store.current()} while {version} was written",
                "Another run published meanwhile; run the task again, one at a time",
            )
        removed += _sweep(lake.objects, store, day, {version, previous})
    log.info(
        "publish_lists %s: %d lists of %d songs and %d songs for new users under %s, %s, the pointer %s, "
        "%d old keys removed",
        *(day, len(record.users), record.songs, record.new_users, version),
        "nothing to compare with" if churn is None else f"{churn:.0%} of a list are new on it",
        *("was there" if live == version else f"moved from {live or 'nothing'}", removed),
    )
    return {
        "version": version,
        "lists": len(record.users),
        "current": version,
        "moved": live != version,
        "removed": removed,
        "churn": None if churn is None else round(churn, 4),
    }


def go_to(settings: Settings, version: str | None = None) -> dict:
    """Let the app read another version that the store still holds whole: the one before the live one, or `version`.

    {"version", "lists", "current", "moved", "was"}: `was` is what was read before. Nothing is written but the pointer,
    and nothing removed, so that the way back is the same. The next night publishes as ever.

    Raises NightjarError if nothing was published, if there is no such version or it is not whole any more, and if the
    pointer moves meanwhile.
    """
    objects = Lake(settings).objects
    with closing(Store(settings.kv_url)) as store:
        live = store.current()
        if not live:
            raise NightjarError("nothing was ever published", "Backfill a day first: see nightjar status")
        behind = _record(objects, live)
        wanted = version or (behind.previous if behind else "")
        record = _record(objects, wanted)
        if record is None or not _whole(store, record):
            there = sorted(each for each in _versions(objects) if each != live and _is_whole(objects, store, each))
            raise NightjarError(
                f"there is no version {wanted} in the store" if wanted else f"no version was live before {live}",
                f"It holds {live}, which is live" + (f", and {', '.join(there)}" if there else " and no other"),
            )
        if wanted != live and not store.move(live, wanted):
            raise NightjarError(
                f"the pointer moved from {live} to {store.current()} meanwhile", "Look what published, and ask again"
            )
    log.info("go_to %s: the pointer %s", wanted, "was there" if wanted == live else f"moved from {live}")
    return {
        "version": wanted,
        "lists": len(record.users),
        "current": wanted,
        "moved": wanted != live,
        "was": live,
    }


def _versions(objects: Objects) -> list[str]:
    """Those of which there is a record, finished or not."""
    return [seen.key.removeprefix(_RECORDS).removesuffix(".json") for seen in objects.list(_RECORDS)]


def _is_whole(objects: Objects, store: Store, version: str) -> bool:
    record = _record(objects, version)
    return record is not None and _whole(store, record)


def _whole(store: Store, record: Record) -> bool:
    """Whether the store has every list of a version."""
    keys = [versions.new_users_key(record.version)]
    keys += [versions.list_key(record.version, user_id) for user_id in record.users]
    return all(store.lengths(keys))


def _record_of(version: str, previous: str, rows: pa.Table, lists: dict[str, bytes]) -> Record:
    own = rows.filter(pc.not_equal(rows["user_id"], NEW_USERS))
    users = sorted(set(lists) - {NEW_USERS})
    songs = pc.count_distinct(own["track_id"]).as_py()
    return Record(version, previous, users, rows.num_rows - own.num_rows, own.num_rows, songs)


def _churn(store: Store, live: str, record: Record, lists: dict[str, bytes]) -> float | None:
    """The mean share of a list that was not on the user's list in the live version, over an even sample of users who
    have one in both; None where nobody has. A live list that cannot be read is not compared: it is to be replaced."""
    sample = record.users[:: max(1, len(record.users) // KV_SAMPLE)] if live else []
    shares = []
    for user_id, before in zip(sample, store.read(versions.list_key(live, each) for each in sample), strict=True):
        now, then = _tracks(lists[user_id]), _tracks(before)
        if now and then:
            shares.append(len(now - then) / len(now))
    return sum(shares) / len(shares) if shares else None


def _tracks(body: bytes | None) -> set[str]:
    """The songs of a list; none of one that is missing, damaged, or of another format."""
    try:
        return {entry.track_id for entry in encode.decode(body or b"")}
    except NightjarError:
        return set()


def _encoded(rows: pa.Table) -> dict[str, bytes]:
    """Each user's list as bytes; under NEW_USERS always one, though it may be empty."""
    rows = rows.sort_by([("user_id", "ascending"), ("rank", "ascending")])
    entries: dict[str, list[tuple[str, float]]] = {NEW_USERS: []}
    columns = (rows[name].to_pylist() for name in ("user_id", "track_id", "score"))
    for user_id, track_id, score in zip(*columns, strict=True):
        entries.setdefault(user_id, []).append((track_id, score))
    return {user_id: encode.encode(each) for user_id, each in entries.items()}


def _write(store: Store, record: Record, lists: dict[str, bytes]) -> None:
    """Write what the store lacks of a version, and check that nothing lacks then. Raises NightjarError."""
    bodies = {versions.list_key(record.version, user_id): lists[user_id] for user_id in record.users}
    last = {versions.new_users_key(record.version): lists[NEW_USERS]}
    if lacking := _lacking(store, bodies | last):
        store.check(sum(len(key) + len(body) for key, body in lacking.items()), len(lacking))
        store.write(bodies.items())
        store.write(last.items())
        lacking = _lacking(store, bodies | last)
    if lacking:
        raise NightjarError(
            f"{len(lacking)} lists of {record.version} are not in the store as they were written, {min(lacking)} first",
            "The pointer has not moved; look at the store's log for evictions or a failover, and run the task again",
        )


def _lacking(store: Store, bodies: dict[str, bytes]) -> dict[str, bytes]:
    """The lists that are not in the store: those of another length, and of an even sample those of other bytes."""
    lengths = store.lengths(bodies)
    sample = sorted(bodies)[:: max(1, len(bodies) // KV_SAMPLE)]
    wrong = {key for (key, body), length in zip(bodies.items(), lengths, strict=True) if length != len(body)}
    wrong |= {key for key, found in zip(sample, store.read(sample), strict=True) if found != bodies[key]}
    return {key: bodies[key] for key in sorted(wrong)}


def _sweep(objects: Objects, store: Store, day: str, keep: set[str]) -> int:
    """Remove the versions of days up to `day`, finished or not, that are not to be kept; returns how many keys."""
    removed = 0
    for version in _versions(objects):
        if version in keep or day_of(version) > day:
            continue
        if record := _record(objects, version):  # else another run has removed it meanwhile
            removed += store.remove([versions.new_users_key(version)])
            removed += store.remove(versions.list_key(version, user_id) for user_id in record.users)
            objects.delete(_where(version))
    return removed


def _where(version: str) -> str:
    return f"{_RECORDS}{version}.json"


def _record(objects: Objects, version: str) -> Record | None:
    """What is known of a version; None if nothing is, as for "" and for one published from another bucket."""
    if not version:
        return None
    try:
        return Record.from_json(objects.get(_where(version)))
    except ObjectMissing:
        return None
