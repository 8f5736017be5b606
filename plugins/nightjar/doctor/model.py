"""The embedding model: which one is live, whether the embedder still makes it, and whether the one that the environment
names is known to anybody."""

from __future__ import annotations

from collections.abc import Iterator

from nightjar.doctor import embedder
from nightjar.doctor.examine import Finding, fail, ok, skip, warn
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.models import live, state
from nightjar.objects import Objects, StoreFailed
from nightjar.settings import FIRST_MODEL, Settings

NAME = "model"


def look(settings: Settings) -> Iterator[Finding]:
    """Asks the lake and the embedder."""
    objects = Objects(settings, hurried=True)
    try:
        known = live.read(objects).model
        current = known or FIRST_MODEL
        if settings.model in ("", current):
            yield _live(settings, known) if known else ok(NAME, f"none is live yet, the first will be {current}")
        elif settings.model in state.known(Lake(settings, objects)):
            yield ok(NAME, f"NIGHTJAR_MODEL={settings.model} is embedded, and is not the live one: that is {current}")
        else:
            yield _made(settings, current)
    except StoreFailed:
        yield skip(NAME, "see object storage")


def _live(settings: Settings, current: str) -> Finding:
    try:
        names = embedder.models(settings)
    except NightjarError:  # the embedder's own check says so
        names = []
    if not names or current in names:
        return ok(NAME, f"{current} is live")
    found = f"{current} is live, and the embedder does not make it any more: the next night stops at embed_tracks"
    if not state.days_of(Lake(settings), current):
        return fail(NAME, f"{found}; it has embedded no day either", live.NO_DAY)
    remedy = f"nightjar model fill {names[0]}, then nightjar model promote {names[0]}"
    return fail(NAME, found, f"{remedy}, with --accept where a night has failed since")


def _made(settings: Settings, current: str) -> Finding:
    nothing, remedy = f"NIGHTJAR_MODEL={settings.model} has embedded nothing", f"Unset it, and it is {current}"
    try:
        names = embedder.models(settings)
    except NightjarError as error:
        return warn(NAME, f"{nothing}, and the embedder does not say whether it makes it: {error}", remedy)
    if settings.model in names:
        return ok(NAME, f"{nothing} yet; {current} is live")
    return warn(NAME, f"{nothing}, and the embedder does not make it", f"{remedy}; it makes {', '.join(names)}")
