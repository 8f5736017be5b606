"""A shard of a day's tracks becomes parts of stems, embeddings, windows, fingerprints and rejects in the lake.

Songs go through in three steps that overlap (`overlap.py`). Stems, and all else that is known of a finished song
(`unfinished.py`), go to object storage song by song and are found there by the next run: a shard that was killed goes
on, and a file that was uploaded twice is processed once. A song that cannot be processed becomes a reject; only what is
wrong with the place (object storage, disk, weights) stops the shard.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from embedder import embedding, scratch, signal
from embedder.decode import SongRejected
from embedder.networks import Networks
from embedder.overlap import in_turn
from embedder.song import Decoded, Fetched, Place, decoded, end, fetch, separated
from embedder.stems import Stems
from embedder.timing import Seconds
from embedder.unfinished import Processed, Unfinished
from nightjar import refusals, schemas
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing
from nightjar.settings import Settings
from nightjar.shards import dealt

STAGE = "embed"
TABLES = ("stems", "embeddings", "windows", "fingerprints", "speed_prints")
SECOND_OPINION = "echoprint"
"""What the setting second_opinion may ask for: the table `echoprints` besides."""
Say = Callable[[str], None]


@dataclass
class Summary:
    """What a shard did. Its text is the last line of the log, `name=value` pairs that the benchmark reads."""

    songs: int = 0
    rejected: int = 0
    reused: int = 0
    audio_s: float = 0.0
    seconds: Seconds = field(default_factory=Seconds)

    def __str__(self) -> str:
        counts = f"songs={self.songs} rejected={self.rejected} reused={self.reused} audio={self.audio_s:.1f}"
        spent = sum(
            used.ru_utime + used.ru_stime
            for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return f"{counts} {self.seconds} cpu={spent:.1f} peak_mb={peak:.0f}"


def run_shard(settings: Settings, day: str, shard: int, shards: int, say: Say = print) -> Summary:
    """Process the shard's tracks and stage its parts; the DAG commits them when all shards have.

    Raises PartitionMissing if the day's tracks are not committed, NightjarError if the settings ask for other models
    than this code makes, or the place is at fault. Running it again stages the same bytes.
    """
    check(settings)
    lake = Lake(settings)
    day_tracks = lake.read(Partition("tracks", day)).to_pylist()
    own = dealt({row["sha256"]: row["duration_s"] for row in day_tracks}, shards)[shard]  # files, not uploads of them
    tracks = [row for row in day_tracks if row["sha256"] in own]
    tables = (*TABLES, "echoprints") if settings.second_opinion else TABLES
    rows: dict[str, list[dict]] = {table: [] for table in (*tables, "rejects")}
    summary = Summary()
    done = Unfinished(lake.objects, settings.separator, settings.model)
    with scratch.folder() as folder:
        place = place_of(settings, lake, folder, say)
        for number, each in enumerate(_processed(tracks, tables, place, done), start=1):
            said = _counted(each.track, each.song, rows, summary)
            summary.seconds.add(each.seconds)
            say(f"song {number}/{len(tracks)} {each.track['track_id']}: {said} ({each.seconds})")
    refused = sum(row["reason"] == refusals.REASON for row in rows["rejects"])
    refusals.not_all(refused, len(tracks) - refused, "uploads")
    for table in tables:
        lake.write_part(Partition(table, day, settings.model), shard, schemas.table(table, rows[table]))
    lake.write_part(Partition("rejects", day, stage=STAGE), shard, schemas.table("rejects", rows["rejects"]))
    for track in tracks:
        done.forget(track)
    say(f"embedder {day} shard {shard}/{shards}: {summary}")
    return summary


def place_of(settings: Settings, lake: Lake, folder: Path, say: Say) -> Place:
    """Where a shard's songs come from and go to; networks are loaded when a song needs them."""
    return Place(lake.objects, Networks(settings, say), folder, settings.separator, bool(settings.second_opinion), say)


