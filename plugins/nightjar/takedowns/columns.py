"""Which columns of each table name a song or a user, and how: what a purge goes by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Columns:
    """How the rows of a table name songs and users. A row is about all that its plain columns name, and goes with any
    of them; of a list only the element goes."""

    songs: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys of objects; those of uploads name a song."""
    song_lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Lists of song ids, each with the lists beside it whose elements belong to the same songs."""
    row_lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for lists of row numbers, from 0, of the same partition."""
    others: tuple[str, ...] = ()
    """Columns of text or of lists of whole numbers that name neither."""

    @property
    def read(self) -> list[str]:
        """All that must be read to know which rows name somebody."""
        return [*self.songs, *self.users, *self.keys, *self.song_lists]


_OF_A_SONG = Columns(songs=("track_id",), others=("day",))

COLUMNS: dict[str, Columns] = {
    "uploads": Columns(keys=("key",), others=("etag",)),
    "exports": Columns(others=("key", "etag", "problem")),
    "tracks": Columns(
        songs=("track_id",),
        users=("uploader",),
        keys=("key",),
        others=("day", "sha256", "title", "artist", "container", "codec"),
    ),
    "rejects": Columns(songs=("track_id",), keys=("key",), others=("stage", "reason", "detail")),
    "listens": Columns(songs=("track_id",), users=("user_id",), others=("kind",)),
    "stems": Columns(songs=("track_id",), others=("sha256", "accompaniment_key", "vocals_key")),
    "embeddings": _OF_A_SONG,
    "windows": _OF_A_SONG,
    "fingerprints": _OF_A_SONG,
    "speed_prints": Columns(songs=("track_id",)),
    "echoprints": Columns(songs=("track_id",)),
    "print_keys": Columns(songs=("track_id",)),
    "duplicate_pairs": Columns(songs=("a", "b"), others=("verdict", "decided_by", "evidence")),
    "duplicate_groups": Columns(songs=("track_id", "canonical_id")),
    "tastes": Columns(songs=("track_id",), users=("user_id",)),
    "similar": Columns(songs=("track_id",), row_lists={"neighbours": ("cosines",)}),
    "neighbours": Columns(
        songs=("track_id",), row_lists={"neighbours": ("sound", "played")}, others=("taste", "sketch")
    ),
    "lists": Columns(songs=("track_id",), users=("user_id",), song_lists={"because": ()}, others=("source",)),
}
"""Of every table but REMEMBERS."""

REMEMBERS = frozenset({"takedowns"})
"""Tables that name whom to forget for good, so that nothing brings them back."""
