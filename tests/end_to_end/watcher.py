"""A reader of the store who never looks away: is it ever shown lists that were made before their day was swept?"""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import datetime

from nightjar.clock import now
from nightjar.converge import records
from nightjar.converge.stages import PUBLISH, At, record
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.publish import encode
from nightjar.publish.connection import connect
from nightjar.publish.versions import day_of, owner
from nightjar.settings import Settings
from nightjar.takedowns.ledger import forgotten
from tests.nightjar.publish.lists import POINTER, PREFIX

_POLL_S = 0.3


class Watcher:
    """Runs beside a sequence. `faults` tells what it saw that must not be."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lake = settings, Lake(settings)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._ended = threading.Event()
        self._songs: dict[str, list[tuple[datetime, frozenset[str]]]] = {}
        self._bytes: dict[str, str] = {}
        self.versions: list[str] = []
        """Those that were live, in order."""
        self.faults: list[str] = []

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_POLL_S):
            try:
                self._look()
            except (NightjarError, OSError):  # the parts are started anew
                continue

    def _look(self) -> None:
        days = [name.removeprefix("dt=") for name in self._lake.objects.folders("lake/tracks/")]
        for day in days:
            partition = Partition("tracks", day)
            seen = self._songs.setdefault(day, [])
            moment = now()
            if self._lake.exists(partition):
                rows = self._lake.read(partition, ["track_id", "sha256"]).to_pylist()
                self._bytes |= {row["track_id"]: row["sha256"] for row in rows}
                songs = frozenset(row["track_id"] for row in rows)
                if not seen or seen[-1][1] != songs:
                    seen.append((moment, songs))
        with closing(connect(self._settings.kv_url, PREFIX)) as store:
            version = (store.get(POINTER) or b"").decode()
            if not version or self.versions[-1:] == [version]:
                return
            keys = map(bytes.decode, store.scan_iter(count=1000))
            keys = [key for key in keys if (owner(key.removeprefix(PREFIX)) or [""])[0] == version]
            bodies = store.mget(sorted(keys))
        shown = {entry.track_id for body in bodies if body for entry in encode.decode(body)}
        self.versions.append(version)
        self._judge(version, shown)

    def _judge(self, version: str, shown: set[str]) -> None:
        """The lists must have every song that the day had when they were begun and still has, or a copy of it."""
        day = day_of(version)
        known = records.read(self._lake.objects, self._settings.model, [day])
        begun = datetime.fromisoformat(record(known, At(day, PUBLISH)).begun_at)
        before = [songs for moment, songs in self._songs.get(day, []) if moment < begun][-1:]
        after = [songs for moment, songs in self._songs.get(day, []) if moment >= begun]
        needed = frozenset.intersection(*before, *after) if before else frozenset()
        needed -= forgotten(self._lake).tracks
        copies = {self._bytes.get(song) for song in shown}
        if lacking := sorted(song for song in needed if self._bytes[song] not in copies):
            self.faults.append(f"{version}, begun at {begun}, lacks {lacking} of {sorted(needed)}")
