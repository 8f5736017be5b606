"""How an answer is written: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from nightjar.legible import one_line

_AS_WIDE_AS_NEEDED = 100_000


@dataclass(frozen=True)
class Section:
    """A table. `columns` are its headings; one that ends in a bar, as in `score|`, is aligned to the right."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]
    empty: str = "none"
    """What is said where there are no rows."""


@dataclass(frozen=True)
class Answer:
    """What a command found: `data` for scripts, and the same for people."""

    data: dict
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences below the tables."""
    status: int = 0
    """The exit code."""


def write(answer: Answer, *, as_json: bool, file: TextIO | None = None) -> None:
    """Write to stdout, or `file`. Nothing is cut off: a terminal folds long cells, anything else gets long lines."""
    file = file or sys.stdout
    if as_json:
        print(json.dumps(answer.data, indent=1), file=file, flush=True)
        return
    from rich.console import Console  # 60 ms

    class Pipe(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1; that a reader has seen enough is no failure
            raise BrokenPipeError

    if hasattr(file, "reconfigure"):
        file.reconfigure(errors="replace")
    width = None if file.isatty() else _AS_WIDE_AS_NEEDED
    console = Pipe(file=file, width=width, highlight=False, emoji=False, markup=False)
    for section in answer.sections:
        console.print(_table(section))
    for note in answer.notes:
        console.print(plain(note), soft_wrap=True)
    file.flush()


def _table(section: Section):
    from rich.table import Table
    from rich.text import Text

    rows = [[Text(plain(cell)) for cell in row] for row in section.rows]
    title = Text(plain(section.title), style="bold")
    if not rows:
        return title.append(f": {section.empty}")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for column in section.columns:
        justify = "right" if column.endswith("|") else "left"
        table.add_column(column.rstrip("|"), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def plain(value: object) -> str:
    """A value as a person reads it, on one line."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return one_line(str(value))
