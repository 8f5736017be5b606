"""Music to train on: free game soundtracks that come as Debian packages, nearly all of it instrumental.

`packages.txt` names the packages; their contents are listed in docs/models.md. They are fetched by the package manager,
which checks their signatures, and unpacked without being installed, so that nobody needs to be root.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import soundfile

from nightjar.errors import NightjarError

PACKAGES = Path(__file__).parent / "packages.txt"
SUFFIXES = {".ogg", ".mp3", ".flac", ".opus", ".wav"}
ARCHIVES = ("*.zip", "*.pk3")
SHORTEST_S = 30.0
"""A shorter file is a jingle or an effect."""
Say = Callable[[str], None]


def fetch(folder: Path, say: Say = print) -> int:
    """Have the songs of all packages in `folder`, one folder a package; returns how many songs there are.

    A package that is there already is left alone. Raises NightjarError if the package manager cannot fetch one.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise NightjarError(
                f"there is no {tool} on this machine", "Fetch the music on Debian or Ubuntu, or train on other folders"
            )
    names = package_names()
    for number, name in enumerate(names, start=1):
        target = folder / name
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=_made(folder)) as scratch:
                songs = _unpacked(name, Path(scratch))
                songs.rename(target)  # whole or not at all
        say(f"package {number}/{len(names)} {name}: {sum(1 for _ in target.iterdir())} songs")
    return sum(1 for name in names for _ in (folder / name).iterdir())


def package_names(held_out: bool | None = None) -> list[str]:
    """The packages' names: all, or only those that no training may see, or only the others."""
    lines = [line.split() for line in PACKAGES.read_text().splitlines() if not line.startswith("#")]
    return [name for name, *mark in lines if held_out is None or held_out == (mark == ["test"])]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unpacked(name: str, scratch: Path) -> Path:
    """The package's songs in a folder within `scratch`, named by their folder and file."""
    run = subprocess.run(
        ["apt-get", "download", "--quiet", name], cwd=scratch, capture_output=True, text=True, check=False
    )
    packed = sorted(scratch.glob("*.deb"))
    if run.returncode or not packed:
        raise NightjarError(
            f"the package {name} cannot be fetched: {run.stderr.strip()[-300:]}", "Run apt-get update, and try again"
        )
    root, songs = scratch / "root", scratch / "songs"
    songs.mkdir()
    subprocess.run(["dpkg-deb", "--extract", packed[0], root], check=True)
    for archive in (each for kind in ARCHIVES for each in root.rglob(kind)):
        with zipfile.ZipFile(archive) as within:
            inside = [each for each in within.namelist() if Path(each).suffix.lower() in SUFFIXES]
            within.extractall(archive.with_suffix(".unpacked"), inside)
    for file in _songs(root):
        file.rename(songs / f"{file.parent.name}__{file.name}")
    return songs


def _songs(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or file.is_symlink() or not file.is_file():
            continue
        try:
            if soundfile.info(file).duration >= SHORTEST_S:
                yield file
        except soundfile.LibsndfileError:
            continue  # an effect in a form that is no music file
