"""The clock, for the rules that need it: what day it is, and how long something has waited. No table depends on it."""

from __future__ import annotations

from datetime import UTC, datetime

from nightjar.errors import NightjarError


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def today() -> str:
    """In UTC."""
    return now().date().isoformat()


def not_after_today(day: str) -> str:
    """`day`, if its lists may be shown. Raises NightjarError for a later one, which would hold up every night until
    then."""
    if day > today():
        raise NightjarError(f"{day} lies after today, {today()}", "Publish a day that has begun")
    return day
