"""`nightjar similar TRACK`."""

from __future__ import annotations

from argparse import Namespace

import pyarrow as pa

from nightjar import queries
from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.errors import NightjarError
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """The nearest songs by sound. Raises NightjarError for an unknown track and one without a vector."""
    from nightjar.vectors.store import VectorStore

    known, track = Known(settings), arguments.track
    day = known.track_day(track)
    with VectorStore(settings) as store:
        vector = store.vectors_of([track]).get(track) if store.exists() else None
        if vector is None:
            raise NightjarError(
                f"track {track!r} of {day} has no vector in Milvus",
                f"It was rejected by the embedder or taken down, or the day is not loaded: nightjar status {day}",
            )
        hits = [hit for hit in store.search(vector[None, :], arguments.limit + 1)[0] if hit.track_id != track]
    hits = hits[: arguments.limit]
    table = pa.table(
        {
            "rank": pa.array(range(1, len(hits) + 1), pa.int32()),
            "track_id": pa.array([hit.track_id for hit in hits], pa.string()),
            "similarity": pa.array([round(hit.similarity, 6) for hit in hits], pa.float64()),
            "day": pa.array([hit.day for hit in hits], pa.string()),
        }
    )
    tracks = known.tracks([day, *(hit.day for hit in hits)])
    found = queries.run(settings, "neighbours", {"hits": table, "tracks": tracks, "groups": known.groups()}).to_pylist()
    title = next((row["title"] for row in tracks.to_pylist() if row["track_id"] == track), None)
    rows = [
        (row["rank"], row["similarity"], row["track_id"], row["title"], row["artist"], row["uploader"], _copy(row))
        for row in found
    ]
    columns = ("rank|", "similarity|", "track", "title", "artist", "uploader", "counts as")
    named = f"{track} ({title})" if title else track
    section = Section(f"Nearest to {named} by {settings.model}", columns, rows, "no other song is loaded")
    return Answer({"track": track, "title": title, "day": day, "model": settings.model, "similar": found}, [section])


def _copy(row: dict) -> str:
    canonical = row["canonical_id"]
    if canonical is None:
        return ""
    return "canonical of its copies" if canonical == row["track_id"] else f"copy of {canonical}"
