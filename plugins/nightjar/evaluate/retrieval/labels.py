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
    unlabelled: int
    """Files of the folder without a row or without a label."""
    unknown: int
    """Rows whose file is not in the folder."""


def read(folder: Path, table: Path, label: str, same: str | None, without: tuple[Path, ...] = ()) -> Labels:
    """The labels of the folder's files. A row names its file relative to the folder, or by its name alone.

    Raises NightjarError for a table that is none, columns that it lacks, and rows that contradict each other.
    """
    songs = songs_in(folder, (table, *without))
    by_name = {name: name for name in songs}
    alone = Counter(PurePosixPath(name).name for name in songs)
    by_name |= {PurePosixPath(name).name: name for name in songs if alone[PurePosixPath(name).name] == 1}
    rows, unknown = {}, 0
    for line, row in _rows(table, [FILE, label, *([same] if same else [])]):
        name = PurePosixPath((row[FILE] or "").strip()).as_posix()
        found = by_name.get(name) or by_name.get(PurePosixPath(name).name)
        if found is None:
            unknown += 1
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
    return Labels(
        list(kept),
        [values[0] for values in kept.values()],
        [values[1] for values in kept.values()] if same else None,
        len(songs) - len(kept),
        unknown,
    )


def _rows(table: Path, columns: list[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            if missing := [column for column in columns if column not in names]:
                raise NightjarError(
                    f"{table} has no column {missing[0]!r}", f"Its columns: {', '.join(names) or 'none'}"
                )
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
