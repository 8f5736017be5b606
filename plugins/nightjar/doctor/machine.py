"""This machine: the library's versions, its files and folders, and settings that make no sense together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nightjar.doctor.examine import Finding, fail, ok, skip, warn
from nightjar.embed.runner import RUNNERS
from nightjar.ffmpeg import program
from nightjar.settings import REPOSITORY, Settings

VERSIONS, FOLDERS, SETTINGS = "versions", "folders", "settings"

_MATTER = ("boto3", "duckdb", "imageio-ffmpeg", "implicit", "numba", "numpy", "pandas", "pyarrow", "pymilvus", "redis")
"""Packages of which another version may give other bytes, or none."""
_LOCKED = re.compile(r"^([A-Za-z0-9-]+)==(\S+)", re.MULTILINE)
_NO_SETTINGS = re.compile(r"NIGHTJAR_(ENV_FILE|SCRATCH|SERVICE|TEST_\w+)")
"""Variables with our prefix that are not settings."""
_FREE_BYTES = 8 * 2**30
"""Three hours of decoded sound are 4 GB, a million lists on their way 1.6 GB."""
_SONG_SECONDS = 4 * 70
"""What embedding a song of four minutes costs on one thread, with some to spare."""
_SHARD_SECONDS = 6 * 3600
"""How long a shard's task may take, see dags/embed_tracks.py."""
_EMBEDDER_MB = 2600


def look_at_versions(_: Settings) -> Iterator[Finding]:
    """The interpreter, what the lock says of the packages that matter, and ffmpeg."""
    if sys.version_info[:2] == (3, 11):
        yield ok(VERSIONS, f"Python {sys.version.split()[0]}")
    else:
        yield fail(VERSIONS, f"Python {sys.version.split()[0]}", "Nightjar's lock is for 3.11: make install")
    lock = REPOSITORY / "requirements.txt"
    wanted = dict(_LOCKED.findall(lock.read_text())) if lock.exists() else {}
    other = {name: installed(name) for name in _MATTER if name in wanted and installed(name) != wanted[name]}
    if other:
        text = ", ".join(f"{name} {have or 'missing'} instead of {wanted[name]}" for name, have in other.items())
        yield warn(VERSIONS, text, "make install, or build the image again: nights are tested with the lock")
    elif wanted:
        yield ok(VERSIONS, f"{len(_MATTER)} packages as locked")
    else:
        yield skip(VERSIONS, "no lock is beside the library to compare with")
    done = subprocess.run([program(), "-version"], capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        yield fail(VERSIONS, "ffmpeg does not run", "Install imageio-ffmpeg: make install")
    else:
        yield ok(VERSIONS, " ".join(done.stdout.split()[:3]))


def installed(name: str) -> str:
    """The version of a package in this environment, empty where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def look_at_folders(settings: Settings) -> Iterator[Finding]:
    """What is written to must be writable, and have room."""
    if not list(Path(settings.sql_dir).glob("*.sql")):
        yield fail(FOLDERS, f"there is no SQL in {settings.sql_dir}", "Set NIGHTJAR_SQL_DIR to the repository's sql")
    temporary = Path(tempfile.gettempdir())
    if (asked := os.environ.get("TMPDIR")) and Path(asked).resolve() != temporary.resolve():
        yield warn(FOLDERS, f"TMPDIR={asked} cannot be written: {temporary} is taken", "Make that folder, or unset it")
    free = shutil.disk_usage(temporary).free
    if free < _FREE_BYTES:
        yield warn(FOLDERS, f"{free / 2**30:.1f} GB free in {temporary}", "Free some, or set TMPDIR elsewhere: 8 GB")
    else:
        yield ok(FOLDERS, f"{free / 2**30:.0f} GB free in {temporary}")
    if settings.embedder_runner == "subprocess" and not settings.weights_dir:
        cache = Path(settings.cache_dir).expanduser()
        try:
            cache.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=cache).close()
        except OSError as error:
            yield fail(FOLDERS, f"weights cannot be kept in {cache}: {error.strerror}", "Set NIGHTJAR_CACHE_DIR")
        else:
            yield ok(FOLDERS, f"{cache} can be written")


def look_at_settings(settings: Settings, environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Names that are none, values that cannot be, and sizes that do not fit each other."""
    found = [*_unknown(os.environ if environ is None else environ)]
    found += [fail(SETTINGS, error.message, error.remedy) for error in settings.wrong().values()]
    found += _sizes(settings.sound())
    yield from found or [ok(SETTINGS, "nothing that makes no sense")]


def _unknown(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = [f"NIGHTJAR_{field.name.upper()}" for field in fields(Settings)]
    for name in sorted(environ):
        if name.startswith("NIGHTJAR_") and name not in known and not _NO_SETTINGS.fullmatch(name):
            near = get_close_matches(name, known, n=1)
            yield warn(SETTINGS, f"{name} is no setting", f"Did you mean {near[0]}?" if near else "Remove it")


def _sizes(settings: Settings) -> Iterator[Finding]:
    runner = settings.embedder_runner
    if runner not in RUNNERS:
        yield fail(SETTINGS, f"NIGHTJAR_EMBEDDER_RUNNER={runner!r} is not known", f"Set one of {', '.join(RUNNERS)}")
    elif runner != "subprocess" and not settings.embedder_image:
        yield fail(SETTINGS, f"NIGHTJAR_EMBEDDER_RUNNER={runner} has no image", "Set NIGHTJAR_EMBEDDER_IMAGE")
    elif runner != "subprocess" and re.search(r"(:latest|/[^:@]*|^[^:@]*)$", settings.embedder_image):
        yield warn(
            SETTINGS, f"the image {settings.embedder_image} has no version", "Name one, so that a retry runs the same"
        )
    if settings.embedder_gpus and not re.fullmatch("[1-9][0-9]*", settings.embedder_gpus):
        yield fail(SETTINGS, f"NIGHTJAR_EMBEDDER_GPUS={settings.embedder_gpus!r} is no number", "Set 1, or empty it")
    if settings.embedder_memory_mb < _EMBEDDER_MB:
        yield warn(
            SETTINGS,
            f"NIGHTJAR_EMBEDDER_MEMORY_MB={settings.embedder_memory_mb} is less than a separation takes",
            "Set 4096: a process needs 2.5 GB",
        )
    seconds = settings.shard_songs * _SONG_SECONDS / settings.embedder_threads
    if settings.separator != "none" and seconds > _SHARD_SECONDS:
        yield warn(
            SETTINGS,
            f"NIGHTJAR_SHARD_SONGS={settings.shard_songs} songs take about {seconds / 3600:.0f} hours to embed, and a "
            f"task may take {_SHARD_SECONDS // 3600}",
            f"Set {_SHARD_SECONDS * settings.embedder_threads // _SONG_SECONDS} or fewer",
        )
    if runner == "subprocess" and settings.embedder_threads > (os.cpu_count() or 1):
        yield warn(
            SETTINGS,
            f"NIGHTJAR_EMBEDDER_THREADS={settings.embedder_threads} on {os.cpu_count()} cores",
            "Set 1, and give the pool separation a slot for each core",
        )
    if settings.separator == "none":
        yield warn(SETTINGS, "NIGHTJAR_SEPARATOR=none separates nothing", "It is for evaluations: unset it")
