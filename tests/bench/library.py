"""A library of any size made to measure: random prints that share keys as often as those of music, and copies.

Prints follow each other as those of music do (about a fifth of the bits changes from word to word). Different songs of
music share enough keys to be compared in 0.3 % of pairs (INDEX_MIN_HITS); random words never do. So every song has a
few motifs of a common stock, of which only the bits agree that make keys: such a pair is compared and found distinct.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.thresholds import PRINT_SPEEDS

DAY_SONGS = 10_000
"""Songs of one day of the library."""
NEW_DAY = "2030-01-01"
"""The day that is swept: after every day of the library."""
COPIES = 0.05
"""Share of the new songs that are copies of songs of the library's first day; every second one at another speed."""
DIMENSION = 200
"""Of a song's vector, as MSD_musicnn's."""

_FIRST_DAY = date(2020, 1, 1)
_SHARD_SONGS = 500
_MOTIFS, _MOTIF_WORDS, _MOTIFS_A_SONG = 1300, 10, 2
_KEY_BITS = np.uint32(0xAAAAAAAA)
_STYLES = 14
"""So many groups of songs that sound alike: 7 % of pairs are then as near as CANDIDATE_COSINE asks."""
_STYLE_SHARE = 0.8
"""Of a vector's length, in the direction of its group: the cosine of two songs of one group is its square."""


@dataclass(frozen=True)
class Maker:
    """Writes days into the lake, with `words` words a song."""

    settings: Settings
    words: int

    def library_day(self, number: int) -> str:
        """Commit day `number` of the library, of DAY_SONGS songs; its date."""
        day = (_FIRST_DAY + timedelta(number)).isoformat()
        rng = np.random.default_rng([1, number])
        names = [f"lib-{number:04d}-{song:05d}" for song in range(DAY_SONGS)]
        mix = self.mixes(number)
        _ingested(self.settings, day, names, self.words)
        Lake(self.settings).write(
            Partition("fingerprints", day, self.settings.model),
            _prints("fingerprints", names, mix, rng, day=day, vocals_db=np.full(len(names), -10.0, np.float32)),
        )
        return day

    def mixes(self, number: int) -> np.ndarray:
        """The prints of the mixes of a library day: (DAY_SONGS, words) uint32."""
        rng = np.random.default_rng([0, number])
        return _with_motifs(_random(rng, DAY_SONGS, self.words), rng)

    def new_day(self, songs: int) -> int:
        """Commit NEW_DAY with its prints at all speeds; how many of the songs are copies."""
        lake, model, copies = Lake(self.settings), self.settings.model, int(COPIES * songs)
        names = [f"new-{song:06d}" for song in range(songs)]
        _ingested(self.settings, NEW_DAY, names, self.words)
        original = self.mixes(0)[:copies]
        shards = range(0, songs, _SHARD_SONGS)
        for shard, first in enumerate(shards):
            rng = np.random.default_rng([2, first])
            own = names[first : first + _SHARD_SONGS]
            speeds = [_random(rng, len(own), self.words) for _ in (0, *PRINT_SPEEDS)]
            for at, song in enumerate(range(first, min(first + len(own), copies))):
                speed = 0 if song % 2 else int(rng.integers(1, len(speeds)))
                speeds[speed][at] = _worse(original[song : song + 1], rng)[0]
            spread = rng.integers(0, len(speeds), len(own))  # a chance agreement may be at any speed
            for speed, words in enumerate(speeds):
                chosen = np.flatnonzero((spread == speed) & (np.arange(first, first + len(own)) >= copies))
                words[chosen] = _with_motifs(words[chosen], rng)
            rows = _prints("fingerprints", own, speeds[0], rng, day=NEW_DAY, vocals_db=np.full(len(own), -10.0))
            lake.write_part(Partition("fingerprints", NEW_DAY, model), shard, rows)
            altered = [
                _prints("speed_prints", own, words, rng, speed_percent=np.full(len(own), percent, np.int16))
                for percent, words in zip(PRINT_SPEEDS, speeds[1:], strict=True)
            ]
            lake.write_part(Partition("speed_prints", NEW_DAY, model), shard, pa.concat_tables(altered))
        for table in ("fingerprints", "speed_prints"):
            lake.commit(Partition(table, NEW_DAY, model), len(shards))
        lake.write(Partition("embeddings", NEW_DAY, model), self.vectors(NEW_DAY, names))
        lake.write(Partition("windows", NEW_DAY, model), schemas.empty("windows"))
        return copies

    def vectors(self, day: str, names: list[str]) -> pa.Table:
        """The table of embeddings of some songs."""
        rng = np.random.default_rng([3, *day.encode()])
        styles = np.random.default_rng(4).standard_normal((_STYLES, DIMENSION))
        styles /= np.linalg.norm(styles, axis=1, keepdims=True)
        own = rng.standard_normal((len(names), DIMENSION))
        own *= np.sqrt(1 - _STYLE_SHARE**2) / np.linalg.norm(own, axis=1, keepdims=True)
        made = own + _STYLE_SHARE * styles[rng.integers(0, _STYLES, len(names))]
        made = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
        return pa.table({"track_id": names, "day": [day] * len(names), "vector": _lists(made)})


