"""The embedder's command line.

`python -m embedder --day D --shard I --shards N` processes a shard of a day; it exits with 0 also when songs were
rejected. `python -m embedder separate FILE DIRECTORY` writes the stems of one file. `python -m embedder mel TRACK --day
D --start S --seconds N --out FILE` writes a few seconds of a song as a mel spectrogram. `python -m embedder weights`
says in JSON how it stands with the separator's weights, with `--fetch` after fetching what is missing. `python -m
embedder statistics FOLDER` measures the whitening constants again; see embedder/models/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from nightjar.errors import NightjarError
from nightjar.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.command == "separate":
            _separate(Settings.load(), given.file, given.directory)
        elif given.command == "mel":
            _mel(Settings.load(), given)
        elif given.command == "weights":
            _weights(Settings.load(), given.fetch)
        elif given.command == "statistics":
            _statistics(given.folder)
        elif given.day is None:
            parser.error("name --day, --shard and --shards, or a command")
        else:
            from embedder.pipeline import run_shard

            run_shard(Settings.load(), given.day, given.shard, given.shards)
    except NightjarError as error:
        print(f"embedder: {error}", file=sys.stderr)
        return 2
    return 0


def _separate(settings: Settings, file: Path, directory: Path) -> None:
    from embedder import decode, separate, stems, weights
    from embedder.htdemucs import Htdemucs

    if not file.exists():
        raise NightjarError(f"there is no file {file}", "Name an audio file")
    directory.mkdir(parents=True, exist_ok=True)
    network = Htdemucs(weights.load(settings), settings.embedder_threads)
    with tempfile.TemporaryDirectory() as folder:
        pcm = decode.decode(file, Path(folder) / "mix.raw")
        made = stems.write(separate.separate(pcm, network), directory)
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
    from embedder import statistics, vectors

    vectors.STATISTICS.parent.mkdir(exist_ok=True)
    print(f"{statistics.measure(folder, vectors.STATISTICS)} songs, written to {vectors.STATISTICS}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedder", description="Stems, vectors and fingerprints of songs.")
    parser.add_argument("--day", help="YYYY-MM-DD")
    parser.add_argument("--shard", type=int, default=0, help="which shard, from 0")
    parser.add_argument("--shards", type=int, default=1, help="how many there are")
    commands = parser.add_subparsers(dest="command")
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
    kept = commands.add_parser("weights", help="how it stands with the separator's weights, in JSON")
    kept.add_argument("--fetch", action="store_true", help="fetch them if they are not there")
    constants = commands.add_parser("statistics", help="measure the whitening constants on a folder of songs")
    constants.add_argument("folder", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
