"""`nightjar duplicates [TRACK]`, and the way to `nightjar duplicates explain A B`."""

from __future__ import annotations

from argparse import Namespace
from itertools import groupby

from nightjar import queries
from nightjar.cli.known import Known
from nightjar.cli.output import Answer, Section
from nightjar.errors import NightjarError
from nightjar.lake import Partition
from nightjar.settings import Settings

_NOTE = "Duplicates and fragments count as their canonical song; covers, and what a compilation contains, stay apart."
_MEMBER = ("track_id", "title", "uploader", "day")


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Pairs and groups. Raises NightjarError for an unknown track, and before the first sweep."""
    if arguments.pair:
        from nightjar.cli import explain

        return explain.run(settings, arguments)
    known, track = Known(settings), arguments.track
    if track is not None:
        known.track_day(track)
    if known.newest("duplicate_groups") is None:
        raise NightjarError(
            f"no day has been swept for duplicates with the model {settings.model} yet",
            "See nightjar status for how far the days are, and the run of sweep_duplicates",
        )
    swept = known.lake.days("duplicate_pairs", model=settings.model)
    found = known.read((Partition("duplicate_pairs", day, settings.model) for day in swept), "duplicate_pairs")
    tracks = known.tracks()
    pairs = queries.run(settings, "pairs", {"pairs": found, "tracks": tracks}, track=track).to_pylist()
    members = queries.run(settings, "groups", {"groups": known.groups(), "tracks": tracks}, track=track).to_pylist()
    groups = [
        {"canonical": canonical, "tracks": [{name: row[name] for name in _MEMBER} for row in rows]}
        for canonical, rows in groupby(members, key=lambda row: row["canonical_id"])
    ]
    return Answer(
        {"track": track, "pairs": pairs, "groups": groups},
        [_pairs(pairs, track), _groups(groups)],
        [_NOTE] if pairs else [],
    )


def _pairs(pairs: list[dict], track: str | None) -> Section:
    rows = [
        (
            *(row["verdict"], round(row["score"], 2), _named(row, "a"), _named(row, "b"), f"{row['offset_s']:.1f}"),
            *(f"{row['overlap_s']:.1f}", f"{row['speed']:.4f}", row["evidence"]),
        )
        for row in pairs
    ]
    columns = ("verdict", "score|", "a", "b", "from s of a|", "over s|", "speed of b|", "evidence")
    return Section(f"Pairs of {track}" if track else "Pairs", columns, rows)


def _named(row: dict, which: str) -> str:
    title = row[f"{which}_title"]
    return f"{row[which]} ({title})" if title else row[which]


def _groups(groups: list[dict]) -> Section:
    rows = [
        (group["canonical"] if each["track_id"] == group["canonical"] else "", *(each[name] for name in _MEMBER))
        for group in groups
        for each in group["tracks"]
    ]
    return Section("Groups that count as one song", ("canonical", "member", "title", "uploader", "day"), rows)
