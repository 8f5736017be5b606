"""One song from its object to the rows of four tables."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedder import fingerprint, mel, separate, signal, stems, vectors
from embedder.decode import Pcm, SongRejected, decode
from embedder.stems import Stems
from nightjar.objects import Objects
from nightjar.settings import Settings

if TYPE_CHECKING:
    from embedder.cnn import MsdMusicnn
    from embedder.htdemucs import Htdemucs

_REPORT_SECONDS = 60.0
Say = Callable[[str], None]


class Models:
    """The two networks, each loaded when a song first needs it: a shard without new songs imports no torch."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings, self._say = settings, say

    @cached_property
    def separator(self) -> Htdemucs:
        from embedder import weights
        from embedder.htdemucs import Htdemucs

        return Htdemucs(weights.load(self._settings, self._say), self._settings.embedder_threads)

    @cached_property
    def cnn(self) -> MsdMusicnn:
        from embedder.cnn import MsdMusicnn

        return MsdMusicnn(self._settings.embedder_threads)


@dataclass
class Seconds:
    """Wall seconds by stage, for the log and the benchmark; they go into no table."""

    by_stage: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.by_stage[stage] = self.by_stage.get(stage, 0.0) + time.perf_counter() - begun

    def add(self, other: Seconds) -> None:
        for stage, seconds in other.by_stage.items():
            self.by_stage[stage] = self.by_stage.get(stage, 0.0) + seconds

    def __str__(self) -> str:
        return " ".join(f"{stage}={seconds:.1f}" for stage, seconds in self.by_stage.items())


@dataclass(frozen=True)
class Processed:
    """A song's rows by table, and what the log says of it."""

    rows: dict[str, list[dict]]
    audio_s: float
    vocals_db: float
    reused: bool


def process(track: dict, objects: Objects, models: Models, seconds: Seconds, say: Say = print) -> Processed:
    """A row of `tracks` to its rows of stems, embeddings, windows and fingerprints.

    Separation is skipped where both stems are stored already. Raises SongRejected, ObjectMissing if the upload is gone,
    NightjarError if object storage fails or there are no weights.
    """
    with tempfile.TemporaryDirectory(prefix="embedder-") as temporary:
        folder = Path(temporary)
        with seconds.of("fetch"):
            upload = _fetched(track, objects, folder)
        with seconds.of("decode"):
            pcm = decode(upload, folder / "mix.raw")
        prefix = f"stems/{signal.SEPARATOR}/{track['sha256']}/"
        with seconds.of("fetch"):
            made = _stored(objects, prefix, folder, pcm)
        reused = made is not None
        if made is None:
            with seconds.of("load"):
                separator = models.separator
            with seconds.of("separate"):
                made = stems.write(_reported(separate.separate(pcm, separator), pcm, track["track_id"], say), folder)
            with seconds.of("store"):
                for part in stems.PARTS:
                    objects.upload(f"{prefix}{part}.flac", getattr(made, part))
        with seconds.of("load"):
            cnn = models.cnn
        embeddings = _embedded(made.accompaniment, cnn, seconds)
        with seconds.of("fingerprint"):
            rms = stems.levels(made)
            vocals_db = stems.relative_db(rms.vocals, rms.mix)
            words = {
                "mix": fingerprint.of_mix(pcm),
                "accompaniment": fingerprint.of_stem(made.accompaniment, rms.accompaniment),
                "vocals": fingerprint.of_stem(made.vocals, rms.vocals),
            }
    keys = {f"{part}_key": f"{prefix}{part}.flac" for part in stems.PARTS}
    own = {"track_id": track["track_id"], "day": track["day"]}
    rows = {
        "stems": [{"track_id": track["track_id"], "sha256": track["sha256"], **keys, "vocals_db": vocals_db}],
        "embeddings": [{**own, "vector": vectors.song_vector(embeddings)}],
        "windows": [
            {**own, "window": number, "start_s": window.start_s, "vector": window.vector}
            for number, window in enumerate(vectors.windows(embeddings))
        ],
        "fingerprints": [{**own, **words, "vocals_db": vocals_db}],
    }
    return Processed(rows, pcm.seconds, vocals_db, reused)


def _fetched(track: dict, objects: Objects, folder: Path) -> Path:
    upload = folder / f"upload{Path(track['key']).suffix}"
    objects.download(track["key"], upload)
    with upload.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != track["sha256"]:
        raise SongRejected(
            "changed", "the object is not the one that was ingested; run ingest_uploads of the day again"
        )
    return upload


def _stored(objects: Objects, prefix: str, folder: Path, pcm: Pcm) -> Stems | None:
    """The stems of an earlier run, or None if there are none, or not whole ones of this song's length."""
    keys = [f"{prefix}{part}.flac" for part in stems.PARTS]
    if not all(objects.exists(key) for key in keys):
        return None
    found = Stems.within(folder)
    for key, target in zip(keys, (found.accompaniment, found.vocals), strict=True):
        objects.download(key, target)
    return found if stems.fit(found, pcm.seconds) else None


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


def _embedded(stem: Path, cnn: MsdMusicnn, seconds: Seconds) -> np.ndarray:
    """Embeddings (patches, signal.DIMENSIONS) of a stored stem."""
    found = []
    batches = mel.patches(stem)
    while True:
        with seconds.of("mel"):
            patches = next(batches, None)
        if patches is None:
            return np.concatenate(found)
        with seconds.of("cnn"):
            found.append(cnn(patches))
