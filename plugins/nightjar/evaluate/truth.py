"""What is known of a folder of songs: its files, and the table of the pairs that are not distinct."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from nightjar.duplicates.verdict import ALTERED, CONTAINS, COVER, DISTINCT, DUPLICATE, FRAGMENT
from nightjar.errors import NightjarError
from nightjar.evaluate.metrics import ANY, Known, Pair, pair_of

VERDICTS = (DUPLICATE, FRAGMENT, ALTERED, CONTAINS, COVER, ANY, DISTINCT)
"""What a row may say of its pair."""

COLUMNS = ("a", "b", "verdict")
"""What every table has; further columns are labels, by which the pairs are counted apart as well."""


@dataclass(frozen=True)
class Truth:
    """The files, and what is known of their pairs."""

    songs: list[str]
    """Names of the files relative to their folder, sorted."""
    pairs: dict[Pair, Known]
    """Those that are not distinct."""


def songs_in(folder: Path, without: tuple[Path, ...] = ()) -> list[str]:
    """Names, relative to `folder` and sorted, of all files in it and below; hidden ones and `without` are left out.

    Whether they are songs is not asked. Raises NightjarError if there is no folder or no file.
    """
    if not folder.is_dir():
        what = f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}"
        raise NightjarError(what, "Give the path of a folder with audio files")
    left_out = {path.resolve() for path in without}
    found = ((path, path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = [
        name.as_posix()
        for path, name in found
        if not any(part.startswith(".") for part in name.parts) and path.resolve() not in left_out
    ]
    if not names:
        raise NightjarError(f"the folder {folder} is empty", "Put audio files into it")
    if strange := [name for name in names if name != name.encode(errors="replace").decode()]:
        raise NightjarError(f"the file {strange[0]!r} has a name that is not UTF-8", "Rename it")
    return sorted(names)


def read(folder: Path, table: Path, without: tuple[Path, ...] = ()) -> Truth:
    """The files of `folder` and what the CSV `table` says of them; the table itself may lie in the folder.

    Raises NightjarError that names the row that does not fit.
    """
    songs = songs_in(folder, (table, *without))
    known = set(songs)
    pairs: dict[Pair, Known] = {}
    seen: dict[Pair, int] = {}
    for line, row in _rows(table):
        names = tuple(_name(row[which], known, f"row {line} of {table}") for which in ("a", "b"))
        if names[0] == names[1]:
            raise NightjarError(f"row {line} of {table} pairs {names[0]!r} with itself", "Take the row out")
        verdict = (row["verdict"] or "").strip()
        if verdict not in VERDICTS:
            raise NightjarError(
                f"row {line} of {table} has the verdict {verdict!r}", f"Verdicts are {', '.join(VERDICTS)}"
            )
        pair = pair_of(*names)
        if pair in seen:
            raise NightjarError(
                f"row {line} of {table} has the pair of row {seen[pair]} again", "Keep one of the two rows"
            )
        seen[pair] = line
        if verdict != DISTINCT:
            labels = {column: (row[column] or "").strip() for column in row if column not in COLUMNS}
            pairs[pair] = Known(verdict, labels)
    return Truth(songs, pairs)


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The table's rows, each with the number of its line."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise NightjarError(
                    f"{table} has no column {missing[0]!r}", f"Its first line names the columns: {','.join(COLUMNS)}"
                )
            for row in reader:
                if None in row:
                    raise NightjarError(
                        f"row {reader.line_num} of {table} has more fields than the first line names",
                        "Put names with a comma into double quotes",
                    )
                yield reader.line_num, row
    except OSError as error:
        raise NightjarError(f"{table} cannot be read: {error.strerror}", "Give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise NightjarError(f"{table} is not a CSV file in UTF-8: {error}", "Save it as CSV in UTF-8") from error


def _name(text: str | None, known: set[str], where: str) -> str:
    name = PurePosixPath((text or "").strip()).as_posix()
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else "Names are relative to the folder of the songs"
    raise NightjarError(f"{where} names {name!r}, which is not among the songs", remedy)
