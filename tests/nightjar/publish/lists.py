"""Made-up lists in the lake, and a publisher that dies where a test wants it to."""

from __future__ import annotations

import os
import signal
from itertools import count

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.objects import Objects
from nightjar.publish import store, versions
from nightjar.publish.steps import publish_lists
from nightjar.settings import Settings

USERS = 40
LENGTH = 5

PREFIX = Settings.kv_prefix
POINTER, OWNER = PREFIX + versions.POINTER, PREFIX + versions.OWNER


def list_key(version: str, user_id: str) -> str:
    """A list's whole key, as clients know it."""
    return PREFIX + versions.list_key(version, user_id)


def new_users_key(version: str) -> str:
    """That of new users."""
    return PREFIX + versions.new_users_key(version)


def write(
    settings: Settings,
    day: str,
    users: int = USERS,
    edition: str = "a",
    new_users: int = LENGTH,
    length: int = LENGTH,
) -> None:
    """Commit the lists of a day. Every track id says its day, edition and user, so that a mixture shows."""
    rows = [
        {
            "user_id": user,
            "rank": rank,
            "track_id": f"{day}_{edition}_{user or 'new'}_{rank}",
            "score": 1 / rank,
            "because": [],
            "source": "fresh",
        }
        for user, length in [("", new_users), *((f"u{number:03d}", length) for number in range(users))]
        for rank in range(1, length + 1)
    ]
    Lake(settings).write(Partition("lists", day, settings.model), schemas.table("lists", rows))


def overtake_next_move(settings: Settings, day: str, monkeypatch) -> None:
    """Let another publish, of `day`, come between whoever moves the pointer next and the move."""
    plain = store.Store.move

    def overtaken(self, expected, version):
        monkeypatch.setattr(store.Store, "move", plain)
        publish_lists(settings, day)
        return plain(self, expected, version)

    monkeypatch.setattr(store.Store, "move", overtaken)


def publish(environ: dict[str, str], day: str, begun) -> None:
    """Publish `day` in this process; sets the event `begun` right before."""
    os.environ.update(environ)
    settings = Settings.load()
    begun.set()
    publish_lists(settings, day)


def publish_and_die(environ: dict[str, str], day: str, step: int) -> None:
    """Publish `day` in this process, which does not live longer than `step` actions."""
    os.environ.update(environ)
    die_at(step)
    publish_lists(Settings.load(), day)


def die_at(step: int) -> None:
    """Kill this process, as -9 does, at its `step`th action on the store or on the records, counted from 0.

    Chunks are made small, so that a publish is many actions; it dies right after the answer to a chunk, when the next
    one is on its way, and right before a record is written or deleted and before the pointer moves.
    """
    steps = count()

    def dying(method):
        def wrapped(*arguments, **named):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments, **named)

        return wrapped

    store.KV_CHUNK = 7
    store.Store._answers = _counted(store.Store._answers, steps, step)
    store.Store.move = dying(store.Store.move)
    Objects.put, Objects.delete = dying(Objects.put), dying(Objects.delete)


def _counted(method, steps, step: int):
    def wrapped(*arguments):
        for answer in method(*arguments):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            yield answer

    return wrapped
