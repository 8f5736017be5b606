"""What two songs are to each other, from the prints of their mix, accompaniment and vocals. Arithmetic only.

All three parts are compared over the same spans, those of the stronger of mix and accompaniment: the parts of a song
lie on the same clock, and vocals that would only agree somewhere else do not agree.

| verdict | mix | accompaniment | vocals | |
|---|---|---|---|---|
| duplicate | match | match | match, or nobody sings | |
| altered | match | match | match, or nobody sings | at another speed or pitch |
| fragment | the same, at any speed | | | one song is notably shorter, or they share only a part |
| cover | weaker | match | differ, or only one sings | |
| distinct | anything else | | | |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nightjar.duplicates.links import Places, overlap
from nightjar.duplicates.match import FIRST_WORD_S, SPEEDS, WORD_S, Query, Span, similarity, spans
from nightjar.thresholds import (
    ALTERED_MIN_CHANGE,
    FRAGMENT_MAX_RATIO,
    MAX_DIFFERENT,
    MIN_SHARE,
    SAME_BACKING_SIMILARITY,
    SAME_BACKING_SIMILARITY_ALTERED,
    SAME_MIX_SIMILARITY,
    SAME_PART_SIMILARITY,
    SAME_VOCALS_SIMILARITY,
    SILENCE_MIN_WORDS,
    SILENT_WORD,
    SINGING_DB,
    SINGING_DIFFERENCE_DB,
    WHOLE_SHARE,
)

DUPLICATE, FRAGMENT, ALTERED, COVER, DISTINCT = "duplicate", "fragment", "altered", "cover", "distinct"
CONTAINS = "contains"
"""A fragment of which grouping knows that its longer upload is a compilation: see `compilations`."""
SAME_RECORDING = (DUPLICATE, FRAGMENT, ALTERED)
"""Verdicts on one recording, whatever was done to it."""


@dataclass(frozen=True)
class Prints:
    """A song's Chromaprint words, uint32, empty where a part is silent; and the level of its vocals against the mix."""

    mix: np.ndarray
    accompaniment: np.ndarray
    vocals: np.ndarray
    vocals_db: float
    speeds: Sequence[Prints] = field(default=())
    """The same song with the PRINT_SPEEDS undone, in their order; only the younger of two songs needs them."""

    @property
    def sings(self) -> bool:
        return self.vocals_db > SINGING_DB

    @property
    def seconds(self) -> float:
        """The song's length, as near as its print tells."""
        return FIRST_WORD_S + len(self.mix) * WORD_S

    def sound_s(self, start_s: float = 0.0, end_s: float = math.inf) -> float:
        """Seconds from one second to another that are not silence, as near as the mix's print tells."""
        start_s, end_s = max(0.0, start_s), min(self.seconds, end_s)
        return max(0.0, end_s - start_s) - overlap(((start_s, end_s),), self._silences)

    @cached_property
    def _silences(self) -> Places:
        """From which second to which nothing is heard."""
        edges = np.flatnonzero(np.diff(self.mix == SILENT_WORD, prepend=False, append=False))
        runs = ((first, end) for first, end in edges.reshape(-1, 2).tolist() if end - first >= SILENCE_MIN_WORDS)
        return tuple((first * WORD_S, (end - 1) * WORD_S + FIRST_WORD_S) for first, end in runs)

    def at(self, speed: float) -> Prints:
        """The song with one of SPEEDS undone. Raises ValueError if it has no print at that speed."""
        return (self, *self.speeds)[SPEEDS.index(speed)]


PARTS = ("mix", "accompaniment", "vocals")


@dataclass(frozen=True)
class Comparison:
    """A verdict on songs a and b. Similarities are 1 - bit error rate over the spans, None if not comparable."""

    verdict: str
    score: float = 0.0
    """Mean similarity of the parts that decided, in [0, 1]."""
    decided_by: str = ""
    """Those parts."""
    mix: float | None = None
    accompaniment: float | None = None
    vocals: float | None = None
    offset_s: float = 0.0
    """Where b begins in a, by the span with the largest gain; negative where a begins in b."""
    overlap_s: float = 0.0
    """Of a, in all spans together."""
    share: float = 0.0
    """Of the shorter song's sound that the spans cover, in [0, 1]."""
    different: float = 0.0
    """Of it, what has something else at the same place in the other song."""
    a_sound_s: float = 0.0
    """Seconds of a that are not silence."""
    b_sound_s: float = 0.0
    speed: float = 1.0
    """How much faster b runs."""
    pitch: float = 0.0
    """Semitones of b above a."""
    spans: tuple[Span, ...] = ()
    evidence: str = ""


