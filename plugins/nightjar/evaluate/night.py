"""The real stages on a folder of songs, one after the other, in a scratch space; and the report of what they found."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath

from nightjar.duplicates import steps as duplicates
from nightjar.duplicates.verdict import DISTINCT
from nightjar.embed import steps as embed
from nightjar.errors import NightjarError
from nightjar.evaluate import metrics, others
from nightjar.evaluate.metrics import Outcome, Pair, pair_of
from nightjar.evaluate.progress import Progress
from nightjar.evaluate.truth import Truth
from nightjar.ingest import names
from nightjar.ingest import steps as ingest
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.shards import shard_count
from nightjar.vectors import steps as vectors

DAY = "2026-01-01"
"""The day of all uploads; any would do."""

PROCESSES = 2
"""Embedder processes, and probing threads, side by side."""

_SONGS_A_PROBE = 20
"""Songs in a shard of ingest: progress is told by shards."""


def evaluate(settings: Settings, folder: Path, truth: Truth) -> dict:
    """The report on the songs of `folder`; docs/evaluate.md says what its keys mean.

    `settings` must be those of a scratch space. Raises NightjarError if a stage fails.
    """
    if Lake(settings).exists(Partition("uploads", DAY)):
        raise NightjarError("this scratch space has been used before", "Leave it, or start the command in another one")
    # Each process loads the networks once.
    settings = replace(settings, shard_songs=min(settings.shard_songs, shard_count(len(truth.songs), PROCESSES)))
    progress = Progress()
    tracks = {f"song-{number:06d}": name for number, name in enumerate(truth.songs, start=1)}
    _run_stages(settings, folder, tracks, progress)
    with progress.stage("candidates", len(tracks)):
        proposed = duplicates.proposals(settings, DAY)
    report = _report(settings, truth, tracks, proposed)
    if settings.second_opinion:
        with progress.stage("others", len(tracks)):
            report["others"] = _others(settings, truth, tracks)
    return report | {"seconds": progress.seconds}


def _run_stages(settings: Settings, folder: Path, tracks: dict[str, str], progress: Progress) -> None:
    """The night's steps up to the sweep, of `tracks`: the name of the file of each id."""
    with progress.stage("upload", len(tracks)):
        objects = Lake(settings).objects
        for track_id, name in tracks.items():  # in order: an earlier name is the older upload
            suffix = PurePosixPath(name).suffix
            objects.upload(f"{names.prefix(DAY)}{track_id}{suffix if suffix.isascii() else ''}", folder / name)
            progress.add()
    with progress.stage("ingest", len(tracks)):
        ingest.freeze(settings, DAY)
        shards = shard_count(len(tracks), _SONGS_A_PROBE)

        def probe(shard: int) -> None:
            progress.add(sum(ingest.probe_shard(settings, DAY, shard, shards).values()))

        for shard in range(shards):  # one decodes as many side by side as this machine should
            probe(shard)
        songs = ingest.commit_tracks(settings, DAY, shards)["tracks"]
    with progress.stage("embed", songs), progress.of_embedder():
        shards = embed.plan(settings, DAY)["shards"]
        _side_by_side(lambda shard: embed.embed_shard(settings, DAY, shard, shards), shards)
        songs = embed.commit(settings, DAY, shards)["embedded"]
    with progress.stage("load", songs):
        vectors.load_vectors(settings, DAY)
    with progress.stage("sweep", songs):
        duplicates.sweep_duplicates(settings, DAY)


def _side_by_side(step: Callable[[int], object], shards: int) -> None:
    """Every shard, PROCESSES at a time. Raises what the first failing one raises, without starting further ones."""
    pool = ThreadPoolExecutor(PROCESSES)
    try:
        list(pool.map(step, range(shards)))
    finally:
        pool.shutdown(cancel_futures=True)


def _report(
    settings: Settings, truth: Truth, tracks: dict[str, str], proposed: dict[tuple[str, str], frozenset[str]]
) -> dict:
    lake = Lake(settings)
    rows = lake.read(Partition("duplicate_pairs", DAY, settings.model)).to_pylist()
    rows = [row for row in rows if row["verdict"] != DISTINCT]
    named = [row | {"a": tracks[row["a"]], "b": tracks[row["b"]]} for row in rows]
    found = {pair_of(row["a"], row["b"]): row for row in named}
    sources = {pair_of(tracks[a], tracks[b]): sorted(each) for (a, b), each in proposed.items()}
    rejected = _rejected(lake, tracks)
    verdicts = {pair: row["verdict"] for pair, row in found.items()}
    groups = lake.read(Partition("duplicate_groups", DAY, settings.model)).to_pylist()
    canonical = {tracks[row["track_id"]]: tracks[row["canonical_id"]] for row in groups}
    outcome = Outcome(len(truth.songs), verdicts, sources, canonical)
    return {
        "songs": len(truth.songs),
        "rejected": rejected,
        "separator": settings.separator,
        "model": settings.model,
        **metrics.measure(truth.pairs, outcome),
        "false_groups": metrics.wrong_groups(truth.pairs, canonical),
        "errors": _errors(truth, found, sources, {row["file"] for row in rejected}),
    }


def _others(settings: Settings, truth: Truth, tracks: dict[str, str]) -> dict:
    """What other ways of comparing make of the known pairs of one recording."""
    known = {tracks[name]: song for name, song in others.songs(settings, DAY).items()}
    cases = {
        pair: each.labels.get("case") or each.verdict
        for pair, each in truth.pairs.items()
        if each.verdict in metrics.SAME_RECORDING
    }
    rows = Lake(settings).read(Partition("duplicate_pairs", DAY, settings.model), ["a", "b", "verdict"]).to_pylist()
    ours = [pair_of(tracks[row["a"]], tracks[row["b"]]) for row in rows if row["verdict"] != DISTINCT]
    return others.compare_with(known, cases, ours, set(truth.pairs))


def _rejected(lake: Lake, tracks: dict[str, str]) -> list[dict]:
    """The files that are no songs, by name, and why."""
    tables = (lake.read(Partition("rejects", DAY, stage=stage)).to_pylist() for stage in ("ingest", "embed"))
    rows = (
        {"file": tracks[row["track_id"]], "stage": row["stage"], "reason": row["reason"], "detail": row["detail"]}
        for row in chain.from_iterable(tables)
    )
    return sorted(rows, key=lambda row: row["file"])


def _errors(truth: Truth, found: dict[Pair, dict], sources: dict[Pair, list[str]], rejected: set[str]) -> list[dict]:
    """Each missed, invented or misnamed pair, with all that is known of it."""
    verdicts = {pair: row["verdict"] for pair, row in found.items()}
    return [
        {
            "error": kind,
            "a": pair[0],
            "b": pair[1],
            "true": true,
            "found": verdict,
            "labels": dict(truth.pairs[pair].labels) if pair in truth.pairs else {},
            "candidate": pair in sources,
            "sources": sources.get(pair, []),
            "rejected": [name for name in pair if name in rejected],
            "row": found.get(pair),
        }
        for kind, pair, true, verdict in metrics.errors(truth.pairs, verdicts)
    ]
