"""Which songs are alike: a CSV table with a column `file` and columns of labels."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nightjar.errors import NightjarError
from nightjar.evaluate.truth import songs_in

FILE = "file"


@dataclass(frozen=True)
class Labels:
    """The songs that have a label, and what they have."""

    files: list[str]
    """Names relative to the folder, sorted."""
    label: list[str]
    """Of each file; never empty."""
    same: list[str] | None
    """Of each file, what it must not share with what it finds; may be empty. None if that was not asked."""
    unlabelled: list[str]
    """Files of the folder without a row or without a label."""
    unknown: list[str]
    """Rows' files that are not in the folder, or may be any of several."""


def read(folder: Path, table: Path, label: str, same: str | None, without: tuple[Path, ...] = ()) -> Labels:
    """The labels of the folder's files. A row names its file relative to the folder, to one above or below it, or by
    its name alone, if only one file can be meant.

    Raises NightjarError for a table that is none, columns that it lacks, rows that contradict each other, and labels of
    which no two songs share one.
    """
    songs = songs_in(folder, (table, *without))
    by_name: dict[str, list[str]] = {}
    for name in songs:
        by_name.setdefault(PurePosixPath(name).name, []).append(name)
    rows, unknown = {}, []
    for line, row in _rows(table, [FILE, label, *([same] if same else [])]):
        found = _meant(PurePosixPath((row[FILE] or "").strip()), by_name)
        if found is None:
            unknown.append(row[FILE] or "")
            continue
        values = tuple((row[column] or "").strip() for column in (label, same) if column)
        if rows.setdefault(found, values) != values:
            raise NightjarError(
                f"row {line} of {table} says something else of {found!r} than an earlier row", "Keep one"
            )
    kept = {name: rows[name] for name in songs if rows.get(name, ("",))[0]}
    if not kept:
        raise NightjarError(
            f"none of the {len(songs)} files of {folder} has a {label!r} in {table}",
            f"The column {FILE!r} names files relative to the folder",
        )
    alike = Counter(values[0] for values in kept.values())
    left_out = Counter(values for values in kept.values() if same and values[1])
    if not any(alike[values[0]] > max(left_out[values], 1) for values in kept.values()):
        raise NightjarError(
            f"no song has its like among the others by {label!r}" + (f" without the same {same!r}" if same else ""),
            "The label has to be shared by several songs" + (f"; {lost(unknown)}" if unknown else ""),
        )
    return Labels(
        list(kept),
        [values[0] for values in kept.values()],
        [values[1] for values in kept.values()] if same else None,
        [name for name in songs if name not in kept],
        unknown,
    )


def lost(unknown: list[str]) -> str:
    """Rows whose file is not known, in a clause."""
    return f"{len(unknown)} rows name no file, or more than one: {', '.join(map(repr, unknown[:3]))}" + (
        ", ..." * (len(unknown) > 3)
    )


def _meant(row: PurePosixPath, by_name: dict[str, list[str]]) -> str | None:
    """The one file whose path ends as the row's does, as far as both have folders; one that is the same comes first."""
    ends = [name for name in by_name.get(row.name, ()) if _ends_alike(PurePosixPath(name).parts, row.parts)]
    return row.as_posix() if row.as_posix() in ends else ends[0] if len(ends) == 1 else None


def _ends_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    both = min(len(one), len(other))
    return one[-both:] == other[-both:]


def _rows(table: Path, columns: list[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            if missing := [column for column in columns if column not in names]:
                raise NightjarError(
                    f"{table} has no column {missing[0]!r}",
                    f"Its columns, with commas between: {', '.join(names) or 'none'}",
                )
            if twice := [column for column in columns if names.count(column) > 1]:
                raise NightjarError(f"{table} has two columns {twice[0]!r}", "Give one of them another name")
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise NightjarError(f"{table} cannot be read: {error.strerror}", "Give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise NightjarError(f"{table} is not a CSV file in UTF-8: {error}", "Save it as CSV in UTF-8") from error
    if uneven := next((line for line, row in rows if None in row), None):
        raise NightjarError(
            f"row {uneven} of {table} has more fields than the first line names",
            "Put names with a comma into double quotes",
        )
    return rows
