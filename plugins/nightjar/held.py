"""Why a day was not published: the message of the gate that held it, kept for whoever asks on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nightjar.errors import GateClosed
from nightjar.objects import ObjectMissing, Objects


@contextmanager
def noted(objects: Objects, model: str, day: str) -> Iterator[None]:
    """Keep the message of a gate that closes within, and drop an earlier one if it stays open."""
    try:
        yield
    except GateClosed as closed:
        objects.put(_key(model, day), str(closed).encode())
        raise
    objects.delete(_key(model, day))


def why(objects: Objects, model: str, day: str) -> str | None:
    """What held the day when it was last tried; None if nothing did."""
    try:
        return objects.get(_key(model, day)).decode()
    except ObjectMissing:
        return None


def _key(model: str, day: str) -> str:
    return f"held/{model}/{day}"
