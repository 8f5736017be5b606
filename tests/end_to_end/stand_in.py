"""A stand-in for the embedder, called as the embedder is: the same tables in a second, made up from a track's hash."""

from __future__ import annotations

import argparse

from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.shards import dealt
from tests.nightjar.duplicates import nights
from tests.nightjar.duplicates.made import song


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-u", action="store_true")
    parser.add_argument("-m")
    parser.add_argument("--day")
    parser.add_argument("--shard", type=int)
    parser.add_argument("--shards", type=int)
    given = parser.parse_args()
    embed(Settings.load(), given.day, given.shard, given.shards)


def embed(settings: Settings, day: str, shard: int, shards: int) -> None:
    """Stage what the embedder would stage of one shard."""
    lake = Lake(settings)
    tracks = lake.read(Partition("tracks", day)).to_pylist()
    own = dealt({row["track_id"]: row["duration_s"] for row in tracks}, shards)[shard]
    uploads = [_upload(row) for row in tracks if row["track_id"] in own]
    made = nights.embedded(uploads) | {"stems": _stems(uploads)}
    for table, rows in made.items():
        lake.write_part(Partition(table, day, settings.model), shard, schemas.table(table, rows))
    lake.write_part(Partition("rejects", day, stage="embed"), shard, schemas.empty("rejects"))


def _upload(track: dict) -> nights.Upload:
    seed = int(track["sha256"][:6], 16)
    return nights.Upload(track["track_id"], track["day"], song(seed), seed)


def _stems(uploads: list[nights.Upload]) -> list[dict]:
    none = {"sha256": "", "accompaniment_key": "", "vocals_key": "", "vocals_db": -55.0}
    return [none | {"track_id": each.track_id} for each in uploads]


if __name__ == "__main__":
    main()
