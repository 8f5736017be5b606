"""Which vectors are meant, as Milvus wants to be told, and of a row whether it is one of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from nightjar import days


@dataclass(frozen=True)
class Filter:
    """`text` is Milvus's expression, "" for all; `holds` says it of a row with `id`, `track_id` and `day`."""

    text: str
    holds: Callable[[dict], bool]

    def between(self, low: str, high: str) -> Filter:
        """Of these the rows with keys from `low` on and below `high`; "" is no bound."""
        bounds = [f'id >= "{low}"'] * bool(low) + [f'id < "{high}"'] * bool(high)
        text = " and ".join([f"({self.text})"] * bool(self.text) + bounds)
        return Filter(text, lambda row: self.holds(row) and low <= row["id"] and (not high or row["id"] < high))

    def or_ids(self, ids: Sequence[str]) -> str:
        """The expression for these rows and those with the ids."""
        if not ids or not self.text:
            return self.text
        return f"({self.text}) or {is_in('id', ids)}"


EVERYTHING = Filter("", lambda _: True)


def of_day(day: str) -> Filter:
    """Those of a day."""
    number = days.number(day)
    return Filter(f"day == {number}", lambda row: row["day"] == number)


def upto(day: str | None) -> Filter:
    """Those of all days up to one; all of them where none is named."""
    if not day:
        return EVERYTHING
    number = days.number(day)
    return Filter(f"day <= {number}", lambda row: row["day"] <= number)


def of_other_days(known: Collection[str]) -> Filter:
    """Those of none of these days."""
    numbers = {days.number(day) for day in known}
    if not numbers:
        return EVERYTHING
    return Filter(f"day not in [{', '.join(map(str, sorted(numbers)))}]", lambda row: row["day"] not in numbers)


def of_tracks(ids: Collection[str]) -> Filter:
    """Those of songs, and of their windows."""
    return Filter(is_in("track_id", list(ids)), lambda row: row["track_id"] in ids)


def is_in(field: str, ids: Sequence[str]) -> str:
    """The expression for rows whose field is one of the ids, which are of track ids' characters."""
    return f"{field} in [{', '.join(chr(34) + each + chr(34) for each in ids)}]"


def batches(items: list[str], size: int) -> Iterator[list[str]]:
    """The items, so many at a time, as a list in a filter must not be too long."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
