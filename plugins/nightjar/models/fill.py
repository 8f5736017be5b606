"""Filling a candidate: the days of the live model are embedded, loaded and swept by another one, beside its nights."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from nightjar.duplicates.steps import regroup, sweep_duplicates
from nightjar.embed import made
from nightjar.embed import steps as embed
from nightjar.errors import NightjarError
from nightjar.lake import Lake, Partition
from nightjar.models import live, state
from nightjar.recommend.similar import find_similar
from nightjar.settings import Settings
from nightjar.takedowns import ledger
from nightjar.vectors.steps import load_vectors
from nightjar.vectors.store import VectorStore

Say = Callable[[str], None]


def fill(
    settings: Settings,
    name: str,
    first: str | None = None,
    last: str | None = None,
    only_embed: bool = False,
    say: Say = print,
) -> dict:
    """Take the live model's days, in order, through the steps of the nights with the model `name`.

    {"model", "like", "days"}: each with "day", "songs", "seconds" and "filled", which is false where nothing lacked. A
    run that was killed goes on at the day where it was, and within it at the step. Nothing of the live model is
    touched, and so a night may run beside it. `only_embed` leaves Milvus and the sweep to a later run, so that several
    machines may embed some days each; sweeps must not run side by side. Raises NightjarError if `name` is live itself,
    or the embedder does not make it.
    """
    lake, candidate = Lake(settings), replace(settings, model=name)
    like = live.leader(lake.objects, name)
    if not like:
        raise NightjarError(f"{name} is live, or nothing is yet", "The nights fill it; see nightjar status")
    made.require(settings, name)
    every = state.days_of(lake, like)
    if not every:
        raise NightjarError(f"{like}, which is live, has embedded no day", live.NO_DAY)
    days = [day for day in every if (not first or day >= first) and (not last or day <= last)]
    if not days:
        span = f"from {first or every[0]} to {last or every[-1]}"
        raise NightjarError(f"{like}, which is live, has embedded no day {span}", f"It has {every[0]} to {every[-1]}")
    before, done = ledger.forgotten(lake), []
    for number, day in enumerate(days, start=1):
        begun = time.perf_counter()
        did = _fill_day(candidate, lake, like, day, only_embed)
        took = round(time.perf_counter() - begun, 1)
        songs = lake.manifest(Partition("embeddings", day, name)).rows
        done.append({"day": day, "songs": songs, "filled": bool(did), "seconds": took})
        said = f"{', '.join(did)} in {took:.1f} s" if did else "was complete"
        say(f"{day} ({number} of {len(days)}): {songs} songs; {said}")
    if not only_embed and ledger.forgotten(lake) != before:
        regroup(lake, name, days[0])  # a purge made groups beside our sweeps, perhaps without what these found
    return {"model": name, "like": like, "days": done}


def _fill_day(settings: Settings, lake: Lake, like: str, day: str, only_embed: bool) -> list[str]:
    """What of the day was done."""
    model, did = settings.model, []
    pairs, near = Partition("duplicate_pairs", day, model), Partition("similar", day, model)
    if not state.follows(lake, model, like, day):
        for partition in (near, pairs):  # of other songs: whoever is killed from here on makes them again
            lake.remove(partition)
        shards = embed.plan(settings, day)["shards"]
        for shard in range(shards):
            embed.embed_shard(settings, day, shard, shards)
        embed.commit(settings, day, shards)
        did.append("embedded")
    if only_embed:
        return did
    if not lake.exists(pairs) or not _loaded(settings, lake, day):
        load_vectors(settings, day)
        sweep_duplicates(settings, day)
        did += ["loaded", "swept"]
    if did or not lake.exists(near):
        find_similar(settings, day)
        did.append("compared by sound")
    return did


def _loaded(settings: Settings, lake: Lake, day: str) -> bool:
    with VectorStore(settings) as store:
        return state.loaded(lake, store, day, state.pending(lake))
