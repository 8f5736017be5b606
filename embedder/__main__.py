"""The embedder's command line.

`python -m embedder --day D --shard I --shards N` processes a shard of a day; it exits with 0 also when songs were
rejected; with `--like MODEL` it starts from what that model's run of the day has left. `python -m embedder models`
lists the models. `python -m embedder separate FILE DIRECTORY` writes the stems of one file. `python -m embedder mel
TRACK --day D --start S --seconds N --out FILE` writes a few seconds of a song as a mel spectrogram. `python -m embedder
weights` says in JSON how it stands with the separator's weights, with `--fetch` after fetching what is missing. `python
-m embedder vectors` describes files by several models, for evaluations. `python -m embedder music FOLDER` fetches music
to train on, `python -m embedder train FOLDER ... --work FOLDER` trains our CNN; see docs/models.md. `python -m embedder
statistics FOLDER` measures the whitening constants again; see embedder/models/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from embedder import kernels
from nightjar import parts
from nightjar.errors import NightjarError
from nightjar.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    kernels.bring()
    try:
        if said := parts.take(os.environ):
            print(f"embedder: {said}", file=sys.stderr)
        if given.command == "separate":
            _separate(Settings.load(), given.file, given.directory)
        elif given.command == "mel":
            _mel(Settings.load(), given)
        elif given.command == "weights":
            _weights(Settings.load(), given.fetch)
        elif given.command == "statistics":
            _statistics(given.folder)
        elif given.command == "vectors":
            _vectors(Settings.load(), given)
        elif given.command == "models":
            _models(given.out)
        elif given.command == "music":
            _music(given.folder)
        elif given.command == "train":
            _train(given)
        elif given.day is None:
            parser.error("name --day, --shard and --shards, or a command")
        elif given.like:
            from embedder.following import follow_shard

            follow_shard(Settings.load(), given.day, given.shard, given.like)
        else:
            from embedder.pipeline import run_shard

            run_shard(Settings.load(), given.day, given.shard, given.shards)
    except NightjarError as error:
        print(f"embedder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("embedder: stopped; the same command goes on with what is not done", file=sys.stderr)
        return 130
    return 0


def _separate(settings: Settings, file: Path, directory: Path) -> None:
    from embedder import decode, separate, stems, weights
    from embedder.htdemucs import Htdemucs

    if not file.is_file():
        raise NightjarError(f"there is no file {file}", "Name an audio file")
    if directory.exists() and not directory.is_dir():
        raise NightjarError(f"{directory} is no folder", "Name one for the stems")
    network = Htdemucs(weights.load(settings), settings.embedder_threads)
    with tempfile.TemporaryDirectory() as folder:
        pcm = decode.decode(file, Path(folder) / "mix.raw")
        directory.mkdir(parents=True, exist_ok=True)
        made = stems.write(separate.separate(pcm, network, batch=network.batch), directory)
    rms = stems.levels(made)
    level = stems.relative_db(rms.vocals, rms.mix)
    print(f"{made.accompaniment}\n{made.vocals}\nvocals {level:.1f} dB relative to the mix")


def _mel(settings: Settings, given: argparse.Namespace) -> None:
    from embedder import excerpt

    excerpt.write_mel(settings, given.track, given.day, given.start, given.seconds, given.part, given.out)


def _weights(settings: Settings, fetch: bool) -> None:
    from embedder import weights

    if fetch:
        weights.load(settings, say=lambda line: print(line, file=sys.stderr))
    state, detail = weights.about(settings)
    print(json.dumps({"state": state, "detail": detail}))


def _statistics(folder: Path) -> None:
    from embedder import embedding, statistics

    target = embedding.file_of("msd_musicnn-2")
    print(f"{statistics.measure(folder, target)} songs, written to {target}")


def _vectors(settings: Settings, given: argparse.Namespace) -> None:
    from embedder import describe

    files = [Path(line) for line in given.files.read_text().splitlines()]
    describe.describe(settings, files, given.models.split(","), not given.no_separation, given.out)


def _models(out: Path) -> None:
    from embedder import embedding

    out.write_text("".join(f"{name}\n" for name in embedding.MODELS if embedding.file_of(name).exists()))


def _music(folder: Path) -> None:
    from embedder.training import material

    print(f"{material.fetch(folder)} songs in {folder}")


def _train(given: argparse.Namespace) -> None:
    from embedder.training import material, run, spectrograms

    held_out = given.held_out.split(",") if given.held_out is not None else material.package_names(held_out=True)
    groups = {group for group, _ in spectrograms.listed(given.folders)}
    if given.held_out and (unknown := sorted(set(held_out) - groups)):
        raise NightjarError(
            f"there is no group {unknown[0]!r} to hold out", "Groups are the folders within those named"
        )
    asked = run.Run(
        given.folders,
        given.work,
        frozenset(held_out),
        given.mixtures,
        given.epochs,
        given.seed,
        given.processes,
        not given.float32,
    )
    print(f"written to {run.train(asked)}")


def _above_zero(value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number above 0")
    return int(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedder", description="Stems, vectors and fingerprints of songs.")
    parser.add_argument("--day", help="YYYY-MM-DD")
    parser.add_argument("--shard", type=int, default=0, help="which shard, from 0")
    parser.add_argument("--shards", type=int, default=1, help="how many there are")
    parser.add_argument("--like", default="", help="a model that has embedded the day: start from its stems and prints")
    commands = parser.add_subparsers(dest="command")
    models = commands.add_parser("models", help="write the names of the models that this embedder makes, one a line")
    models.add_argument("--out", type=Path, required=True, help="the file to write")
    one = commands.add_parser("separate", help="write accompaniment.flac and vocals.flac of one audio file")
    one.add_argument("file", type=Path)
    one.add_argument("directory", type=Path)
    excerpt = commands.add_parser("mel", help="write a song's log mel spectrogram, a few seconds of it, as .npy")
    excerpt.add_argument("track", help="a track id of the day")
    excerpt.add_argument("--day", required=True, help="YYYY-MM-DD")
    excerpt.add_argument("--start", type=float, default=0.0, help="from this second on")
    excerpt.add_argument("--seconds", type=float, default=10.0, help="so many seconds")
    excerpt.add_argument("--part", choices=("mix", "accompaniment", "vocals"), default="mix")
    excerpt.add_argument("--out", type=Path, required=True, help="the file to write")
    several = commands.add_parser("vectors", help="describe files by several models, for evaluations")
    several.add_argument("--files", type=Path, required=True, help="a file that names them, one a line")
    several.add_argument("--models", required=True, help="names with commas between")
    several.add_argument("--no-separation", action="store_true", help="take the mix for the accompaniment")
    several.add_argument("--out", type=Path, required=True, help="the Parquet file to write")
    music = commands.add_parser("music", help="fetch free game music to train on, 5 GB, by apt-get")
    music.add_argument("folder", type=Path, help="gets a folder for each package")
    train = commands.add_parser("train", help="train our CNN; a run that was interrupted goes on")
    train.add_argument("folders", type=Path, nargs="+", help="32 songs at least; a folder within is a group")
    train.add_argument("--work", type=Path, required=True, help="where spectrograms, backups and the result are kept")
    train.add_argument(
        "--held-out",
        help="groups (artists, packages) not to train on, with commas between; default: those of the package list",
    )
    train.add_argument(
        "--mixtures",
        type=_above_zero,
        default=96,
        help="chunks of 256 patches to make of the songs for the teacher to hear (%(default)s)",
    )
    train.add_argument("--epochs", type=_above_zero, default=30, help="of 100 steps of 128 patches (%(default)s)")
    train.add_argument("--seed", type=int, default=1, help="of all that is drawn by chance (%(default)s)")
    train.add_argument("--processes", type=_above_zero, default=2, help="that decode and ask the teacher (%(default)s)")
    train.add_argument("--float32", action="store_true", help="do not compute in bfloat16")
    kept = commands.add_parser("weights", help="how it stands with the separator's weights, in JSON")
    kept.add_argument("--fetch", action="store_true", help="fetch them if they are not there")
    constants = commands.add_parser("statistics", help="measure the whitening constants on a folder of songs")
    constants.add_argument("folder", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
