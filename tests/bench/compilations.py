"""Albums, mixes, medleys and pieces of real songs: what is contained in what, and which groups are false.

Songs are taken four at a time. Each case has a library of its own, in the order of its days. A group is *false* if it
holds two songs, or a song and a compilation; a group, or a pair of a compilation and its part, that should come out and
does not is *missed*; one that comes out and is not true is a false pair. Two different compilations that have most of
their songs in common may be one group: these are counted apart.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import ceil
from pathlib import Path

import numpy as np

from embedder.decode import SongRejected, decode
from embedder.signal import RATE
from nightjar.duplicates.groups import groups
from nightjar.duplicates.links import Link, Song
from nightjar.duplicates.verdict import DISTINCT, Comparison, Prints, Younger
from tests.nightjar.duplicates.heard import upload

SETS, SONGS = 3, 4
"""Sets of songs, and songs in each."""
FADE_S = 4.0
"""Songs of a mix overlap by this."""
HOUR_S = 3600.0
LONGEST_S = 40.0
"""Of a song of the folder, so that an hour holds most of them."""

COLUMNS = (
    *("libraries", "pairs", "contains", "contains found", "false contains"),
    *("groups", "groups found", "false groups", "albums in one"),
)
"""Of the table."""

Sound = np.ndarray
"""(n, 2) float32 at RATE."""


@dataclass(frozen=True, eq=False)
class Made:
    """One upload. Uploads of one `recording` are one song; a compilation is a recording of its own."""

    name: str
    recording: str
    prints: Prints

    @cached_property
    def younger(self) -> Younger:
        return Younger(self.prints)


@dataclass(frozen=True)
class Case:
    """Days of uploads, and the pairs (compilation, part) that must come out."""

    what: str
    days: tuple[tuple[Made, ...], ...]
    contains: tuple[tuple[Made, Made], ...] = ()

    def counts(self, compared: Callable[[Made, Made], Comparison]) -> np.ndarray:
        """One number for each of COLUMNS."""
        ordered = [(f"2026-11-{20 + day}", each) for day, uploads in enumerate(self.days) for each in uploads]
        songs = {each.name: Song(day, at, each.name, each.prints.seconds) for at, (day, each) in enumerate(ordered)}
        recording = {each.name: each.recording for _, each in ordered}
        pairs = combinations((each for _, each in ordered), 2)
        found = {(a.name, b.name): compared(a, b) for a, b in pairs}
        grouping = groups([link(*pair, of) for pair, of in found.items() if of.verdict != DISTINCT], songs)
        together = defaultdict(set)
        for member, canonical in grouping.canonical.items():
            together[canonical].add(member)
        many = {name for name, times in Counter(recording.values()).items() if times > 1}
        whole = [{each for each in songs if recording[each] == name} for name in many]
        holders = {a.name for a, _ in self.contains}
        held, true = set(grouping.contained), {frozenset((a.name, b.name)) for a, b in self.contains}
        counted = (
            *(1, len(found), len(true), len(held & true), len(held - true)),
            *(len(whole), sum(each in together.values() for each in whole)),
            sum(len({recording[each] for each in group}) > 1 and not group <= holders for group in together.values()),
            sum(len({recording[each] for each in group}) > 1 and group <= holders for group in together.values()),
        )
        return np.array(counted)


def link(a: str, b: str, found: Comparison) -> Link:
    """A pair as grouping sees it."""
    spans = tuple((span.a_s, span.b_s, span.seconds) for span in found.spans)
    return Link(
        a,
        b,
        found.verdict,
        found.score,
        found.share,
        spans,
        found.speed,
        found.different,
        (found.a_sound_s, found.b_sound_s),
    )


def measure(folder: Path) -> int:
    """Print the table of compilations of the songs in `folder`; the number of false groups and pairs."""
    sounds = list(_sounds(sorted(path for path in folder.iterdir() if path.is_file())))
    if len(sounds) < SETS * SONGS:
        raise SystemExit(f"{folder} has {len(sounds)} songs; give a folder with {SETS * SONGS} or more")
    chosen = [sounds[at * len(sounds) // (SETS * SONGS)] for at in range(SETS * SONGS)]
    known: dict[tuple[str, str], Comparison] = {}

    def compared(a: Made, b: Made) -> Comparison:
        if (a.name, b.name) not in known:
            known[a.name, b.name] = b.younger.compare(a.prints)
        return known[a.name, b.name]

    rows: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(COLUMNS), int))
    singles: list[Made] = []
    for number in range(SETS):
        own = chosen[number::SETS]
        songs = _made(
            [(f"song {number}{name}", f"{number}{name}", each) for name, each in zip("abcd", own, strict=True)]
        )
        singles += songs
        for case in _cases(str(number), own, songs):
            rows[case.what] += case.counts(compared)
    hour = Made("hour", "hour", upload(_an_hour(sounds), RATE // 2, "mp3"))
    case = Case("a mix of an hour after its songs", (tuple(singles), (hour,)), tuple((hour, each) for each in singles))
    rows[case.what] += case.counts(compared)
    print("\n|", " | ".join(["compilations", *COLUMNS]), "|\n|" + "---|" * (len(COLUMNS) + 1))
    for what, counts in rows.items():
        print("|", " | ".join([what, *map(str, counts)]), "|")
    return int(sum(rows.values())[[COLUMNS.index("false contains"), COLUMNS.index("false groups")]].sum())


def _cases(number: str, sounds: Sequence[Sound], songs: Sequence[Made]) -> Iterator[Case]:
    """The cases of one set of songs."""
    a, b, c, d = sounds
    fifteen, ringtone = (_cut(b, 5, 5 + seconds) for seconds in (15, 25))
    cropped = _cut(a, 2, len(a) / RATE - 2)
    album, mix, piece, tone, twice, abc, bcd, again = _made(
        [
            (f"album {number}", f"album {number}", np.concatenate(sounds)),
            (f"mix {number}", f"mix {number}", _faded(sounds), "-af", "atempo=1.02"),
            (f"piece {number}", f"{number}b", fifteen),
            (f"ringtone {number}", f"{number}b", ringtone),
            (f"twice {number}", f"{number}a", np.concatenate([a, a])),
            (f"abc {number}", f"abc {number}", np.concatenate([a, b, c])),
            (f"bcd {number}", f"bcd {number}", np.concatenate([b, c, d])),
            (f"again {number}", f"{number}a", cropped),
        ]
    )
    songs, all_of_it = tuple(songs), tuple((album, each) for each in songs)
    yield Case("an album after its songs", (songs, (album,)), all_of_it)
    yield Case("an album before its songs", ((album,), songs), all_of_it)
    yield Case("a mix, faded, 2 % faster", (songs, (mix,)), tuple((mix, each) for each in songs))
    yield Case("a piece of a medley after both", (songs, (album,), (piece,)), (*all_of_it, (album, piece)))
    yield Case("a ringtone of a song", (songs, (tone,)))
    yield Case("a copy, and a song twice in one upload", (songs, (again,), (twice,)))
    shared = (*product((abc,), songs[:3]), *product((bcd,), songs[1:]))
    yield Case("two albums that share songs", (songs, (abc,), (bcd,)), shared)


def _made(wanted: Sequence[tuple]) -> list[Made]:
    """Uploads (name, recording, sound, filters of ffmpeg's...), as mp3."""
    with ThreadPoolExecutor(2) as threads:
        prints = threads.map(lambda each: upload(each[2], RATE, "mp3", *each[3:]), wanted)
        return [Made(name, recording, found) for (name, recording, *_), found in zip(wanted, prints, strict=True)]


def _sounds(files: Sequence[Path]) -> Iterator[Sound]:
    """Those of the files that are songs, the first LONGEST_S of them."""
    for file in files:
        with tempfile.TemporaryDirectory() as folder, suppress(SongRejected):
            pcm = decode(file, Path(folder) / "raw")
            yield np.ascontiguousarray(pcm.read(0, round(LONGEST_S * RATE)).T)


def _cut(sound: Sound, start_s: float, end_s: float) -> Sound:
    return sound[round(start_s * RATE) : round(end_s * RATE)]


def _faded(sounds: Sequence[Sound]) -> Sound:
    """Songs one after the other, each faded into the next."""
    fade = round(FADE_S * RATE)
    up = np.linspace(0, 1, fade, dtype=np.float32)[:, None]
    made = sounds[0]
    for following in sounds[1:]:
        both = made[-fade:] * up[::-1] + following[:fade] * up
        made = np.concatenate([made[:-fade], both, following[fade:]])
    return made


def _an_hour(sounds: Sequence[Sound]) -> np.ndarray:
    """All songs one after the other, and again, until they last an hour: mono at half the rate, (n,) float32."""
    halved = [each[: len(each) // 2 * 2].reshape(-1, 2, 2).mean(axis=(1, 2)) for each in sounds]
    once = np.concatenate(halved)
    return np.tile(once, ceil(HOUR_S * RATE / 2 / len(once)))
