"""Which model is live: one object, `models/live.json`, that every night reads.

The object is the truth. The aliases in Milvus follow it: they are moved right after it, and whoever loads vectors of
the live model puts them right, should that have failed. A run whose settings name another model than the live one is a
candidate's: it fills the candidate's own partitions and collections and touches nothing that is live.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace

from nightjar import rules
from nightjar.errors import NightjarError
from nightjar.objects import ObjectChanged, ObjectMissing, Objects
from nightjar.settings import FIRST_MODEL, Settings

KEY = "models/live.json"
NO_DAY = f"Remove {KEY} from the bucket: the first model that loads a day is live"
"""What to do where the live model has no day: whoever wrote the object did not mean this lake."""
_REMEDY = (
    'Put back an earlier version of it, or write {"model": "NAME"} into it, the model of the published lists: '
    "see the newest object below published/"
)


@dataclass(frozen=True)
class Live:
    """What is known of the live model; `model` is empty where no vectors were ever loaded."""

    model: str = ""
    before: str = ""
    """The one that it took over from."""
    accepted: bool = False
    """Whether a person has accepted that nearly all songs on lists change when it is published first."""

    def to_json(self) -> bytes:
        return json.dumps(vars(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Live:
        found = cls(**json.loads(text))
        if not isinstance(found.model, str) or (found.model and not rules.is_model_name(found.model)):
            raise ValueError(f"no model is called {found.model!r}")
        return found


def read(objects: Objects) -> Live:
    """What is live now."""
    return _read(objects)[0]


def resolved(settings: Settings) -> Settings:
    """The settings with a model that has a name: the one they ask for, else the live one, else the first of all."""
    if settings.model:
        return settings
    return replace(settings, model=read(Objects(settings)).model or FIRST_MODEL)


def begin(objects: Objects, model: str) -> Live:
    """The live model, which is `model` from now on if there is none yet."""
    found = read(objects)
    if found.model:
        return found
    with suppress(ObjectChanged):  # another run began meanwhile
        objects.put(KEY, Live(model).to_json(), expect="")
    return read(objects)


def leader(objects: Objects, model: str) -> str:
    """The live model, which `model` follows as its candidate; "" if it is live itself, or nothing is."""
    found = read(objects).model
    return found if found != model else ""


def switch(objects: Objects, model: str, was: str, accepted: bool) -> None:
    """Make `model` the live one. Raises NightjarError if `was` is not live any more."""
    found, etag = _read(objects)
    if found.model == was:
        try:
            objects.put(KEY, Live(model, was, accepted).to_json(), expect=etag)
            return
        except ObjectChanged:
            found = read(objects)
    raise NightjarError(f"{found.model or 'no model'} became live meanwhile, not {was}", "See nightjar model list")


def _read(objects: Objects) -> tuple[Live, str]:
    """With the etag, "" where there is none. Taken before the content: what changes between is noticed by a put."""
    try:
        etag = objects.head(KEY).etag
        return objects.parsed(KEY, Live.from_json, _REMEDY), etag
    except ObjectMissing:
        return Live(), ""
