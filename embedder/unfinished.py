"""What is known of finished songs while their shard is not: a shard that is killed goes on from its last song.

One object a song and model lies beside the song's stems, under the hash of the upload, and is removed when the shard's
parts are staged. No id is in it: a file that was uploaded twice is computed once, and nothing has to be forgotten here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from nightjar import schemas
from nightjar.objects import ObjectMissing, Objects

OWN = ("track_id", "day")
"""The columns that say whose rows they are."""


@dataclass(frozen=True)
class Processed:
    """A song's rows by table, and what the log says of it."""

    rows: dict[str, list[dict]]
    audio_s: float
    vocals_db: float
    reused: bool


class Unfinished:
    """The finished songs of shards that are not, by one separator and model."""

    def __init__(self, objects: Objects, separator: str, model: str) -> None:
        self._objects, self._separator, self._model = objects, separator, model

    def find(self, track: dict, tables: tuple[str, ...]) -> Processed | None:
        """The rows of `tables` of a file of these bytes, as those of `track`; None where it was not processed."""
        try:
            found = pa.ipc.open_stream(self._objects.get(self._key(track))).read_all().to_pylist()[0]
        except (ObjectMissing, pa.ArrowInvalid):
            return None
        if not set(tables) <= found.keys():
            return None
        own = {name: track[name] for name in OWN}
        rows = {table: [{name: own.get(name, row[name]) for name in row} for row in found[table]] for table in tables}
        return Processed(rows, found["audio_s"], rows["stems"][0]["vocals_db"], reused=True)

    def keep(self, track: dict, song: Processed) -> None:
        """Remember what is known of a song."""
        kinds = {table: pa.list_(pa.struct(list(schemas.TABLES[table]))) for table in song.rows}
        nobodys = {table: [row | dict.fromkeys(OWN, "") for row in rows] for table, rows in song.rows.items()}
        columns = {table: pa.array([rows], kinds[table]) for table, rows in nobodys.items()}
        held = pa.table(columns | {"audio_s": pa.array([song.audio_s])})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, held.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
            stream.write_table(held)
        self._objects.put(self._key(track), sink.getvalue().to_pybytes())

    def forget(self, track: dict) -> None:
        """The song's shard is finished."""
        self._objects.delete(self._key(track))

    def _key(self, track: dict) -> str:
        return f"stems/{self._separator}/{track['sha256']}/unfinished-{self._model}.arrow"
