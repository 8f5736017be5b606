"""Songs are described by all models, and found by each: the report of `nightjar evaluate retrieval`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nightjar.embed.runner import run_embedder
from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ALTERATIONS
from nightjar.evaluate.copies import Unreadable, alter
from nightjar.evaluate.metrics import share
from nightjar.evaluate.progress import Progress
from nightjar.evaluate.recommendations.metrics import mean
from nightjar.evaluate.retrieval import measures
from nightjar.evaluate.retrieval.labels import Labels
from nightjar.settings import Settings

MODELS = ("nightjar_pair-2", "nightjar_cnn-4", "msd_musicnn-2", "mfcc", "mel")
"""What is compared: embedding models of the embedder, and mean and deviation over time of MFCCs and of the mel
spectrogram, which are standardised over the songs that are measured."""
PLAIN = ("mfcc", "mel")
COPIES = ("mp3-64", "noise-20")
"""Alterations whose copies must stay near their song."""
PROCESSES = 2


@dataclass(frozen=True)
class Asked:
    """What the report is to be of."""

    folder: Path
    labels: Labels
    model: str
    separated: bool
    copies: bool
    """Whether copies are made, described and compared with their songs."""


def evaluate(settings: Settings, asked: Asked) -> dict:
    """The report; docs/evaluate.md says what its keys mean. Raises NightjarError if the embedder fails."""
    if asked.model not in MODELS:
        raise NightjarError(f"there is no model {asked.model!r}", f"Models: {', '.join(MODELS)}")
    progress = Progress("files")
    with tempfile.TemporaryDirectory() as temporary:
        files = {name: asked.folder / name for name in asked.labels.files}
        copies = _copies(files, Path(temporary), progress) if asked.copies else {}
        described, why = _described(settings, asked, [*files.values(), *copies.values()], Path(temporary), progress)
    kept = [row for row, name in enumerate(asked.labels.files) if (str(files[name]), MODELS[0], "whole") in described]
    if len(kept) < 2:
        raise NightjarError("fewer than two of the files are songs", "Name a folder of music")
    songs = _Songs(
        [asked.labels.files[row] for row in kept],
        [asked.labels.label[row] for row in kept],
        [asked.labels.same[row] for row in kept] if asked.labels.same else None,
    )
    vectors = {
        (model, part): _stacked([described.get((str(files[name]), model, part)) for name in songs.names])
        for model in MODELS
        for part in ("whole", "first", "second", "mix")
    }
    for model in PLAIN:
        by = vectors[model, "whole"]
        for part in ("first", "second", "mix", "whole"):
            if vectors[model, part] is not None:
                vectors[model, part] = measures.standardised(vectors[model, part], by)
    rates = {model: measures.by_label(vectors[model, "whole"], songs.label, songs.same) for model in MODELS}
    near = {
        kind: {
            model: _near(described, model, [(str(files[name]), str(copies.get((name, kind)))) for name in songs.names])
            for model in MODELS
            if model not in PLAIN
        }
        for kind in COPIES
        if asked.copies
    }
    if asked.separated:
        near["vocals left in"] = {
            model: _spread(measures.cosine(vectors[model, "whole"], vectors[model, "mix"]))
            for model in MODELS
            if model not in PLAIN
        }
    halved = np.array([(str(files[name]), MODELS[0], "first") in described for name in songs.names])
    queries = len(rates[asked.model]["P@1"])
    if not queries:
        raise NightjarError("no song has its like among the others", "The label has to be shared by several songs")
    return {
        "songs": len(songs.names),
        "queries": queries,
        "labels": len(set(songs.label)),
        "rejected": [{"file": name, **why[str(files[name])]} for name in sorted(set(files) - set(songs.names))],
        "unlabelled": asked.labels.unlabelled,
        "unknown_rows": asked.labels.unknown,
        "separated": asked.separated,
        "model": asked.model,
        "models": {
            model: {name: _rate(values) for name, values in rates[model].items()}
            | {"other part": _rate(_other_part(vectors[model, "first"], vectors[model, "second"], halved))}
            | {"dimensions": vectors[model, "whole"].shape[1]}
            for model in MODELS
        },
        "ahead": {
            model: {name: mean(values - rates[model][name]) for name, values in rates[asked.model].items()}
            for model in MODELS
            if model != asked.model
        },
        "copies": near,
        "seconds": progress.seconds,
    }


@dataclass(frozen=True)
class _Songs:
    names: list[str]
    label: list[str]
    same: list[str] | None


def _copies(files: dict[str, Path], folder: Path, progress: Progress) -> dict[tuple[str, str], Path]:
    """The file of each song's copies; what is no song has none."""
    made = {}
    with progress.stage("copies", len(files)):
        for number, (name, file) in enumerate(files.items()):
            for kind in COPIES:
                try:
                    made[name, kind] = alter(file, ALTERATIONS[kind], folder / f"{number}-{kind}")
                except Unreadable:  # the embedder will say so too, and the song is left out
                    continue
            progress.add()
    return made


