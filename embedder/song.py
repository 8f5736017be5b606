"""One song from its object to the rows of five tables, in steps that may overlap with other songs'."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedder import fingerprint, mel, separate, signal, stems, vectors
from embedder.decode import Pcm, SongRejected, decode
from embedder.networks import Networks
from embedder.stems import Stems
from embedder.timing import Seconds
from embedder.unfinished import Processed
from embedder.vectors import Whitening
from nightjar import refusals
from nightjar.objects import ObjectRefused, Objects
from nightjar.thresholds import PRINT_SPEEDS

if TYPE_CHECKING:
    from embedder.embedding import Embedding

_REPORT_SECONDS = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where songs come from and go to, and what works on them."""

    objects: Objects
    networks: Networks
    scratch: Path
    separator: str
    """Whose stems are made and looked for: signal.SEPARATOR, or UNSEPARATED for none."""
    second_opinion: bool = False
    """Whether Echoprint codes are made too."""
    say: Say = print


@dataclass(frozen=True)
class Fetched:
    """A song whose upload is here, in a folder that `release` removes with all else of the song."""

    track: dict
    folder: tempfile.TemporaryDirectory
    upload: Path

    @property
    def path(self) -> Path:
        return Path(self.folder.name)

    def release(self) -> None:
        self.folder.cleanup()


@dataclass(frozen=True)
class Decoded:
    """A song that is ready to be separated."""

    track: dict
    path: Path
    """The song's folder."""
    pcm: Pcm
    stored: Stems | None
    """The stems of an earlier run, fetched."""


def process(track: dict, place: Place, seconds: Seconds) -> Processed:
    """A row of `tracks` to its rows of stems, embeddings, windows, fingerprints and speed_prints.

    Separation is skipped where both stems are stored already. Raises SongRejected, ObjectMissing if the upload is gone,
    NightjarError if object storage fails or there are no weights.
    """
    fetched = fetch(track, place, seconds)
    try:
        song = decoded(fetched, place, seconds)
        return end(song, separated(song, place, seconds), place, seconds)
    finally:
        fetched.release()


def fetch(track: dict, place: Place, seconds: Seconds) -> Fetched:
    """The first step: the upload, which must be the one that was ingested. Raises as `process` does."""
    folder = tempfile.TemporaryDirectory(dir=place.scratch)
    try:
        with seconds.of("fetch"):
            return Fetched(track, folder, _fetched(track, place.objects, Path(folder.name)))
    except BaseException:
        folder.cleanup()
        raise


def decoded(song: Fetched, place: Place, seconds: Seconds) -> Decoded:
    """The second step: samples, and stems that are stored already."""
    with seconds.of("decode"):
        pcm = decode(song.upload, song.path / "mix.raw", song.track.get("container"))
    with seconds.of("fetch"):
        return Decoded(song.track, song.path, pcm, _stored(song.track, song.path, place, pcm))


def separated(song: Decoded, place: Place, seconds: Seconds) -> Stems:
    """The third step, which takes nearly all of the time: the song's stems, as stored earlier or made now."""
    if song.stored is not None:
        return song.stored
    with seconds.of("load"):
        pieces = _pieces(song.pcm, place)
    with seconds.of("separate"):
        return stems.write(_reported(pieces, song.pcm, song.track["track_id"], place.say), song.path, song.pcm.turned)


def end(song: Decoded, made: Stems, place: Place, seconds: Seconds) -> Processed:
    """The last step: the stems go to object storage, and what is told of the song into rows."""
    if song.stored is None:
        with seconds.of("store"):
            for part in stems.PARTS:
                place.objects.upload(_key(song.track, part, place), getattr(made, part))
    with seconds.of("load"):
        model = place.networks.embedding
    embeddings = embed(made.accompaniment, model, seconds)
    with seconds.of("fingerprint"):
        prints, speed_prints = _fingerprints(song.pcm, made, place)
    rows = _rows(song.track, embeddings, model.whitening, prints, speed_prints, place)
    if place.second_opinion:
        with seconds.of("echoprint"):
            rows["echoprints"] = [_echoprint(song.track, song.pcm)]
    return Processed(rows, song.pcm.seconds, prints["vocals_db"], song.stored is not None)


