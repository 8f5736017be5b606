"""The errors that a person reads: each names the thing that is wrong and the remedy."""

from __future__ import annotations

from nightjar.legible import one_line


class NightjarError(Exception):
    """Something a person can put right. Both parts are whole sentences or clauses.

    What they name may come from outside: hidden characters are shown as escapes.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        message, remedy = (one_line(part, but="\n") for part in (message, remedy))
        self.message, self.remedy = message, remedy
        super().__init__(f"{message.rstrip('.')}. {remedy}" if remedy else message)


class PartitionMissing(NightjarError):
    """A partition that was asked for has not been committed."""


class SchemaMismatch(NightjarError):
    """Rows do not have the columns and types that `nightjar.schemas` gives their table."""


class NotADay(NightjarError):
    """A run has no day, or something else in its place."""


class DayNotOver(NightjarError):
    """A day that is still going on, or lies in the future, was to be taken in."""


class GateClosed(NightjarError):
    """A night is not good enough to be published; last night's lists stay."""
