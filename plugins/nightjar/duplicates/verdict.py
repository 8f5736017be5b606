"""What two songs are to each other, from the prints of their mix, accompaniment and vocals. Arithmetic only.

All three parts are compared at one offset, that of the stronger alignment of mix and accompaniment: the parts of a song
lie on the same clock, and vocals that would only agree somewhere else do not agree.

| verdict | mix | accompaniment | vocals |
|---|---|---|---|
| duplicate | match | match | match, or nobody sings |
| fragment | the same, and one song is notably shorter | | |
| cover | weaker | match | differ, or only one sings |
| distinct | anything else | | |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nightjar.duplicates.match import FIRST_WORD_S, WORD_S, Alignment, align, similarity
from nightjar.thresholds import (
    FRAGMENT_MAX_RATIO,
    MATCH_SHARE,
    MATCH_SIMILARITY,
    MATCH_SIMILARITY_SHORT,
    SAME_MIX_SIMILARITY,
    SAME_VOCALS_SIMILARITY,
    SHORT_PRINT_WORDS,
    SINGING_DB,
    SINGING_DIFFERENCE_DB,
)

DUPLICATE, FRAGMENT, COVER, DISTINCT = "duplicate", "fragment", "cover", "distinct"


@dataclass(frozen=True)
class Prints:
    """A song's Chromaprint words, uint32, empty where a part is silent; and the level of its vocals against the mix."""

    mix: np.ndarray
    accompaniment: np.ndarray
    vocals: np.ndarray
    vocals_db: float

    @property
    def sings(self) -> bool:
        return self.vocals_db > SINGING_DB

    @property
    def seconds(self) -> float:
        """The song's length, as near as its print tells."""
        return FIRST_WORD_S + len(self.mix) * WORD_S


@dataclass(frozen=True)
class Comparison:
    """A verdict on songs a and b. Similarities are 1 - bit error rate over the overlap, None if not comparable."""

    verdict: str
    score: float = 0.0
    """Mean similarity of the parts that decided, in [0, 1]."""
    mix: float | None = None
    accompaniment: float | None = None
    vocals: float | None = None
    offset_s: float = 0.0
    """Where b begins in a."""
    overlap_s: float = 0.0
    evidence: str = ""


def compare(a: Prints, b: Prints) -> Comparison:
    """The verdict on two songs. Changing their places changes the sign of the offset and nothing else of weight."""
    mix, accompaniment = align(a.mix, b.mix), align(a.accompaniment, b.accompaniment)
    at = max((each for each in (mix, accompaniment) if each), key=lambda each: each.gain, default=None)
    if at is None or not _matches(at, a, b):
        return Comparison(DISTINCT)
    parts = {
        "mix": similarity(a.mix, b.mix, at),
        "accompaniment": similarity(a.accompaniment, b.accompaniment, at),
        "vocals": similarity(a.vocals, b.vocals, at) if a.sings and b.sings else None,
    }
    if parts["mix"] is None:
        return Comparison(DISTINCT)
    voices = _voices(a, b, at)
    enough = _needed(a, b)
    alike = {name: value is not None and value >= enough for name, value in parts.items()}
    if parts["mix"] >= SAME_MIX_SIMILARITY or (voices == "same" and (alike["mix"] or alike["accompaniment"])):
        verdict, decided = _whole_or_part(a, b), ["mix", "accompaniment", *(["vocals"] if voices == "same" else [])]
    elif voices == "none" and alike["mix"]:
        verdict, decided = _whole_or_part(a, b), ["mix", "accompaniment"]
    elif voices == "differ" and alike["accompaniment"]:
        verdict, decided = COVER, ["accompaniment"]
    else:
        return Comparison(DISTINCT)
    known = [parts[name] for name in decided if parts[name] is not None]
    evidence = _evidence(verdict, parts, at, (a, b))
    return Comparison(verdict, sum(known) / len(known), **parts, **_place(at), evidence=evidence)


def same_file(song: Prints, seconds: float) -> Comparison:
    """The verdict on two uploads of the very same bytes, of a song of so many seconds: nothing is left to compare."""
    parts = {
        "mix": 1.0,
        "accompaniment": 1.0 if len(song.accompaniment) else None,
        "vocals": 1.0 if song.sings else None,
    }
    return Comparison(DUPLICATE, 1.0, **parts, overlap_s=seconds, evidence="the same file, byte for byte")


def _needed(a: Prints, b: Prints) -> float:
    short = min(len(a.mix), len(b.mix)) < SHORT_PRINT_WORDS
    return MATCH_SIMILARITY_SHORT if short else MATCH_SIMILARITY


def _matches(at: Alignment, a: Prints, b: Prints) -> bool:
    return at.share >= MATCH_SHARE and at.similarity >= _needed(a, b)


def _voices(a: Prints, b: Prints, at: Alignment) -> str:
    """Whether the singing is the `same`, does `differ`, or there is `none` that could tell."""
    if not a.sings and not b.sings:
        return "none"
    agree = similarity(a.vocals, b.vocals, at)
    if agree is None:  # silent in one of them: by its level it does not sing, or it is a quiet copy
        return "differ" if abs(a.vocals_db - b.vocals_db) > SINGING_DIFFERENCE_DB else "none"
    return "same" if agree >= SAME_VOCALS_SIMILARITY else "differ"


def _whole_or_part(a: Prints, b: Prints) -> str:
    shorter, longer = sorted((a.seconds, b.seconds))
    return FRAGMENT if shorter < FRAGMENT_MAX_RATIO * longer else DUPLICATE


def _place(at: Alignment) -> dict[str, float]:
    return {"offset_s": at.offset_s, "overlap_s": at.length_s}


def _evidence(verdict: str, parts: dict[str, float | None], at: Alignment, songs: tuple[Prints, Prints]) -> str:
    names = ["mix", "accompaniment"] + ["vocals"] * (parts["vocals"] is not None)
    agree = ", ".join(f"{name} {parts[name]:.2f}" for name in names if parts[name] is not None)
    where = f"{at.length_s:.0f} s agree, from {at.start * WORD_S:.0f} s into the older upload ({agree})"
    singing = [song.sings for song in songs]
    if verdict == COVER:
        why = "another voice on the same backing" if all(singing) else "the same backing, but only one of them sings"
    elif verdict == FRAGMENT:
        shorter, longer = sorted(song.seconds for song in songs)
        why = f"{shorter:.0f} s out of {longer:.0f} s"
    else:
        why = "the same recording" if any(singing) else "the same recording, nobody sings"
    return f"{why}: {where}"
