"""The key-value store from the lake: the version that the app was shown last, and the one before it."""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from dataclasses import dataclass

from nightjar import held
from nightjar.clock import not_after_today, today
from nightjar.errors import GateClosed, NightjarError, PartitionMissing
from nightjar.lake import Lake, Manifest, Partition
from nightjar.publish import fill, records, versions
from nightjar.publish.spool import Spool
from nightjar.publish.store import Store
from nightjar.publish.versions import Record, day_of, owner
from nightjar.publish.write import write
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.takedowns import published as takedowns

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Lists:
    """The lists of a day as the lake has them now, and the name that they have as a version."""

    version: str
    partition: Partition
    manifest: Manifest


def rebuild_lists(settings: Settings, day: str | None = None) -> dict:
    """Make the store hold the lists of `day`, else those that the app is to be shown, and the version before them.

    {"version", "lists", "previous", "current", "moved", "written", "removed"}: `previous` is the version before, ""
    where neither the lake has its lists nor the store holds it whole, `written` counts lists that the store lacked and
    `removed` keys that it had too many. Every list is compared byte for byte, and what is right stays. The pointer
    moves once the lists are there; the version before follows, so that readers have theirs first. A version is named by
    what the lake has of its day: it has another name than before the loss where a purge changed the lake since. What
    is taken down is on no list.
    Whoever is killed begins again and ends the same; again it changes nothing.

    Raises PartitionMissing without lists of the day, GateClosed if a gate held them back or they are much poorer than
    those that were shown before, and NightjarError if the app reads newer ones that are whole, or if the store fails.
    """
    lake = Lake(settings)
    with closing(Store(settings)) as store:
        current = store.current()
        last = _last(lake, store)
        ours = bool(store.mark())
        lists = _wanted(settings, lake, last, day)
        day = not_after_today(lists.partition.day)
        if last and day < day_of(last.version) <= today() and current == last.version and records.whole(store, last):
            raise NightjarError(
                f"the app reads {current}, which is whole and newer than {day}",
                "Lists of an older day replace no newer ones; nightjar publish --rollback goes to the version before",
            )
        same = last is not None and day_of(last.version) == day
        before = _before(lake, last if same else None, lists)
        named = before.version if before else last.previous if same else ""
        behind = last if last and day_of(last.version) <= day else None
        record, written = _restore(lake, store, lists, named, behind)
        meanwhile = "A night publishes: look at nightjar status, and ask again"
        moved = records.move(lake.objects, store, current, record.version, meanwhile)
        kept = [record]
        if before:
            previous, more = _restore_previous(lake, store, before, record.version)
            kept.append(previous)
            written += more
        removed = _sweep(lake, store, day, kept, named, ours)
        stays = records.read(lake.objects, named) if named else None
        back = named if stays and records.whole(store, stays) else ""
    log.info(
        "rebuild_lists %s: %d lists under %s, %s before it, %d of them written, %d keys removed, the pointer %s",
        *(day, len(record.users), record.version, before.version if before else "none", written, removed),
        f"moved from {current or 'nothing'}" if moved else "was there",
    )
    return {
        "version": record.version,
        "lists": len(record.users),
        "previous": back,
        "current": record.version,
        "moved": moved,
        "written": written,
        "removed": removed,
    }


def _last(lake: Lake, store: Store) -> Record | None:
    """The version that the app is to be shown, of those of which there is a record. Not what the pointer says, which is
    an old one where the store came from a backup; only a bucket in which nothing else was kept yet goes by it, or by
    the newest record."""
    last = records.last(lake.objects, store)
    newest = max(records.all_versions(lake.objects), default="")
    return last.shown or last.record or records.read(lake.objects, newest)


