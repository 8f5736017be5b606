"""Separation beside the `demucs` command: `.venv-embedder/bin/python -m tests.bench.separation SONGS [--stems DIR]`.

The same songs, decoded to WAV before, go through the command as one calls it (`demucs --two-stems vocals`, which uses
every core) and through the embedder's code as a night runs it, with a process for each core. Both write both stems.
Prints seconds of audio per second for each and their ratio; CPU seconds per minute of audio besides. `--stems` names
folders with `mix.*`, `vocals_true.*` and `accompaniment_true.*`: the same by quality, in SDR.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from embedder import decode, separate, signal, stems, weights
from nightjar.ffmpeg import command
from nightjar.settings import Settings

_NETWORK = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("songs", type=Path, nargs="*", help="files")
    parser.add_argument("--stems", type=Path, help="a folder of songs with their true stems")
    asked = parser.parse_args()
    settings = Settings.load()
    if not settings.weights_dir:
        sys.exit("set NIGHTJAR_WEIGHTS_DIR: the demucs command is told to take the same weights from there")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        true = sorted(each for each in asked.stems.glob("*") if each.is_dir()) if asked.stems else []
        mixes = [next(each.glob("mix.*")) for each in true]
        named = [*asked.songs, *mixes]
        if not named or not all(file.is_file() for file in named):
            sys.exit("name songs that are there, or by --stems a folder of folders with their mixes and true stems")
        songs = [_wav(file, place / f"{number}.wav") for number, file in enumerate(named)]
        seconds = sum(soundfile.info(song).duration for song in songs)
        print(f"{len(songs)} songs, {seconds:.0f} s, {os.cpu_count()} cores: first the command, then ours", flush=True)
        command = _timed(lambda: _by_command(settings, songs, place / "theirs"))
        ours = _timed(lambda: _by_us(settings, songs, place))
        for name, (wall, cpu) in (("demucs command", command), ("embedder", ours)):
            print(f"{name}: {seconds / wall:.2f} x real time, {60 * cpu / seconds:.1f} CPU-s a minute")
        print(f"ratio of throughput: {command[0] / ours[0]:.2f}")
        for number, each in enumerate(true, start=len(asked.songs)):
            _quality(each, place, str(number))


def _timed(run: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds, children's included."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _wav(file: Path, target: Path) -> Path:
    subprocess.run(command("-i", file, "-ar", signal.RATE, "-ac", 2, target), check=True, stdin=subprocess.DEVNULL)
    return target


def _by_command(settings: Settings, songs: list[Path], out: Path) -> None:
    command = [Path(sys.executable).parent / "demucs", "-n", "htdemucs", "--repo", settings.weights_dir]
    command += ["--two-stems", "vocals", "-o", out, *songs]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _by_us(settings: Settings, songs: list[Path], place: Path) -> None:
    longest_first = sorted(songs, key=lambda song: -song.stat().st_size)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _load, (settings,)) as pool:
        list(pool.map(_separate, longest_first, [place / "ours" / song.stem for song in longest_first]))


def _load(settings: Settings) -> None:
    global _NETWORK
    from embedder.htdemucs import Htdemucs

    _NETWORK = Htdemucs(weights.load(settings, lambda _: None))


def _separate(song: Path, target: Path) -> None:
    """Both stems at full rate, for the comparison, and as they are stored."""
    target.mkdir(parents=True)
    pcm = decode.decode(song, target / "mix.raw")
    pieces = list(separate.separate(pcm, _NETWORK, batch=_NETWORK.batch))
    stems.write(pieces, target)
    for part, name in enumerate(("no_vocals", "vocals")):
        whole = np.concatenate([piece[part] for piece in pieces], axis=1).T
        soundfile.write(target / f"{name}.wav", whole, signal.RATE, "FLOAT")


def _quality(folder: Path, place: Path, number: str) -> None:
    for part, true in (("vocals", "vocals_true"), ("no_vocals", "accompaniment_true")):
        truth = _read(_wav(next(folder.glob(f"{true}.*")), place / f"{number}-{true}.wav"))
        found = [_sdr(truth, _read(place / made / number / f"{part}.wav")) for made in ("theirs/htdemucs", "ours")]
        print(f"{folder.name} {part}: demucs command {found[0]:.2f} dB SDR, embedder {found[1]:.2f}")


def _read(file: Path) -> np.ndarray:
    return soundfile.read(file, dtype="float32")[0]


def _sdr(truth: np.ndarray, estimate: np.ndarray) -> float:
    length = min(len(truth), len(estimate))
    noise = truth[:length] - estimate[:length]
    return float(10 * np.log10((truth[:length] ** 2).sum() / (noise**2).sum()))


if __name__ == "__main__":
    main()