class Younger:
    """A younger song, with its `speeds`, made ready to be compared with many older ones."""

    def __init__(self, song: Prints) -> None:
        self._song = song
        parts = ("mix",) if np.array_equal(song.mix, song.accompaniment) else ("mix", "accompaniment")
        self._queries = {part: Query([getattr(each, part) for each in (song, *song.speeds)]) for part in parts}

    def compare(self, a: Prints) -> Comparison:
        """The verdict on an older song and this one."""
        found = (spans(getattr(a, part), query) for part, query in self._queries.items())
        return _compared(a, self._song, max(found, key=lambda each: sum(span.gain for span in each)))


def compare(a: Prints, b: Prints) -> Comparison:
    """The verdict on an older song `a` and a younger one `b`, which needs its `speeds`."""
    return Younger(b).compare(a)


def _compared(a: Prints, b: Prints, at: Sequence[Span]) -> Comparison:
    """The verdict on two songs by the spans at which they agree best."""
    if not at:
        return Comparison(DISTINCT, evidence="nothing agrees for longer than by chance")
    at_speed = b.at(at[0].speed)
    parts = {part: similarity(getattr(a, part), getattr(at_speed, part), at) for part in PARTS}
    voices = _voices(a, b, parts["vocals"])
    if not (a.sings and b.sings):
        parts["vocals"] = None
    share, different = _share(at, a, b), _different(at, a, b)
    speed, pitch = _change(at)
    backing = SAME_BACKING_SIMILARITY if speed == 1 and not pitch else SAME_BACKING_SIMILARITY_ALTERED
    comparable = any(span.excess >= 0 for span in at) and share >= MIN_SHARE
    verdict, decided = _decided(parts, voices, backing) if comparable else (DISTINCT, [])
    if verdict == DUPLICATE:
        lengths = (a.sound_s(), b.sound_s() * at[0].tempo)
        changed = abs(speed - 1) >= ALTERED_MIN_CHANGE or pitch != 0
        verdict = of_one_recording(lengths, share, different, changed=changed)
    return Comparison(
        verdict,
        score=sum(parts[part] for part in decided) / len(decided) if decided else 0.0,
        decided_by=", ".join(decided),
        **parts,
        offset_s=at[0].a_s - at[0].b_s * at[0].tempo,
        overlap_s=sum(span.seconds for span in at),
        share=share,
        different=different,
        a_sound_s=a.sound_s(),
        b_sound_s=b.sound_s(),
        speed=speed,
        pitch=pitch,
        spans=tuple(at),
        evidence=_evidence(verdict, parts, at, (a, b)),
    )


def _decided(parts: dict[str, float | None], voices: str, backing: float) -> tuple[str, list[str]]:
    """DUPLICATE for one recording, however altered, COVER or DISTINCT; and the parts that say so. `backing` is the
    similarity that a cover's accompaniment must have."""
    alike = {part: value is not None and value >= SAME_PART_SIMILARITY for part, value in parts.items()}
    same_sound = alike["mix"] and (alike["accompaniment"] or parts["accompaniment"] is None)
    if (parts["mix"] or 0) >= SAME_MIX_SIMILARITY or (voices != "differ" and same_sound):
        decided = ["mix", "accompaniment", *(["vocals"] if voices == "same" else [])]
        return DUPLICATE, [part for part in decided if parts[part] is not None]
    if voices == "differ" and (parts["accompaniment"] or 0) >= backing:
        return COVER, ["accompaniment"]
    return DISTINCT, []


def same_file(song: Prints, seconds: float) -> Comparison:
    """The verdict on two uploads of the very same bytes, of a song of so many seconds: nothing is left to compare."""
    words = len(song.mix)
    whole = [Span(1.0, 0.0, 0, words, 1.0, 1.0, 1.0)] if words else []
    return Comparison(
        DUPLICATE,
        score=1.0,
        decided_by="bytes",
        mix=1.0,
        accompaniment=1.0 if len(song.accompaniment) else None,
        vocals=1.0 if song.sings else None,
        overlap_s=seconds,
        share=1.0,
        a_sound_s=song.sound_s(),
        b_sound_s=song.sound_s(),
        spans=tuple(whole),
        evidence="the same file, byte for byte",
    )


