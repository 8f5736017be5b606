"""The records of stages in object storage, one object a day: `state/<day>.json`, changed by compare-and-swap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from nightjar.converge.stages import BY_MODEL, PUBLISH, At, Record
from nightjar.objects import ObjectMissing, Objects

_PREFIX = "state/"
_THREADS = 16
_REMEDY = "Remove it: the stages of that day are then taken for made if their tables are committed"


def read(objects: Objects, model: str, of_days: Iterable[str] | None = None) -> dict[str, dict[str, Record]]:
    """The records of the given days, or of all, by day and stage: those that `model` makes, and those of no model."""
    wanted = known_days(objects) if of_days is None else list(of_days)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = zip(wanted, pool.map(lambda day: _read(objects, day), wanted), strict=True)
        return {day: _of_model(stored, model) for day, stored in found if stored}


def known_days(objects: Objects) -> list[str]:
    """Days that have records, in order."""
    return sorted(seen.key.removeprefix(_PREFIX).removesuffix(".json") for seen in objects.list(_PREFIX))


def change(objects: Objects, model: str, at: At, by: Callable[[Record], Record]) -> Record:
    """Replace the record of a stage by what `by` makes of it; returns that. `by` may be called several times."""
    name = _name(at.stage, model)

    def changed(body: bytes | None) -> bytes:
        stored = json.loads(body) if body else {}
        stored[name] = asdict(by(Record(**stored.get(name, {}))))
        return json.dumps(stored, indent=1, sort_keys=True).encode()

    return Record(**json.loads(objects.update(_key(at.day), changed))[name])


def begin_with(objects: Objects, model: str, day: str, records: Mapping[str, Record]) -> None:
    """Give a day that has none its first records."""

    def changed(body: bytes | None) -> bytes:
        stored = json.loads(body) if body else {}
        added = {_name(stage, model): asdict(record) for stage, record in records.items()}
        return json.dumps(added | stored, indent=1, sort_keys=True).encode()

    objects.update(_key(day), changed)


def _read(objects: Objects, day: str) -> dict[str, dict]:
    try:
        return objects.parsed(_key(day), json.loads, _REMEDY)
    except ObjectMissing:
        return {}


def _of_model(stored: Mapping[str, dict], model: str) -> dict[str, Record]:
    """Lists of a day by the model that was live then are that day's lists, whichever model is live now."""
    of_stage = {}
    for name, fields in stored.items():
        stage, _, owner = name.partition("@")
        if owner in ("", model) or (stage == PUBLISH and f"{stage}@{model}" not in stored):
            of_stage[stage] = Record(**fields)
    return of_stage


def _name(stage: str, model: str) -> str:
    return f"{stage}@{model}" if stage in BY_MODEL else stage


def _key(day: str) -> str:
    return f"{_PREFIX}{day}.json"