def _described(
    settings: Settings, asked: Asked, files: Sequence[Path], folder: Path, progress: Progress
) -> tuple[dict[tuple[str, str, str], np.ndarray], dict[str, dict[str, str]]]:
    """The vector of each file, model and part; `reason` and `detail` of each file that is no song."""
    shares = [list(files[first::PROCESSES]) for first in range(min(PROCESSES, len(files)))]

    def run(number: int) -> pa.Table:
        names, target = folder / f"files-{number}", folder / f"vectors-{number}.parquet"
        names.write_text("".join(f"{file}\n" for file in shares[number]))
        command = ["vectors", f"--files={names}", f"--models={','.join(MODELS)}", f"--out={target}"]
        command += [] if asked.separated else ["--no-separation"]
        what = f"on {len(shares[number])} files"
        run_embedder(settings, command, what, "See its last lines", [folder, asked.folder])
        return pq.read_table(target)

    with progress.stage("vectors", len(files)), progress.of_embedder(), ThreadPoolExecutor(PROCESSES) as pool:
        rows = pa.concat_tables(pool.map(run, range(len(shares)))).to_pylist()
    described = {
        (row["file"], row["model"], row["part"]): np.array(row["vector"], np.float32) for row in rows if row["model"]
    }
    why = {row["file"]: {name: row[name] for name in ("reason", "detail")} for row in rows if row["reason"]}
    return described, why


def _stacked(vectors: list[np.ndarray | None]) -> np.ndarray | None:
    """The vectors of all songs, zeros for one that has no such part: a song of a single patch has no halves."""
    if all(each is None for each in vectors):
        return None
    width = next(len(each) for each in vectors if each is not None)
    return np.stack([np.zeros(width, np.float32) if each is None else each for each in vectors])


def _other_part(first: np.ndarray | None, second: np.ndarray | None, halved: np.ndarray) -> np.ndarray:
    return measures.other_part(first[halved], second[halved]) if halved.any() else np.zeros(0)


def _rate(values: np.ndarray) -> dict:
    """The mean of values from 0 to 1 and its interval within them: Wilson's where each is a hit or none."""
    found = mean(values)
    if found["interval"] and np.isin(values, (0, 1)).all():
        return found | {"interval": share(int(values.sum()), len(values))["interval"]}
    return found | {"interval": found["interval"] and [min(max(each, 0.0), 1.0) for each in found["interval"]]}


def _near(described: dict, model: str, pairs: list[tuple[str, str]]) -> dict:
    both = [(described.get((one, model, "whole")), described.get((other, model, "whole"))) for one, other in pairs]
    both = [(one, other) for one, other in both if one is not None and other is not None]
    return _spread(measures.cosine(*map(np.stack, zip(*both, strict=True)))) if both else {}


def _spread(cosines: np.ndarray) -> dict:
    """Mean, the worst tenth's border and the least of some cosines."""
    return {
        "mean": round(float(cosines.mean()), 4),
        "tenth": round(float(np.quantile(cosines, 0.1)), 4),
        "least": round(float(cosines.min()), 4),
    }
