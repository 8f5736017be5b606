"""Names of versions and keys, and when one version may follow another. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from nightjar.errors import GateClosed
from nightjar.thresholds import MIN_LISTS_KEPT, MIN_LISTS_TO_COMPARE

POINTER = "nightjar:current"
"""The one key that says which version is live."""


def version_of(day: str, content: bytes) -> str:
    """`<day>.<8 hex>`: the same content of the same day is the same version. Versions order as their days do."""
    return f"{day}.{hashlib.sha256(content).hexdigest()[:8]}"


def day_of(version: str) -> str:
    """The day of a version."""
    return version.partition(".")[0]


def list_key(version: str, user_id: str) -> str:
    """Where a user's list is."""
    return f"nightjar:{version}:list:{user_id}"


def new_users_key(version: str) -> str:
    """Where the list is for everybody without one of their own. Written last and removed first: while it is there,
    the version is whole."""
    return f"nightjar:{version}:new-users"


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

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        return cls(**json.loads(text))


def gate(new: Record, live: Record | None) -> None:
    """Raises GateClosed if `new` is so much poorer than the live version that something must be missing."""
    if live is None:
        return
    stays = f"{live.version} stays"
    if live.new_users and not new.new_users:
        raise GateClosed(
            f"{new.version} is not published: no song for new users, {live.version} has {live.new_users}; {stays}",
            "Look whether the day's tracks and duplicate groups are whole, and backfill the day",
        )
    before, after = len(live.users), len(new.users)
    if before >= MIN_LISTS_TO_COMPARE and after < MIN_LISTS_KEPT * before:
        raise GateClosed(
            f"{new.version} is not published: {after} users have a list, in {live.version} {before} had; {stays}",
            "Look whether days of listens are missing in the window, and backfill them; if so few are right: "
            f"nightjar publish {day_of(new.version)} --accept-fewer",
        )
