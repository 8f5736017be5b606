"""The stages of a day, and when one is current: a pure function of what each stage was made from. Arithmetic only.

A stage is current if all stages that it needs are current and it was made from what they have made. So it does not
matter which event was lost, which run was cleared or deleted, or which DAG was paused: what is not current is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nightjar import days
from nightjar.thresholds import LISTEN_WINDOW_DAYS, PAST_DAYS_AWAITED

INGEST, LISTENS, EMBED, LOAD, SWEEP, PUBLISH = "ingest", "listens", "embed", "load", "sweep", "publish"
CHAIN = (INGEST, LISTENS, EMBED, LOAD, SWEEP, PUBLISH)
"""All stages; each stands behind those that it needs."""

DAGS = {
    INGEST: "ingest_uploads",
    LISTENS: "ingest_uploads",
    EMBED: "embed_tracks",
    LOAD: "load_vectors",
    SWEEP: "sweep_duplicates",
    PUBLISH: "publish_recommendations",
}
"""The DAG that makes a stage."""

BY_MODEL = frozenset({EMBED, LOAD, SWEEP, PUBLISH})
"""Stages that each model makes for itself."""

_NEEDS = {INGEST: (), LISTENS: (), EMBED: (INGEST,), LOAD: (EMBED,), SWEEP: (LOAD,), PUBLISH: (SWEEP, LISTENS)}

MAX_TRIES = 3
"""Runs of a stage with the same inputs that begin and neither finish nor fail with an error, as when killed."""
PAST_PATIENCE_S = 3600.0
"""How long the lists of a swept day wait for the sweeps of earlier days."""
CONVERGE_DAYS = 35
"""How far back `converge` starts what is unfinished; `nightjar status` shows older days too."""


@dataclass(frozen=True)
class Record:
    """What is known of one stage of a day. Moments are ISO 8601 in UTC; empty where it has not happened."""

    made: str = ""
    """Digest of what it wrote; empty where it has to be made (again)."""
    made_from: dict[str, str] = field(default_factory=dict)
    """Digests of its inputs then."""
    made_at: str = ""
    begun_from: dict[str, str] = field(default_factory=dict)
    """Digests of the inputs with which it was last begun."""
    begun_run: str = ""
    """The Airflow run that began it."""
    begun_at: str = ""
    tries: int = 0
    """Runs that began with `begun_from` since it was last made."""
    error: str = ""
    """What made it fail for good with `begun_from`."""


Day = Mapping[str, Record]
"""The records of one day, by stage."""
Known = Mapping[str, Day]
"""The records of days, by day."""

_NOTHING = Record()


@dataclass(frozen=True, order=True)
class At:
    """A stage of a day."""

    day: str
    stage: str

    def __str__(self) -> str:
        return f"{self.stage} of {self.day}"


def digest(parts: Mapping[str, str]) -> str:
    """A short digest of named texts, whatever their order."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def record(known: Known, at: At) -> Record:
    """The record of a stage, an empty one where there is none."""
    return known.get(at.day, {}).get(at.stage, _NOTHING)


def inputs(known: Known, rules: Mapping[str, str], at: At) -> dict[str, str]:
    """Digests of what the stage would be made from now; `rules` has a digest of the settings of some stages.

    What ingest reads lies outside of Nightjar: it stays as it was made until it is asked for again.
    """
    if not _NEEDS[at.stage]:
        return record(known, at).made_from
    found = {"rules": rules.get(at.stage, "")}
    if at.stage != PUBLISH:
        return found | {need: record(known, At(at.day, need)).made for need in _NEEDS[at.stage]}
    window = days.before(at.day, LISTEN_WINDOW_DAYS)
    listens = {each: record(known, At(each, LISTENS)).made for each in window}
    songs = {each: record(known, At(each, SWEEP)).made for each in known if each <= at.day}
    return found | {
        LISTENS: digest({each: made for each, made in listens.items() if made}),
        SWEEP: digest({each: made for each, made in songs.items() if made}),
    }


def is_current(known: Known, rules: Mapping[str, str], at: At) -> bool:
    """Whether the stage is made, from what it would be made from now."""
    seen = record(known, at)
    if not seen.made or not all(is_current(known, rules, At(at.day, need)) for need in _NEEDS[at.stage]):
        return False
    return seen.made_from == inputs(known, rules, at)


def awaited(known: Known, rules: Mapping[str, str], at: At) -> list[At]:
    """What must become current before the stage can be made: what it needs, and for lists the sweeps of the days
    shortly before, without which they would lack those days' songs."""
    found = [At(at.day, need) for need in _NEEDS[at.stage]]
    if at.stage == PUBLISH:
        past = days.before(at.day, PAST_DAYS_AWAITED + 1)[:-1]
        found += [At(each, SWEEP) for each in past if record(known, At(each, INGEST)).made]
    return [each for each in found if not is_current(known, rules, each)]


def unfinished(known: Known, rules: Mapping[str, str]) -> Iterator[At]:
    """What is not current, by day and in the order of the chain.

    Lists of an older day that were made once are history: the app reads those of the newest day.
    """
    published = [day for day in known if record(known, At(day, PUBLISH)).made]
    newest = max(published, default="")
    for day in sorted(known):
        for stage in CHAIN:
            at = At(day, stage)
            if stage == PUBLISH and day < newest and record(known, at).made:
                continue
            if not is_current(known, rules, at):
                yield at


def has_failed(known: Known, rules: Mapping[str, str], at: At) -> bool:
    """Whether it has failed for good with the inputs that it has now: trying again would end in the same way."""
    seen = record(known, at)
    same = seen.begun_from == inputs(known, rules, at)
    return same and not seen.made and bool(seen.error or seen.tries >= MAX_TRIES)
