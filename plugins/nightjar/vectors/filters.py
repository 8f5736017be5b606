"""Which vectors are meant, as Milvus wants to be told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nightjar import days


def of_day(day: str) -> str:
    """Those of a day."""
    return f"day == {days.number(day)}"


def upto(day: str | None) -> str:
    """Those of all days up to one; all of them where none is named."""
    return f"day <= {days.number(day)}" if day else ""


def is_in(field: str, ids: Sequence[str]) -> str:
    """Those whose field is one of the ids, which are of track ids' characters."""
    return f"{field} in [{', '.join(chr(34) + each + chr(34) for each in ids)}]"


def batches(items: list[str], size: int) -> Iterator[list[str]]:
    """The items, so many at a time, as a list in a filter must not be too long."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