def _processed(tracks: list[dict], tables: tuple[str, ...], place: Place, done: Unfinished) -> Iterator[_Song]:
    """All tracks, with what became of them. Of files of the same bytes the second waits until the first is finished."""
    rounds: dict[int, list[_Song]] = {}
    seen: Counter[str] = Counter()
    for track in tracks:
        rounds.setdefault(seen[track["sha256"]], []).append(_Song(track, tables, place, done))
        seen[track["sha256"]] += 1
    for songs in rounds.values():
        yield from in_turn(songs)


class _Song:
    """A track on its way; in the end `song` is what it became, or why it is rejected."""

    def __init__(self, track: dict, tables: tuple[str, ...], place: Place, done: Unfinished) -> None:
        self.track, self.seconds = track, Seconds()
        self.song: Processed | NightjarError | None = None
        self._tables, self._place, self._done = tables, place, done
        self._fetched: Fetched | None = None
        self._decoded: Decoded | None = None
        self._stems: Stems | None = None

    def prepare(self) -> None:
        with self._rejected():
            self._fetched = fetch(self.track, self._place, self.seconds)
            self.song = self._done.find(self.track, self._tables)
            if self.song is None:
                self._decoded = decoded(self._fetched, self._place, self.seconds)

    def separate(self) -> None:
        if self.song is None:
            with self._rejected():
                self._stems = separated(self._decoded, self._place, self.seconds)

    def finish(self) -> None:
        if self.song is None:
            with self._rejected():
                self.song = end(self._decoded, self._stems, self._place, self.seconds)
                with self.seconds.of("store"):
                    self._done.keep(self.track, self.song)
        if self._fetched is not None:
            self._fetched.release()

    @contextmanager
    def _rejected(self) -> Iterator[None]:
        try:
            yield
        except (SongRejected, ObjectMissing) as error:
            self.song = error


def _counted(track: dict, song: Processed | NightjarError, rows: dict[str, list[dict]], summary: Summary) -> str:
    """Add one track's rows and counts, and say in words how it went."""
    if isinstance(song, NightjarError):
        reject = _reject(track, song)
        rows["rejects"].append(reject)
        summary.rejected += 1
        return f"rejected, {reject['reason']}: {reject['detail']}"
    for table, made in song.rows.items():
        rows[table] += made
    summary.songs += 1
    summary.reused += song.reused
    summary.audio_s += song.audio_s
    separated = "stems were there" if song.reused else "separated"
    windows = len(song.rows["windows"])
    return f"{song.audio_s:.1f} s of audio, {separated}, vocals {song.vocals_db:.1f} dB, {windows} windows"


def check(settings: Settings) -> None:
    """Raises NightjarError if the settings ask for other models than this code makes."""
    made = {
        "model": embedding.MODELS,
        "separator": (signal.SEPARATOR, signal.UNSEPARATED),
        "second_opinion": ("", SECOND_OPINION),
    }
    for name, values in made.items():
        if getattr(settings, name) not in values:
            known = " or ".join(map(repr, values))
            raise NightjarError(
                f"the settings ask for the {name} {getattr(settings, name)!r}, this embedder makes {known}",
                _upgraded(values[0]) if name == "model" else f"Set NIGHTJAR_{name.upper()}={values[0]}",
            )


def _upgraded(model: str) -> str:
    return (
        f"If it was live before an upgrade, nightjar model fill {model} and promote it, "
        "or run the version of the embedder that has it; if NIGHTJAR_MODEL names it, unset that"
    )


def _reject(track: dict, error: NightjarError) -> dict:
    if isinstance(error, SongRejected):
        reason, detail = error.reason, error.detail
    else:
        reason, detail = "missing", "the object was deleted after it was ingested"
    return {"key": track["key"], "track_id": track["track_id"], "stage": STAGE, "reason": reason, "detail": detail}
