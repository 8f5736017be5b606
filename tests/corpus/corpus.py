"""All bad files together, and the few of each kind that every day tries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.corpus import bombs, damaged, lying, names, traps
from tests.corpus.bases import UNREAD, base
from tests.corpus.upload import Upload, only

EVERY_DAY = 60
"""Uploads of each day's sample, of each group about as many."""
_DEAR = ("silence_4_hours", "flac_seek_points", "id3_of_24_mib")
"""What only the whole corpus has."""


def groups(decoy: Path, pipe: Path, port: int) -> dict[str, list[Upload]]:
    """The corpus by kind; `decoy`, `pipe` and `port` are what files name that lead elsewhere."""
    return {
        "damaged": list(damaged.uploads()),
        "lying": list(lying.uploads()),
        "bombs": list(bombs.uploads()),
        "traps": list(traps.uploads(decoy, pipe, port)),
        "names": list(names.uploads()),
        "unread": list(_unread()),
        "endings": list(names.endings()),
    }


def sample(found: dict[str, list[Upload]], count: int = EVERY_DAY) -> list[Upload]:
    """An even choice of each group."""
    chosen = []
    for uploads in found.values():
        fit = [each for each in uploads if not each.name.startswith(_DEAR)]
        step = max(1, len(fit) * len(found) // count)
        chosen += fit[step // 2 :: step]
    return chosen


def _unread() -> Iterator[Upload]:
    for kind, (_, name) in UNREAD.items():
        yield Upload(f"unread_{kind}.{kind}", base(kind), only("unsupported_format"), says=name)
        yield Upload(f"unread_{kind}_cut.mp3", base(kind)[:3000], only("unsupported_format"), says=name)
