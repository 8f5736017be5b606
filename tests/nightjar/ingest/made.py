"""Small audio files of every kind, made by ffmpeg, and what the lake holds after a step."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg

from nightjar.ingest import judge, probe
from nightjar.ingest.judge import Reject, Sound
from nightjar.lake import Lake, Partition


@cache
def sound(extension: str, *arguments: str, source: str = "sine=440:duration=4") -> bytes:
    """A file of that kind with what ffmpeg's `source` filter plays; `arguments` go to the encoder's side."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"made.{extension}"
        run = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, *arguments, str(path)]
        subprocess.run(run, check=True, timeout=300)
        return path.read_bytes()


def song() -> bytes:
    """A fit upload."""
    return sound("mp3", "-b:a", "64k")


def contents(lake: Lake, prefix: str = "lake/") -> dict[str, bytes]:
    """Every object below `prefix`."""
    return {seen.key: lake.objects.get(seen.key) for seen in lake.objects.list(prefix)}


def rejects(lake: Lake, day: str, stage: str = "ingest") -> dict[str, tuple[str, str]]:
    """Reason and detail by file name."""
    rows = lake.read(Partition("rejects", day, stage=stage)).to_pylist()
    return {row["key"].rpartition("/")[2]: (row["reason"], row["detail"]) for row in rows}


def probed(tmp_path: Path, body: bytes) -> Sound | Reject:
    """What the probe says of a file of these bytes."""
    path = tmp_path / "upload"
    path.write_bytes(body)
    return probe.probe(path)


def why_not(found: Sound | Reject) -> str | None:
    """Why it is no song, if it is none."""
    reject = found if isinstance(found, Reject) else judge.sound(found)
    return reject.reason if reject else None
