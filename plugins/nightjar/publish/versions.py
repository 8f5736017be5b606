"""Names of versions and keys, and when one version may follow another. Pure.

Keys are named here without the prefix that all keys in the store begin with, NIGHTJAR_KV_PREFIX: only the store and its
readers know it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nightjar.days import before
from nightjar.errors import GateClosed
from nightjar.schemas import NEW_USERS
from nightjar.thresholds import (
    CHURN_DAYS,
    CHURN_MIN_LENGTH,
    MAX_CHURN,
    MIN_COVERAGE_KEPT,
    MIN_LENGTH_KEPT,
    MIN_LISTS_KEPT,
    MIN_LISTS_TO_COMPARE,
)

POINTER = "current"
"""The one key that says which version is live."""
OWNER = "owner"
"""The key that says which lake's lists these are."""
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}\.[0-9a-f]{8}")


def version_of(day: str, content: bytes) -> str:
    """`<day>.<8 hex>`: the same content of the same day is the same version. Versions order as their days do."""
    return f"{day}.{hashlib.sha256(content).hexdigest()[:8]}"


def is_version(text: str) -> bool:
    """Whether a text has the form of a version."""
    return _VERSION.fullmatch(text) is not None


def day_of(version: str) -> str:
    """The day of a version."""
    return version.partition(".")[0]


def list_key(version: str, user_id: str) -> str:
    """Where a user's list is."""
    return f"{version}:list:{user_id}"


def new_users_key(version: str) -> str:
    """Where the list is for everybody without one of their own. Written last and removed first: while it is there,
    the version is whole."""
    return f"{version}:new-users"


def owner(key: str) -> tuple[str, str] | None:
    """The version and the user whose list a key is, NEW_USERS for that of new users; None for any other key, which may
    be of another program."""
    version, _, kind = key.partition(":")
    if not is_version(version):
        return None
    if kind == "new-users":
        return version, NEW_USERS
    if kind.startswith("list:"):
        return version, kind.removeprefix("list:")
    return None


def key(version: str, user_id: str) -> str:
    """Where the list of a user is, or under NEW_USERS that of everybody else."""
    return new_users_key(version) if user_id == NEW_USERS else list_key(version, user_id)


@dataclass(frozen=True)
class Record:
    """What is known of a version outside the store, from before its first key is written until its last is gone."""

    version: str
    previous: str
    """The version that was live when this one was written, which is kept to go back to; "" for the first."""
    users: list[str]
    """Who has a list, in order: with the version, all its keys."""
    new_users: int
    """Songs on the list of new users."""
    entries: int = 0
    """Songs on all other lists; 0 also where it was not counted, as by an older Nightjar."""
    songs: int = 0
    """And how many different ones those are."""
    model: str = ""
    """Whose vectors the lists were ranked with; "" where it was not recorded, as by an older Nightjar."""
    source: str = ""
    """The version that the lake's lists of it would be by now, since a purge took rows away; "" if none did."""

    def keys(self) -> Iterator[str]:
        """All keys of the version, that of new users last."""
        yield from (list_key(self.version, user_id) for user_id in self.users)
        yield new_users_key(self.version)

    def to_json(self) -> bytes:
        return json.dumps(vars(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        return cls(**json.loads(text))


def gate(new: Record, live: Record | None, churn: float | None = None) -> None:
    """Raises GateClosed if `new` is so much poorer than the live version, or so different from it, that something must
    be wrong; with all that speaks against it. `churn` is the mean share of a list that is new on it."""
    if live is None:
        return
    found = [said for poorer in (_no_start, _fewer_users, _shorter, _alike) if (said := poorer(new, live))]
    found += [said] if (said := _other_songs(new, live, churn)) else []
    if found:
        raise GateClosed(
            f"{new.version} is not published: {'; '.join(found)}; {live.version} stays",
            "Look whether days of listens are missing in the window, or the day's tracks, vectors and duplicate groups "
            "are not whole, and backfill them; if it is right so, as after a change of model: "
            f"nightjar publish {day_of(new.version)} --accept",
        )


def _no_start(new: Record, live: Record) -> str | None:
    poorer = live.new_users and not new.new_users
    return f"no song for new users, in {live.version} {live.new_users}" if poorer else None


def _fewer_users(new: Record, live: Record) -> str | None:
    had, kept = len(live.users), len(set(live.users) & set(new.users))
    poorer = had >= MIN_LISTS_TO_COMPARE and kept < MIN_LISTS_KEPT * had
    return f"{kept} users have a list still, in {live.version} {had} had" if poorer else None


def _other_songs(new: Record, live: Record, churn: float | None) -> str | None:
    """Short lists change altogether by themselves, and so does what lies many days back."""
    if churn is None or churn <= MAX_CHURN or len(live.users) < MIN_LISTS_TO_COMPARE:
        return None
    near = day_of(live.version) in before(day_of(new.version), CHURN_DAYS + 1)
    shorter = min(each.entries / len(each.users) if each.users else 0 for each in (new, live))
    if not near or shorter < CHURN_MIN_LENGTH:
        return None
    return f"{churn:.0%} of a list are songs that were not on it in {live.version}, at most {MAX_CHURN:.0%} may be"


def _shorter(new: Record, live: Record) -> str | None:
    if len(live.users) < MIN_LISTS_TO_COMPARE or not new.users or not live.entries:
        return None
    had, has = live.entries / len(live.users), new.entries / len(new.users)
    return f"lists have {has:.0f} songs, in {live.version} {had:.0f}" if has < MIN_LENGTH_KEPT * had else None


def _alike(new: Record, live: Record) -> str | None:
    poorer = len(live.users) >= MIN_LISTS_TO_COMPARE and new.songs < MIN_COVERAGE_KEPT * live.songs
    return f"{new.songs} songs are on any list, in {live.version} {live.songs} were" if poorer else None
