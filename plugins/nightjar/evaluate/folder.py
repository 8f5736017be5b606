"""A folder of songs and their altered copies, with the table of what each pair of them is."""

from __future__ import annotations

import csv
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path, PurePosixPath

from nightjar.duplicates.verdict import DUPLICATE, FRAGMENT
from nightjar.errors import NightjarError
from nightjar.evaluate.alterations import ALTERATIONS, Alteration
from nightjar.evaluate.copies import NobodySings, Unreadable, alter, seconds_of
from nightjar.evaluate.metrics import ANY
from nightjar.evaluate.progress import Progress
from nightjar.evaluate.truth import songs_in
from nightjar.parent import end_with_the_parent
from nightjar.thresholds import FRAGMENT_MAX_RATIO

PROCESSES = 2
"""Copies that are made side by side."""

TABLE = "truth.csv"
_SHORTEST_S = 5.0
"""Shorter songs have no copies: of less nothing is comparable, and a song has at least 3 s."""
_BORDER = 0.03
"""Every copy stays this far from the share of a song that divides fragments from duplicates, so that it is clear."""


@dataclass
class Made:
    """What a folder came to hold."""

    songs: list[str] = field(default_factory=list)
    """The originals."""
    copies: Counter[str] = field(default_factory=Counter)
    """How many there are of each alteration."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many songs each alteration left out: they are too short for it, or nobody sings."""
    unreadable: list[dict] = field(default_factory=list)
    """`file` and `detail` of what is no song."""


def chosen(kinds: Sequence[str] | None) -> list[Alteration]:
    """The alterations of these names; if none are given, all that need no separation, which takes a minute for each
    minute. Raises NightjarError that lists them."""
    unknown = [name for name in kinds or () if name not in ALTERATIONS]
    if unknown:
        raise NightjarError(f"there is no alteration {unknown[0]!r}", f"There are {', '.join(ALTERATIONS)}")
    if kinds:
        return [ALTERATIONS[name] for name in kinds]
    return [each for each in ALTERATIONS.values() if not each.without_voice]


def fits(alteration: Alteration, seconds: float) -> bool:
    """Whether a song of that length is long enough for its copy to be what the alteration says that it is."""
    if seconds < _SHORTEST_S:
        return False
    if alteration.piece_s is not None:
        clear = FRAGMENT_MAX_RATIO - _BORDER if alteration.verdict == FRAGMENT else 1.0
        return alteration.piece_s <= clear * seconds
    if alteration.verdict != DUPLICATE:
        return True
    copied = seconds - alteration.start_s - alteration.end_s + alteration.intro_s
    return min(copied, seconds) >= (FRAGMENT_MAX_RATIO + _BORDER) * max(copied, seconds)


def make(songs: Path, out: Path, kinds: Sequence[str] | None = None, limit: int | None = None) -> Made:
    """Write the songs, at most `limit` of them spread evenly, their copies and TABLE into the new folder `out`.

    It appears when it is whole. Files that are no songs and songs that are too short for a kind are left out. Raises
    NightjarError for unknown kinds, a folder that is missing or not empty, and copies that cannot be made.
    """
    alterations, found = chosen(kinds), songs_in(songs)
    if limit is not None and limit < len(found):
        found = [found[index * len(found) // limit] for index in range(limit)]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise NightjarError(f"{out} is not an empty folder", "Name a new one")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise NightjarError(f"{out} cannot be made: {error.strerror}", "Name a folder in another place") from error
    with _leaving_on_signals():
        try:
            made = _filled(half, songs, found, alterations)
            half.chmod(0o755)
            half.replace(out)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return made


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Within, a signal to end is an exception, so that everything is tidied up."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_a_worker() -> None:
    """In a worker: it must not wait for work from a process that was killed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    end_with_the_parent()


def _filled(out: Path, songs: Path, found: Sequence[str], alterations: Sequence[Alteration]) -> Made:
    made, progress, rows = Made(), Progress(), []
    pool = ProcessPoolExecutor(PROCESSES, initializer=_in_a_worker)
    try:
        with progress.stage("read", len(found)):
            lengths = _lengths(pool, songs, found, made, progress)
        if not lengths:
            raise NightjarError(f"there is no song in {songs}", "Give a folder with audio files")
        with progress.stage("copy", len(lengths)):
            jobs = {name: _copied(pool, songs, name, out, alterations, lengths, made) for name in lengths}
            for name, copies in jobs.items():
                rows += _rows(out, name, _written(copies, made))
                progress.add()
    finally:
        pool.shutdown(cancel_futures=True)
    with (out / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([("a", "b", "verdict", "case"), *rows])
    return made


def _lengths(
    pool: ProcessPoolExecutor, songs: Path, found: Sequence[str], made: Made, progress: Progress
) -> dict[str, float]:
    """Seconds of each file that is a song."""
    lengths = {}
    for name, job in [(name, pool.submit(seconds_of, songs / name)) for name in found]:
        try:
            lengths[name] = job.result()
        except Unreadable as error:
            made.unreadable.append({"file": name, "detail": error.message})
        progress.add()
    return lengths


def _copied(
    pool: ProcessPoolExecutor,
    songs: Path,
    name: str,
    out: Path,
    alterations: Sequence[Alteration],
    lengths: dict[str, float],
    made: Made,
) -> list[tuple[Alteration, Future[Path]]]:
    """Copy an original, and order its altered copies; those that do not fit it are counted."""
    target = out / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(songs / name, target)
    made.songs.append(name)
    fitting = [each for each in alterations if fits(each, lengths[name])]
    made.left_out.update(each.name for each in alterations if each not in fitting)
    stem = _stem(name, lengths)
    order = partial(pool.submit, alter, songs / name)
    return [(each, order(each, target.with_name(f"{stem}--{each.name}"))) for each in fitting]


def _written(copies: Sequence[tuple[Alteration, Future[Path]]], made: Made) -> list[tuple[Alteration, Path]]:
    """The copies of a song that there are in the end, counted."""
    written = []
    for alteration, job in copies:
        try:
            written.append((alteration, job.result()))
            made.copies[alteration.name] += 1
        except NobodySings:
            made.left_out[alteration.name] += 1
    return written


def _stem(name: str, names: dict[str, float]) -> str:
    """What the copies of a song are called after: its name without the ending, unless another song has that as well."""
    path = PurePosixPath(name)
    alike = [other for other in map(PurePosixPath, names) if other.parent == path.parent and other.stem == path.stem]
    return path.stem if len(alike) == 1 else path.name


def _rows(out: Path, name: str, copies: Sequence[tuple[Alteration, Path]]) -> list[tuple[str, str, str, str]]:
    """The rows of one song: each copy with it, and each two of its copies."""
    written = [(kind, path.relative_to(out).as_posix()) for kind, path in copies]
    with_original = [(name, copy, kind.verdict, kind.name) for kind, copy in written]
    return with_original + [(one, other, ANY, "") for (_, one), (_, other) in combinations(written, 2)]
