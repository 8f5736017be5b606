"""A candidate takes over: checked first, then the object that nights read, then the aliases."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

from nightjar.embed import made
from nightjar.errors import GateClosed, NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import check, lists, live, state
from nightjar.recommend import night
from nightjar.recommend.gate import judge
from nightjar.settings import Settings
from nightjar.thresholds import MAX_CHURN, MIN_RECALL, PAST_DAYS_AWAITED
from nightjar.vectors.store import VectorStore

log = logging.getLogger(__name__)

_USERS = 200
"""Listeners whose lists by both models are compared, where that needs no other step."""


def promote(settings: Settings, name: str, accept: bool = False) -> dict:
    """Let the nights, and whoever reads by the aliases, use the model `name` from now on.

    {"model", "was", "moved", "vectors", "recall", "overlap"}: `overlap` is that of lists, None where `compare` did not
    learn them. Asked for again it finishes what was left. The way back is the same.

    Raises NightjarError with all that speaks against it, having changed nothing: an embedder that does not make it, a
    day of the live model that `name` lacks, other keys in Milvus than in the lake, recall below MIN_RECALL; and unless
    `accept`: a night under way, vectors that the gate would stop, lists of which nearly all songs change.
    """
    lake, candidate = Lake(settings), replace(settings, model=name)
    was = live.read(lake.objects).model
    if not was:
        raise NightjarError("no model is live yet", "The first that loads a day is: see nightjar status")
    if name == was:
        return _finish(candidate, was, moved=False) | {"vectors": {}, "recall": {}, "overlap": None}
    made.require(settings, name)
    days = state.days_of(lake, was)
    if not days:
        raise NightjarError(f"{was}, which is live, has embedded no day", live.NO_DAY)
    with VectorStore(candidate) as store:
        if wrong := state.lacking(name, state.days(lake, name, was, days, store)):
            raise _refused(name, wrong, f"nightjar model fill {name}")
    found = check.check(candidate, state.days_of(lake, name), check.sample(lake, [name], days))
    wrong = list(found.wrong)
    for kind, recall in found.recall.items():
        if recall is not None and recall < MIN_RECALL:
            wrong.append(
                f"searches in its {kind} find {recall:.0%} of what is nearest, at least {MIN_RECALL:.0%} should"
            )
    if wrong:
        raise _refused(name, wrong, "Load the days again (nightjar model fill), and look at the collection's index")
    overlap = _overlap(settings, lake, was, name, days)
    if not accept and (doubts := [*_under_way(lake, was), *_gate(candidate, days), *_churn(overlap)]):
        raise _refused(name, doubts, f"Mend it, or if it is right so: nightjar model promote {name} --accept")
    live.switch(lake.objects, name, was, accept)
    log.info("promote: %s is live, which %s was", name, was)
    return _finish(candidate, was, moved=True) | {
        "vectors": found.vectors,
        "recall": found.recall,
        "overlap": overlap,
    }


def _finish(settings: Settings, was: str, moved: bool) -> dict:
    """Move the aliases. Whoever loads the next day does it too, should it fail."""
    try:
        with VectorStore(settings) as store:
            if not store.is_live():
                store.make_live()
    except NightjarError as error:
        raise NightjarError(
            f"{settings.model} is live, but the aliases in Milvus were not moved: {error.message}",
            f"Ask again, or leave it to the next night: nightjar model promote {settings.model}",
        ) from error
    return {"model": settings.model, "was": was, "moved": moved}


def _refused(name: str, wrong: list[str], remedy: str) -> NightjarError:
    return NightjarError(f"{name} is not promoted: {'; '.join(wrong)}", remedy)


def _under_way(lake: Lake, model: str) -> list[str]:
    """A night that began with one model should end with it: its tasks look again which one is live."""
    recent = lake.days("tracks")[-(PAST_DAYS_AWAITED + 1) :]
    behind = [day for day in recent if not lake.exists(Partition("duplicate_pairs", day, model))]
    return [f"{', '.join(behind)} is ingested and not swept by {model} yet: a night is under way, or failed"] * bool(
        behind
    )


def _gate(settings: Settings, days: list[str]) -> list[str]:
    """What the gate would say of the vectors of the newest day, beside the model's own earlier ones."""
    if not days:
        return []
    try:
        judge(days[-1], replace(night.read(settings, days[-1]), reasons=Counter(), exports=()))
    except GateClosed as error:
        return [error.message]
    return []


def _overlap(settings: Settings, lake: Lake, was: str, name: str, days: list[str]) -> float | None:
    for day in reversed(days[-PAST_DAYS_AWAITED:]):
        if lists.learned(lake, was, day) and lists.learned(lake, name, day):
            return lists.overlap(settings, was, name, day, _USERS)["overlap"]
    return None


def _churn(overlap: float | None) -> list[str]:
    if overlap is None or 1 - overlap <= MAX_CHURN:
        return []
    return [f"{1 - overlap:.0%} of a list would be new on it, at most {MAX_CHURN:.0%} are published"]
