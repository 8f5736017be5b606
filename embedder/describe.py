"""Files to vectors by several models at once, for `nightjar evaluate retrieval` and the benchmarks: no lake, no night.

Beside the embedding models there are two plain descriptions of sound, to compare with: mean and deviation over time of
the log mel spectrogram, and of MFCCs (20, of the same spectrogram).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.fft

from embedder import embedding, mel, separate, stems, vectors
from embedder.decode import SongRejected, decode
from embedder.networks import Networks
from embedder.song import embed
from nightjar.settings import Settings

PLAIN = ("mel", "mfcc")
PARTS = ("whole", "first", "second", "mix")
"""What is described: the accompaniment, its two halves, and the song with the vocals left in."""
SCHEMA = pa.schema(
    [
        *(("file", pa.string()), ("model", pa.string()), ("part", pa.string()), ("vector", pa.list_(pa.float32()))),
        *(("reason", pa.string()), ("detail", pa.string())),
    ]
)
"""A file that is no song has one row, with a reason of `rejects` and no model."""
_MFCCS = 20
_BLOCK = 4000


def describe(settings: Settings, files: list[Path], models: list[str], separated: bool, target: Path) -> None:
    """Write a row for each file, model and part to the Parquet file `target`; a line of output for each file.

    Without separation the accompaniment is the mix, and the part `mix` is left out. Raises NightjarError for unknown
    models and weights that are not there.
    """
    loaded = [embedding.load(name, settings.embedder_threads) for name in models if name not in PLAIN]
    networks = Networks(settings)
    rows = []
    for number, file in enumerate(files, start=1):
        try:
            with tempfile.TemporaryDirectory() as folder:
                made = list(_described(file, Path(folder), networks, loaded, separated))
        except SongRejected as rejected:
            rows.append({"file": str(file), "reason": rejected.reason, "detail": rejected.detail})
            print(f"song {number}/{len(files)} left out, {file.name}: {rejected}", flush=True)
            continue
        rows += [{"file": str(file), **row} for row in made if row["model"] in models]
        print(f"song {number}/{len(files)} {file.name}", flush=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), target)


def _described(
    file: Path, folder: Path, networks: Networks, loaded: list[embedding.Embedding], separated: bool
) -> Iterator[dict]:
    pcm = decode(file, folder / "mix.raw")
    mix = _stem(separate.unseparated(pcm), folder / "mix")
    parts = {"whole": mix}
    if separated:
        network = networks.separator
        parts = {"whole": _stem(separate.separate(pcm, network, batch=network.batch), folder / "parts"), "mix": mix}
    for part, stem in parts.items():
        for model in loaded:
            patches = embed(stem, model)
            for name, kept in _halves(part, patches):
                yield {"model": model.name, "part": name, "vector": vectors.song_vector(kept, model.whitening)}
        spectrogram = np.concatenate(list(mel.spectrogram(stem, _BLOCK)))
        mfcc = scipy.fft.dct(spectrogram, norm="ortho", axis=1)[:, :_MFCCS]
        for model, frames in (("mel", spectrogram), ("mfcc", mfcc)):
            for name, kept in _halves(part, frames):
                vector = np.concatenate([kept.mean(axis=0), kept.std(axis=0)]).astype(np.float32)
                yield {"model": model, "part": name, "vector": vector}


def _stem(pieces: Iterator[tuple[np.ndarray, np.ndarray]], folder: Path) -> Path:
    folder.mkdir()
    return stems.write(pieces, folder).accompaniment


def _halves(part: str, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield part, rows
    if part == "whole" and len(rows) > 1:
        middle = len(rows) // 2
        yield "first", rows[:middle]
        yield "second", rows[middle:]