def _pieces(pcm: Pcm, place: Place) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The song piece by piece as (accompaniment, vocals); a network is loaded only if it is to be separated."""
    if place.separator == signal.UNSEPARATED:
        return separate.unseparated(pcm)
    return separate.separate(pcm, place.networks.separator, batch=place.networks.separator.batch)


def _key(track: dict, part: str, place: Place) -> str:
    return f"stems/{place.separator}/{track['sha256']}/{part}.flac"


def _fingerprints(pcm: Pcm, made: Stems, place: Place) -> tuple[dict, list[dict]]:
    """The columns of `fingerprints` and of `speed_prints` that say how the song sounds."""
    rms = stems.levels(made)
    mix, mix_at_speeds = fingerprint.of_mix(pcm), fingerprint.of_mix_at_speeds(pcm)
    if place.separator == signal.UNSEPARATED:
        accompaniment, accompaniment_at_speeds = mix, mix_at_speeds
    else:
        accompaniment = fingerprint.of_stem(made.accompaniment, rms.accompaniment)
        accompaniment_at_speeds = fingerprint.of_stem_at_speeds(made.accompaniment, rms.accompaniment)
    vocals = fingerprint.of_stem(made.vocals, rms.vocals)
    vocals_at_speeds = fingerprint.of_stem_at_speeds(made.vocals, rms.vocals)
    prints = {"mix": mix, "accompaniment": accompaniment, "vocals": vocals}
    at_speeds = zip(PRINT_SPEEDS, mix_at_speeds, accompaniment_at_speeds, vocals_at_speeds, strict=True)
    return (
        prints | {"vocals_db": stems.relative_db(rms.vocals, rms.mix)},
        [dict(zip(("speed_percent", *prints), columns, strict=True)) for columns in at_speeds],
    )


def _echoprint(track: dict, pcm: Pcm) -> dict:
    from embedder import echoprint  # numba takes seconds, and few ask for it

    codes, times = echoprint.codes(fingerprint.samples(pcm))
    return {"track_id": track["track_id"], "codes": codes, "times": times}


def _rows(
    track: dict, embeddings: np.ndarray, whitening: Whitening, prints: dict, speed_prints: list[dict], place: Place
) -> dict[str, list[dict]]:
    own = {"track_id": track["track_id"], "day": track["day"]}
    keys = {f"{part}_key": _key(track, part, place) for part in stems.PARTS}
    return {
        "stems": [{"track_id": track["track_id"], "sha256": track["sha256"], **keys, "vocals_db": prints["vocals_db"]}],
        **vector_rows(own, embeddings, whitening),
        "fingerprints": [{**own, **prints}],
        "speed_prints": [{"track_id": track["track_id"], **each} for each in speed_prints],
    }


def vector_rows(own: dict, embeddings: np.ndarray, whitening: Whitening) -> dict[str, list[dict]]:
    """A song's rows of embeddings and windows, `own` being their first columns."""
    windows = enumerate(vectors.windows(embeddings, whitening))
    return {
        "embeddings": [{**own, "vector": vectors.song_vector(embeddings, whitening)}],
        "windows": [{**own, "window": number, "start_s": at.start_s, "vector": at.vector} for number, at in windows],
    }


def _fetched(track: dict, objects: Objects, folder: Path) -> Path:
    upload = folder / "upload"  # never as the key has it, which may be of any length and mean anything
    try:
        objects.download(track["key"], upload)
    except ObjectRefused as error:
        raise SongRejected(refusals.REASON, refusals.sentence(error)) from error
    with upload.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != track["sha256"]:
        raise SongRejected(
            "changed", "the object is not the one that was ingested; run ingest_uploads of the day again"
        )
    return upload


def _stored(track: dict, folder: Path, place: Place, pcm: Pcm) -> Stems | None:
    """The stems of an earlier run, or None if there are none, or not whole ones of this song's length."""
    if not all(place.objects.exists(_key(track, part, place)) for part in stems.PARTS):
        return None
    found = Stems.within(folder)
    for part in stems.PARTS:
        place.objects.download(_key(track, part, place), getattr(found, part))
    return found if stems.fit(found, pcm.seconds, pcm.turned) else None


def _reported(pieces: Iterator, pcm: Pcm, track_id: str, say: Say) -> Iterator:
    """The same pieces, with a word to the log every minute: a two-hour upload takes hours."""
    done, spoken = 0, time.monotonic()
    for piece in pieces:
        if not np.isfinite(piece[1]).all():
            raise SongRejected(
                "separation_failed", f"the network's answer is not finite {done / signal.RATE:.0f} s into it"
            )
        yield piece
        done += piece[1].shape[1]
        if time.monotonic() - spoken > _REPORT_SECONDS:
            spoken = time.monotonic()
            say(f"  {track_id}: separated {done / signal.RATE:.0f} of {pcm.seconds:.0f} s")


def embed(stem: Path, model: Embedding, seconds: Seconds | None = None) -> np.ndarray:
    """Embeddings (patches, d) of a stored stem."""
    found, seconds = [], seconds or Seconds()
    batches = mel.patches(stem)
    while True:
        with seconds.of("mel"):
            patches = next(batches, None)
        if patches is None:
            return np.concatenate(found)
        with seconds.of("cnn"):
            found.append(model.network(patches))
