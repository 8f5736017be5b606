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
    settings = Settings.load()
    lake = Lake(settings)
    tracks = lake.read(Partition("tracks", given.day)).to_pylist()
    own = dealt({row["track_id"]: row["duration_s"] for row in tracks}, given.shards)[given.shard]
    uploads = [_upload(row) for row in tracks if row["track_id"] in own]
    for table, rows in nights.embedded(uploads).items():
        lake.write_part(Partition(table, given.day, settings.model), given.shard, schemas.table(table, rows))
    lake.write_part(Partition("stems", given.day, settings.model), given.shard, schemas.table("stems", _stems(uploads)))
    lake.write_part(Partition("rejects", given.day, stage="embed"), given.shard, schemas.empty("rejects"))


def _upload(track: dict) -> nights.Upload:
    seed = int(track["sha256"][:6], 16)
    return nights.Upload(track["track_id"], track["day"], song(seed), seed)


def _stems(uploads: list[nights.Upload]) -> list[dict]:
    none = {"sha256": "", "accompaniment_key": "", "vocals_key": "", "vocals_db": -55.0}
    return [none | {"track_id": each.track_id} for each in uploads]


if __name__ == "__main__":
    main()
