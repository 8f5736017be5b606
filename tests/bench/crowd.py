"""What a song that everybody uploads costs a sweep: `python -m tests.bench.crowd [--songs N] [--copies N]`.

Copies of three songs are among the uploads of one night, or of several: at other speeds, cut at both ends, with wrong
bits. The real `sweep_duplicates` sweeps them by prints, in a real object store; before them the same nights with other
songs in place of the copies. Ends with 1 unless each song is one group of all its copies and of nothing else.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from deploy.embedded import ports
from deploy.embedded.seaweedfs import SeaweedFS
from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.settings import CLOUD_ACCOUNT, FIRST_MODEL, Settings
from nightjar.thresholds import PRINT_SPEEDS
from tests.bench import library
from tests.bench.stages import measured

SONGS = 3
_SHARD_SONGS = 500
_FASTEST = 3
"""Per cent by which a copy is faster or slower at most."""
_CUT = 0.15
"""Share of a song that is cut off at most, at each end half of it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crowd", description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=10_000, help="uploads of all nights together")
    parser.add_argument("--copies", type=int, default=5_000, help="how many of them are copies of the three songs")
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=40, help="length of a song")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        return _serve(Path(folder), asked)


def _serve(folder: Path, asked: argparse.Namespace) -> int:
    keys = {"AWS_ACCESS_KEY_ID": "nightjar-bench", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
    store = SeaweedFS(folder, ports.choose(SeaweedFS.port_names, {}), keys, "nightjar")
    settings = Settings(s3_endpoint=store.endpoint, model=FIRST_MODEL)
    for name in CLOUD_ACCOUNT:
        os.environ.pop(name, None)
    os.environ.update(keys | settings.environment() | ports.past_proxies(os.environ))
    try:
        store.start()
        store.wait()
        without = _swept(replace(settings, model="without"), asked, 0)
        with_them = _swept(replace(settings, model="with"), asked, asked.copies)
        print(f"with the copies {with_them / without:.2f} times the processor's seconds of a night without", flush=True)
        return _judged(replace(settings, model="with"), asked)
    finally:
        store.stop()


def _days(asked: argparse.Namespace) -> list[str]:
    return [(date(2030, 1, 1) + timedelta(night)).isoformat() for night in range(asked.nights)]


def _swept(settings: Settings, asked: argparse.Namespace, copies: int) -> float:
    """Write and sweep all nights; the processor's seconds."""
    words, spent = round((asked.seconds - 2.7) / 0.1238), 0.0
    for number, day in enumerate(_days(asked)):
        _write(settings, day, words, asked.songs // asked.nights, copies // asked.nights, number)
        found = measured(settings, day)
        spent += found["seconds"][1]
        compared, groups = (found["summary"][name] for name in ("candidates", "groups"))
        wall, processor = found["seconds"]
        print(
            f"{day}: {copies // asked.nights:,} copies of {asked.songs // asked.nights:,} uploads: {compared:,} pairs "
            f"compared, {groups} groups, {wall:.1f} s, {processor:.1f} of the processor's, {found['peak_mb']:.0f} MB",
            flush=True,
        )
        if number == 0:
            stages = {name: round(processor, 1) for name, (_, processor) in found["stages"].items() if processor > 0.5}
            print(f"  the processor's seconds: {stages}", flush=True)
    return spent


def _judged(settings: Settings, asked: argparse.Namespace) -> int:
    """1 unless the last day's groups are the songs' copies."""
    rows = Lake(settings).read(Partition("duplicate_groups", _days(asked)[-1], settings.model)).to_pylist()
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["canonical_id"], set()).add(row["track_id"])
    sizes = sorted((len(group), sorted({name.split("-")[0] for name in group})) for group in groups.values())
    print(f"{len(groups)} groups: {sizes[-6:]}")
    copies = asked.copies // asked.nights * asked.nights
    whole = all(len({name.split("-")[0] for name in group}) == 1 for group in groups.values())
    right = whole and len(groups) == SONGS and sum(len(group) for group in groups.values()) == copies
    print("all copies are in the group of their song, and nothing else is" if right else "WRONG")
    return 0 if right else 1


def _write(settings: Settings, day: str, words: int, songs: int, copies: int, night: int) -> None:
    """Commit what ingest and the embedder write for a night."""
    lake, model = Lake(settings), settings.model
    names = [
        f"song{at % SONGS}-{night:02d}-{at:05d}" if at < copies else f"new-{night:02d}-{at:05d}" for at in range(songs)
    ]
    lengths = np.full(songs, words)
    made = _mixes(words, songs, copies, night)
    for shard, first in enumerate(range(0, songs, _SHARD_SONGS)):
        own = names[first : first + _SHARD_SONGS]
        mixes = [next(made) for _ in own]
        lengths[first : first + len(own)] = [mix.shape[1] for mix in mixes]
        columns = {"track_id": own, "day": [day] * len(own), "vocals_db": np.full(len(own), -60.0, np.float32)}
        prints = _parts([mix[0] for mix in mixes])
        rows = pa.table(columns | prints).select(schemas.TABLES["fingerprints"].names)
        lake.write_part(Partition("fingerprints", day, model), shard, rows)
        altered = [
            pa.table(
                {"track_id": own, "speed_percent": np.full(len(own), percent, np.int16)}
                | _parts([mix[1 + number] for mix in mixes])
            )
            for number, percent in enumerate(PRINT_SPEEDS)
        ]
        lake.write_part(Partition("speed_prints", day, model), shard, pa.concat_tables(altered))
    shards = -(-songs // _SHARD_SONGS)
    for table in ("fingerprints", "speed_prints"):
        lake.commit(Partition(table, day, model), shards)
    library._ingested(settings, day, names, lengths)
    rng = np.random.default_rng(night)
    vectors = rng.standard_normal((songs, 8)).astype(np.float32)
    embedded = {"track_id": names, "day": [day] * songs, "vector": library._lists(vectors)}
    lake.write(Partition("embeddings", day, model), pa.table(embedded))
    lake.write(Partition("windows", day, model), schemas.empty("windows"))


def _mixes(words: int, songs: int, copies: int, night: int) -> Iterator[np.ndarray]:
    """The prints of each song's mix at all speeds, (1 + speeds, words) uint32. A song that is played s per cent faster,
    with p of them undone, is the song at s - p."""
    reach = range(-_FASTEST - max(PRINT_SPEEDS), _FASTEST + max(PRINT_SPEEDS) + 1)
    originals = [library._random(np.random.default_rng([7, song]), len(reach), words) for song in range(SONGS)]
    for at in range(songs):
        rng = np.random.default_rng([8, night, at])
        if at >= copies:
            mixes = library._random(rng, 1 + len(PRINT_SPEEDS), words)
            speed = int(rng.integers(len(mixes)))
            mixes[speed : speed + 1] = library._with_motifs(mixes[speed : speed + 1], rng)
            yield mixes
            continue
        speed = int(rng.integers(-_FASTEST, _FASTEST + 1))
        start, end = (int(rng.uniform(0, _CUT / 2) * words) for _ in range(2))
        rows = [reach.index(speed - percent) for percent in (0, *PRINT_SPEEDS)]
        cut = originals[at % SONGS][rows, start : words - end]
        for _ in range(int(rng.integers(1, 3))):  # a thirty-second of the bits each time
            cut = library._worse(cut, rng)
        yield cut


def _parts(mixes: list[np.ndarray]) -> dict[str, pa.ListArray]:
    """The parts of prints of songs that nobody sings and that were not separated."""
    offsets = np.cumsum([0, *(len(mix) for mix in mixes)]).astype(np.int32)
    of_mix = pa.ListArray.from_arrays(offsets, pa.array(np.concatenate(mixes)))
    nothing = pa.ListArray.from_arrays(np.zeros(len(mixes) + 1, np.int32), pa.array(np.zeros(0, np.uint32)))
    return {"mix": of_mix, "accompaniment": of_mix, "vocals": nothing}


if __name__ == "__main__":
    sys.exit(main())
