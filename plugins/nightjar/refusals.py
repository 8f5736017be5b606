"""Objects that the store does not hand out: one is turned away by itself, all of them are a fault of the place."""

from __future__ import annotations

from nightjar.objects import CONTRADICTED, ObjectRefused, StoreFailed

REASON = "refused"
"""The reject of an object that may not be read."""

_FEWEST = 2
"""So many objects that are refused, and no other that was handed out, are a fault of the place."""


def sentence(error: ObjectRefused) -> str:
    """The reject's sentence: the store's own words, and what helps."""
    if "InvalidObjectState" in error.said:
        return f"It is archived, and has to be restored before it can be read: {error.said}"
    if error.said == CONTRADICTED:
        return f"It cannot be read: {CONTRADICTED}"
    return f"The object store does not hand it out: its policy, its owner, or the key of its encryption ({error.said})"


def not_all(refused: int, read: int, what: str) -> None:
    """Raises StoreFailed if objects were refused and none was `read`: then it is not about one object.

    A single one is taken for what it seems to be: the task reads other objects with the same credentials.
    """
    if refused >= _FEWEST and not read:
        raise StoreFailed(
            f"the object store hands out none of the {refused} {what} that were asked for",
            "Give the credentials of Nightjar the right to read them, or restore them if they are archived, and run "
            "the task again; delete those that are not to come any more",
        )
