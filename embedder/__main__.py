"""`python -m embedder`: a shard of a day into the lake. `python -m embedder separate FILE DIRECTORY`: one file's stems."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from nightjar.errors import NightjarError
from nightjar.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        settings = Settings.load()
        return _separate(settings, given.file, given.directory)
    except NightjarError as error:
        print(f"embedder: {error}", file=sys.stderr)
        return 2


def _separate(settings: Settings, file: Path, directory: Path) -> int:
    from embedder import decode, separate, stems, weights
    from embedder.htdemucs import Htdemucs

    if not file.exists():
        raise NightjarError(f"there is no file {file}", "Name an audio file")
    directory.mkdir(parents=True, exist_ok=True)
    network = Htdemucs(weights.load(settings), settings.embedder_threads)
    with tempfile.TemporaryDirectory() as folder:
        pcm = decode.decode(file, Path(folder) / "mix.raw")
        made = stems.write(separate.separate(pcm, network), directory)
    _, vocals, mix = stems.levels(made)
    print(f"{made.accompaniment}\n{made.vocals}\nvocals {stems.relative_db(vocals, mix):.1f} dB relative to the mix")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedder", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("separate", help="write accompaniment.flac and vocals.flac of one audio file")
    one.add_argument("file", type=Path)
    one.add_argument("directory", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
