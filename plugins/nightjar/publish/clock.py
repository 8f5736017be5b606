"""The day that it is, for the one rule that needs it: no lists of a day that has not begun are shown."""

from __future__ import annotations

from datetime import UTC, datetime

from nightjar.errors import NightjarError


def today() -> str:
    """In UTC."""
    return datetime.now(UTC).date().isoformat()


def not_after_today(day: str) -> str:
    """`day`, if its lists may be shown. Raises NightjarError for a later one, which would hold up every night until
    then."""
    if day > today():
        raise NightjarError(f"{day} lies after today, {today()}", "Publish a day that has begun")
    return day