def _voices(a: Prints, b: Prints, agree: float | None) -> str:
    """Whether the singing is the `same`, does `differ`, or there is `none` that could tell."""
    if not a.sings and not b.sings:
        return "none"
    if agree is None:  # silent in one of them: by its level it does not sing, or it is a quiet copy
        return "differ" if abs(a.vocals_db - b.vocals_db) > SINGING_DIFFERENCE_DB else "none"
    return "same" if agree >= SAME_VOCALS_SIMILARITY else "differ"


def _share(at: Sequence[Span], a: Prints, b: Prints) -> float:
    """The share of the shorter song's sound, at a's tempo, that the spans cover."""
    covered = sum(a.sound_s(span.a_s, span.a_s + span.seconds) for span in at)
    return min(1.0, covered / _shorter_s(at, a, b))


def _different(at: Sequence[Span], a: Prints, b: Prints) -> float:
    """The share of it that has something else at the same place in the other: before, between or behind two spans, as
    much as both have. What one has more of, an intro or a verse, is not different."""
    different = end_a = end_b = 0.0
    for span in [*sorted(at, key=lambda each: each.a_s), None]:
        start_a, start_b = (span.a_s, span.b_s) if span else (math.inf, math.inf)
        different += min(a.sound_s(end_a, start_a), b.sound_s(end_b, start_b) * at[0].tempo)
        if span:
            end_a, end_b = max(end_a, span.a_s + span.seconds), max(end_b, span.b_s + span.seconds / span.tempo)
    return different / _shorter_s(at, a, b)


def _shorter_s(at: Sequence[Span], a: Prints, b: Prints) -> float:
    """Seconds of sound of the shorter song, at a's tempo."""
    return max(FIRST_WORD_S, min(a.sound_s(), b.sound_s() * at[0].tempo))


def _change(at: Sequence[Span]) -> tuple[float, float]:
    """How much faster b runs than a, and how many semitones higher it is.

    Where tempo and pitch changed alike, the tempo, which the spans tell exactly, stands for both.
    """
    best = at[0]
    if abs(best.rate - 1) < ALTERED_MIN_CHANGE or best.length < _WORDS_FOR_TEMPO:
        speed = best.tempo if best.length >= _WORDS_FOR_TEMPO else best.speed
        if best.speed == 1 and abs(speed - 1) < ALTERED_MIN_CHANGE:
            return 1.0, 0.0
        return speed, 12 * math.log2(speed)
    return best.tempo, 12 * math.log2(best.speed)


_WORDS_FOR_TEMPO = 120
"""Shorter spans, below 15 s, do not tell half a per cent of tempo: the two ends are off by half a word."""


def of_one_recording(seconds: tuple[float, float], share: float, different: float, *, changed: bool) -> str:
    """The verdict on two songs of one recording, of so many seconds at one tempo."""
    shorter, longer = sorted(seconds)
    if shorter < FRAGMENT_MAX_RATIO * longer or share < WHOLE_SHARE or different > MAX_DIFFERENT:
        return FRAGMENT
    return ALTERED if changed else DUPLICATE


def _evidence(verdict: str, parts: dict[str, float | None], at: Sequence[Span], songs: tuple[Prints, Prints]) -> str:
    agree = ", ".join(f"{part} {value:.2f}" for part, value in parts.items() if value is not None)
    seconds = sum(span.seconds for span in at)
    where = f"{seconds:.0f} s agree, from {at[0].a_s:.0f} s into a ({agree})"
    if len(at) > 1:
        where = f"{seconds:.0f} s agree in {len(at)} spans, the best from {at[0].a_s:.0f} s into a ({agree})"
    singing = [song.sings for song in songs]
    speed, pitch = _change(at)
    changed = [f"{100 * (speed - 1):+.1f} % in tempo"] if abs(speed - 1) >= ALTERED_MIN_CHANGE else []
    changed += [f"{pitch:+.2f} semitones"] if pitch else []
    if verdict == COVER:
        why = "another voice on the same backing" if all(singing) else "the same backing, but only one of them sings"
    elif verdict == DISTINCT:
        why = "no more than different songs have in common"
    elif verdict == FRAGMENT:
        shorter, longer = sorted(song.sound_s() for song in songs)
        why = f"{seconds:.0f} s that a song of {shorter:.0f} s shares with one of {longer:.0f} s"
    else:
        why = "the same recording" if any(singing) else "the same recording, nobody sings"
    return ": ".join([why, where]) + (f"; b is changed by {' and '.join(changed)}" if changed else "")
