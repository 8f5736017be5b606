"""What the demonstration ends with, read from the lake like anybody would: days, duplicates, rejects, lists."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.demo.judge import Judgement, judge
from deploy.demo.truth import Truth
from nightjar.lake import Lake, Partition
from nightjar.models import live
from nightjar.schemas import NEW_USERS
from nightjar.settings import Settings

USERS_SHOWN = 3
SONGS_SHOWN = 8
REJECT_STAGES = ("ingest", "embed", "listens")


class Report:
    """Prints a catalogue's three days. Everything it says is read from committed partitions."""

    def __init__(self, settings: Settings, truth: Truth, console: Console) -> None:
        self._lake, self._model = Lake(settings), live.resolved(settings).model
        self._truth, self._console = truth, console
        self._names = {upload.track_id: upload.title or upload.name for upload in truth.uploads}

    def print(self, seconds: dict[str, float]) -> Judgement | None:
        """Print it all. `seconds` is how long each day took. Returns the judgement where the truth is known."""
        self._days(seconds)
        pairs = self._pairs()
        rejects = self._rejects()
        self._lists()
        if not self._truth.known:
            return None
        verdict = judge(
            self._truth,
            [(pair["a"], pair["b"], pair["verdict"]) for pair in pairs],
            [(reject["track_id"], reject["reason"]) for reject in rejects],
            self._canonical(),
        )
        if verdict.mistakes:
            self._console.print(f"\n[bold red]Not what was planted[/]: {len(verdict.mistakes)} mistakes")
            for mistake in verdict.mistakes:
                self._console.print(f"  {escape(mistake)}")
        else:
            self._console.print(
                f"\n[bold green]All {verdict.planted} planted cases were found, and no other[/] "
                f"({len(self._truth.pairs)} pairs, {len(self._truth.rejects)} rejects)"
            )
        return verdict

    def _rows(self, table: str, day: str, columns: list[str] | None = None) -> list[dict]:
        return self._lake.read(Partition(table, day, self._model), columns).to_pylist()

    def _days(self, seconds: dict[str, float]) -> None:
        titles = ("day", "uploads", "songs", "rejects", "windows", "pairs", "listens", "lists", "seconds")
        table = _table(*titles)
        for day in self._truth.days:
            count = self._lake.manifest
            rejects = sum(count(Partition("rejects", day, stage=stage)).rows for stage in REJECT_STAGES)
            users = {row["user_id"] for row in self._rows("lists", day, ["user_id"])}
            numbers = (
                count(Partition("uploads", day)).rows,
                count(Partition("embeddings", day, self._model)).rows,
                rejects,
                count(Partition("windows", day, self._model)).rows,
                count(Partition("duplicate_pairs", day, self._model)).rows,
                count(Partition("listens", day)).rows,
                len(users),
                round(seconds.get(day, 0)) or "",
            )
            table.add_row(day, *map(str, numbers))
        self._show("What each day did", table)

    def _pairs(self) -> list[dict]:
        table = _table("verdict", "song", "is the older of", "score", "evidence")
        pairs = [pair for day in self._truth.days for pair in self._rows("duplicate_pairs", day)]
        pairs = [pair for pair in pairs if pair["verdict"] != "distinct"]
        for pair in pairs:
            names = escape(self._named(pair["a"])), escape(self._named(pair["b"]))
            table.add_row(pair["verdict"], *names, f"{pair['score']:.2f}", escape(pair["evidence"]))
        self._show("Duplicates, fragments and covers", table)
        return pairs

    def _rejects(self) -> list[dict]:
        table = _table("day", "object", "stage", "reason", "detail")
        partitions = [Partition("rejects", day, stage=stage) for day in self._truth.days for stage in REJECT_STAGES]
        rejects = []
        for partition in partitions:
            for row in self._lake.read(partition).to_pylist():
                rejects.append(row)
                where = escape(row["key"].rsplit("/", 1)[-1])
                table.add_row(partition.day, where, row["stage"], row["reason"], escape(row["detail"]))
        self._show("Rejects", table)
        return rejects

    def _lists(self) -> None:
        day = self._truth.days[-1]
        rows = self._rows("lists", day)
        listens = [row for each in self._truth.days for row in self._lake.read(Partition("listens", each)).to_pylist()]
        heard = Counter((row["user_id"], row["track_id"]) for row in listens if row["kind"] != "skip")
        for user in sorted({row["user_id"] for row in rows} - {NEW_USERS})[:USERS_SHOWN]:
            often = [song for (who, song), _ in heard.most_common() if who == user and song in self._names][:4]
            title = f"For {user}, who heard {', '.join(map(self._named, often))}"
            self._list(title, [row for row in rows if row["user_id"] == user])
        self._list("For somebody new", [row for row in rows if row["user_id"] == NEW_USERS])

    def _list(self, title: str, rows: list[dict]) -> None:
        table = _table("rank", "song", "score", "because")
        for row in rows[:SONGS_SHOWN]:
            reason = row["source"].replace("_", " ")
            if row["because"]:
                reason += ": " + ", ".join(map(self._named, row["because"]))
            table.add_row(str(row["rank"]), escape(self._named(row["track_id"])), f"{row['score']:.3f}", escape(reason))
        self._show(f"{title}: a list of {len(rows)} songs", table)

    def _show(self, title: str, table: Table) -> None:
        """Print a table below its title, which may be wider than it."""
        self._console.print(f"\n[bold]{escape(title)}[/]")
        self._console.print(table)

    def _canonical(self) -> dict[str, str]:
        rows = self._rows("duplicate_groups", self._truth.days[-1])
        return {row["track_id"]: row["canonical_id"] for row in rows}

    def _named(self, track_id: str) -> str:
        return self._names.get(track_id) or track_id


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