def _wanted(settings: Settings, lake: Lake, last: Record | None, day: str | None) -> _Lists:
    if last and day in (None, day_of(last.version)):
        return _in_lake(lake, day_of(last.version), last.model or settings.model)
    if day:
        try:
            return _in_lake(lake, day, settings.model)
        except PartitionMissing as error:
            newest = next(reversed(lake.days("lists", model=settings.model)), day)
            remedy = f"The newest are those of {newest}: nightjar rebuild lists {newest}"
            raise PartitionMissing(error.message, remedy if newest < day else error.remedy) from error
    if newest := _newest(lake, settings.model):
        return newest
    raise NightjarError(
        f"the lake has no lists of the model {settings.model}", "Backfill a day first: see nightjar status"
    )


def _before(lake: Lake, last: Record | None, lists: _Lists) -> _Lists | None:
    """What was live before `last`, which these lists are, if the lake has it: a day's lists are replaced there when it
    is ranked again. Where nothing is known of them, those of the day before."""
    day, model = lists.partition.day, lists.partition.model
    if last is None:
        return _newest(lake, model, before=day)
    if not last.previous or day_of(last.previous) == day:
        return None
    day = day_of(last.previous)
    named = [each for each in records.all_versions(lake.objects) if day_of(each) == day]  # by whatever name
    models = [record.model for each in named if (record := records.read(lake.objects, each)) and record.model]
    with suppress(PartitionMissing, GateClosed):
        return _in_lake(lake, day, next(iter(models), model))
    return None


def _newest(lake: Lake, model: str, before: str = "9") -> _Lists | None:
    for day in reversed(lake.days("lists", model=model)):
        if day < before:
            with suppress(GateClosed):
                return _in_lake(lake, day, model)
    return None


def _in_lake(lake: Lake, day: str, model: str) -> _Lists:
    partition = Partition("lists", day, model)
    manifest = lake.manifest(partition)
    version = versions.version_of(day, manifest.to_json())
    if records.read(lake.objects, version) is None and (said := held.why(lake.objects, model, day)):
        raise GateClosed(
            f"the lists that the lake has of {day} were held back: {said}",
            f"If they are right as they are: nightjar publish {day} --accept; else an earlier day: "
            "nightjar rebuild lists DAY",
        )
    return _Lists(version, partition, manifest)


def _restore(
    lake: Lake, store: Store, lists: _Lists, previous: str, behind: Record | None = None
) -> tuple[Record, int]:
    """Have the lists in the store; their record, and how many were written."""
    with Spool() as spool:
        forgotten = ledger.with_songs(lake)
        record = fill.fill(spool, lists.version, previous, lake, lists.partition, lists.manifest, forgotten)
        versions.gate(record, behind)
        written = write(lake.objects, store, record, spool, every_byte=True)
    if since := ledger.with_songs(lake) - forgotten:
        takedowns.remove(lake, store, since)
    return record, written


def _restore_previous(lake: Lake, store: Store, lists: _Lists, live: str) -> tuple[Record, int]:
    known = records.read(lake.objects, lists.version)
    try:
        return _restore(lake, store, lists, known.previous if known else "")
    except NightjarError as error:
        raise NightjarError(
            f"the app reads {live}, but the version before could not be written: {error.message}", error.remedy
        ) from error


def _sweep(lake: Lake, store: Store, day: str, kept: list[Record], previous: str, ours: bool) -> int:
    """Remove what the store has besides: older versions, lists of users who have none, and if all of it is `ours` the
    versions that no record names. Of a store that did not say whose it was these may be another lake's.

    What the lake cannot give stays without what is forgotten: the version before, if the store has it still, and a
    newer one with a record, which is being written or was turned away.
    """
    objects = lake.objects
    removed = records.sweep(objects, store, day, {*(each.version for each in kept), previous})
    users = {each.version: {*each.users, NEW_USERS} for each in kept}
    recorded: set[str] = set()

    def is_stray(key: str) -> bool:
        if (whose := owner(key)) is None:
            return False
        version, user_id = whose
        if version in users:
            return user_id not in users[version]
        if version not in recorded and records.read(objects, version):  # written before the version's first key
            recorded.add(version)
        return ours and version not in recorded

    for keys in store.chunks():
        removed += store.remove(filter(is_stray, keys))
    if recorded:
        takedowns.remove(lake, store, ledger.with_songs(lake))
    return removed