def _ingested(settings: Settings, day: str, names: list[str], words: int | np.ndarray) -> None:
    """Commit what ingest writes for a day; `words` of all songs, or of each."""
    count = len(names)
    rows = {
        "track_id": names,
        "day": [day] * count,
        "key": [f"uploads/dt={day}/{name}.mp3" for name in names],
        "sha256": [hashlib.sha256(name.encode()).hexdigest() for name in names],
        "size_bytes": np.full(count, 4_000_000),
        "uploader": [f"user-{song % 1000}" for song in range(count)],
        "title": pa.nulls(count, pa.string()),
        "artist": pa.nulls(count, pa.string()),
        "container": ["mp3"] * count,
        "codec": ["mp3"] * count,
        "sample_rate": np.full(count, 44_100, np.int32),
        "channels": np.full(count, 2, np.int16),
        "duration_s": np.broadcast_to(np.float32(words) * np.float32(0.1238) + np.float32(2.7), count),
        "loudness_lufs": np.full(count, -14.0, np.float32),
        "uploaded_at": [datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=s) for s in range(count)],
    }
    lake = Lake(settings)
    lake.write(Partition("tracks", day), pa.table(rows))
    lake.write(Partition("rejects", day, stage="embed"), schemas.empty("rejects"))


def _prints(table: str, names: list[str], mix: np.ndarray, rng: np.random.Generator, **columns: object) -> pa.Table:
    """Rows of fingerprints or speed_prints: the accompaniment is a poor copy of the mix, the vocals are their own."""
    parts = {"mix": mix, "accompaniment": _worse(mix, rng), "vocals": _random(rng, *mix.shape)}
    constant = {name: [value] * len(names) if isinstance(value, str) else value for name, value in columns.items()}
    rows = {"track_id": names, **constant, **{name: _lists(words) for name, words in parts.items()}}
    return pa.table(rows).select(schemas.TABLES[table].names)


def _random(rng: np.random.Generator, songs: int, words: int) -> np.ndarray:
    """Prints of which 3 in 16 bits change from word to word."""
    one, other, third, fourth = (rng.integers(0, 1 << 32, (songs, words), np.uint32) for _ in range(4))
    flips = one & other & (third | fourth)
    flips[:, 0] = one[:, 0]
    return np.bitwise_xor.accumulate(flips, axis=1)


def _worse(words: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The prints with one of 32 bits wrong."""
    wrong = rng.integers(0, 1 << 32, words.shape, np.uint32)
    for _ in range(4):
        wrong &= rng.integers(0, 1 << 32, words.shape, np.uint32)
    return words ^ wrong


def _with_motifs(words: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The prints with motifs of the common stock, at any place."""
    stock = _random(np.random.default_rng(5), _MOTIFS, _MOTIF_WORDS)
    rows = np.arange(len(words))[:, None]
    for _ in range(_MOTIFS_A_SONG):
        at = rng.integers(0, words.shape[1] - _MOTIF_WORDS, len(words))[:, None] + np.arange(_MOTIF_WORDS)
        motifs = stock[rng.integers(0, _MOTIFS, len(words))]
        words[rows, at] = (words[rows, at] & ~_KEY_BITS) | (motifs & _KEY_BITS)
    return words


def _lists(values: np.ndarray) -> pa.ListArray:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))
