"""A day that another model has embedded becomes the same of this model: from its stored accompaniments, song by song.

What a model does not decide (stems, fingerprints, prints at speeds) is taken over as it is, part by part, so that a
change of model costs the mel spectrogram and the CNN: nothing is fetched but accompaniments, nothing decoded, separated
or printed. Which songs there are, and which were rejected, was settled by the model that is followed.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import soundfile

from embedder import scratch, stems
from embedder.decode import SongRejected
from embedder.pipeline import Say, Summary, check, place_of
from embedder.song import Place, embed, process, vector_rows
from embedder.timing import Seconds
from nightjar import schemas
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.objects import ObjectMissing
from nightjar.settings import Settings

TAKEN_OVER = ("stems", "fingerprints", "speed_prints")
"""What is the same by any model."""


def follow_shard(settings: Settings, day: str, shard: int, like: str, say: Say = print) -> Summary:
    """Stage the shard's part of every table by the settings' model, for the songs in that part of the model `like`.

    Running it again stages the same bytes, which are those that `pipeline.run_shard` stages for these songs. Raises
    PartitionMissing if `like` has not embedded the day, NightjarError if its stems are another separator's, or if a
    song's stems are gone and cannot be made again.
    """
    check(settings)
    lake, summary = Lake(settings), Summary()
    tables = (*TAKEN_OVER, "echoprints") if settings.second_opinion else TAKEN_OVER
    taken = _whole({table: lake.read_part(Partition(table, day, like), shard) for table in tables})
    tracks = {row["track_id"]: row for row in lake.read(Partition("tracks", day)).to_pylist()}
    rows: dict[str, list[dict]] = {"embeddings": [], "windows": []}
    with scratch.folder() as folder:
        place = place_of(settings, lake, folder, say)
        for number, stem in enumerate(taken["stems"].to_pylist(), start=1):
            begun, seconds = time.perf_counter(), Seconds()
            reused = _one(stem, tracks.get(stem["track_id"]), day, place, seconds, rows)
            summary.songs, summary.reused = summary.songs + 1, summary.reused + reused
            summary.seconds.add(seconds)
            said = "its stem was there" if reused else "separated again"
            took = time.perf_counter() - begun
            say(f"song {number}/{len(taken['stems'])} {stem['track_id']}: {said}; {took:.1f} s ({seconds})")
    for table, made in (taken | {table: schemas.table(table, rows[table]) for table in rows}).items():
        lake.write_part(Partition(table, day, settings.model), shard, made)
    say(f"embedder {day} shard {shard} like {like}: {summary}")
    return summary


def _whole(taken: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Without songs that one of the tables lacks: a purge was seen halfway."""
    there = set.intersection(*(set(rows["track_id"].to_pylist()) for rows in taken.values()))
    kept = pa.array(sorted(there), pa.string())
    return {table: rows.filter(pc.is_in(rows["track_id"], kept)) for table, rows in taken.items()}


def _one(stem: dict, track: dict | None, day: str, place: Place, seconds: Seconds, rows: dict[str, list[dict]]) -> bool:
    """Add a song's vectors; whether its stored stem served."""
    if not stem["accompaniment_key"].startswith(f"stems/{place.separator}/"):
        raise NightjarError(
            f"the stem {stem['accompaniment_key']} is not one of the separator {place.separator!r}",
            "Set NIGHTJAR_SEPARATOR to the one whose stems are there: a change of separator is not a change of model",
        )
    network = place.networks.embedding
    with tempfile.TemporaryDirectory(dir=place.scratch) as folder:
        file = Path(folder) / "accompaniment.flac"
        try:
            with seconds.of("fetch"):
                place.objects.download(stem["accompaniment_key"], file)
            stems.check(file)
            embeddings = embed(file, network, seconds)
        except (ObjectMissing, soundfile.LibsndfileError):
            made = _again(stem, track, day, place, seconds)
            for table in rows:
                rows[table] += made[table]
            return False
    for table, made in vector_rows({"track_id": stem["track_id"], "day": day}, embeddings, network.whitening).items():
        rows[table] += made
    return True


def _again(stem: dict, track: dict | None, day: str, place: Place, seconds: Seconds) -> dict[str, list[dict]]:
    """The rows of a song from its upload, of which only the vectors are new."""
    failed = "it is in no row of tracks any more" if track is None or track["sha256"] != stem["sha256"] else ""
    if not failed:
        try:
            return process(track, place, seconds).rows
        except (SongRejected, ObjectMissing) as error:
            failed = str(error)
    raise NightjarError(
        f"the stem of {stem['track_id']} of {day} is gone and cannot be made again: {failed}",
        f"Run embed_tracks of {day} with the live model, which rejects the song, then go on",
    )
