"""`nightjar model list | fill | compare | promote`."""

from __future__ import annotations

import sys
from argparse import Namespace

from nightjar.cli.output import Answer, Section
from nightjar.embed import made
from nightjar.errors import NightjarError
from nightjar.lake import Lake
from nightjar.models import live, state
from nightjar.settings import Settings


def run(settings: Settings, arguments: Namespace) -> Answer:
    """What was asked of models. Raises NightjarError if it cannot be had."""
    asked = {"list": _list, "fill": _fill, "compare": _compare, "promote": _promote}
    return asked[arguments.asked](settings, arguments)


def _list(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.models.known import every

    lake = Lake(settings)
    current = live.read(lake.objects).model
    found, notes = every(settings, current)
    rows = [
        (
            each["model"],
            "live" if each["live"] else "",
            *(each[name] for name in ("embedded", "loaded", "swept", "songs", "windows")),
            ", ".join(each["collections"]) or "-",
            {True: "yes", False: "no", None: "-"}[each["makes"]],
            "; ".join(each["lacks"]),
        )
        for each in found
    ]
    columns = ("model", "", "days embedded|", "loaded|", "swept|", "songs|", "windows|", "collections", "embedder")
    if not current:
        notes.append("No model is live yet: the first that loads a day is.")
    section = Section("Models", (*columns, "lacks, to be promoted"), rows)
    return Answer({"live": current or None, "models": found}, [section], notes)


def _fill(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.models.fill import fill

    first, last = arguments.first, arguments.last
    found = fill(settings, arguments.name, first, last, arguments.only_embed, lambda line: print(line, file=sys.stderr))
    filled = [day for day in found["days"] if day["filled"]]
    songs = sum(day["songs"] for day in filled)
    said = f"{len(filled)} of {len(found['days'])} days of {found['like']} filled by {found['model']}, {songs} songs."
    return Answer(found, notes=[said, f"Next: nightjar model compare {found['like']} {found['model']}"])


def _compare(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.models.compare import compare

    _known(settings, arguments.a, arguments.b)
    found = compare(settings, arguments.a, arguments.b, arguments.day, arguments.users)
    both = ("a", "b")
    figures = [
        ("songs", *(sum(day[of] or 0 for day in found["days"]) for of in both)),
        ("songs that it lacks", *(found[f"missing_in_{of}"]["songs"] for of in both)),
        ("recall@10 of songs", *(found["recall"][of].get("tracks") for of in both)),
        ("recall@10 of windows", *(found["recall"][of].get("windows") for of in both)),
        ("ms a search", *(found["milliseconds"][of] for of in both)),
    ]
    days = [(day["day"], day["a"], day["b"]) for day in found["days"]]
    lists = found["lists"]
    notes = [f"Nearest songs in common, of 10: {_share(found['overlap'])} over {found['songs']} songs."]
    if lists["why"]:
        notes.append(f"Lists were not compared: {lists['why']}")
    else:
        shared = _share(lists["overlap"])
        notes.append(f"Songs of lists in common: {shared} over {lists['users']} listeners of {lists['day']}.")
    notes += [f"Wrong: {each}" for each in found["wrong"]]
    for of in both:
        if first := found[f"missing_in_{of}"]["first"]:
            notes.append(
                f"{found[of]} lacks {', '.join(first)}{', ...' * (len(first) < figures[1][1 + both.index(of)])}"
            )
    columns = ("", f"{found['a']}|", f"{found['b']}|")
    return Answer(found, [Section("Models", columns, figures), Section("Songs by day", columns, days)], notes)


def _promote(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.models.promote import promote

    _known(settings, arguments.name)
    found = promote(settings, arguments.name, arguments.accept)
    name, was = found["model"], found["was"]
    if not found["moved"]:
        return Answer(found, notes=[f"{name} is live, and so are its collections."])
    notes = [f"{name} is live from now on: the next night embeds with it, and its collections are behind the aliases."]
    if found["overlap"] is not None:
        notes.append(f"About {_share(found['overlap'])} of the songs on a list stay.")
    made_here = made.models_if_asked(settings)
    if made_here is not None and was not in made_here:
        notes.append(f"The embedder makes no {was} any more: there is no way back to it.")
    else:
        notes.append(f"The way back: nightjar model promote {was}; after a night, nightjar model fill {was} first.")
    if settings_name := _pinned(name):
        notes.append(settings_name)
    return Answer(found, notes=notes)


def _known(settings: Settings, *names: str) -> None:
    """Raises NightjarError for a model that has embedded nothing."""
    from nightjar.cli.known import nearest

    known = state.known(Lake(settings))
    for name in names:
        if name not in known:
            is_made = name in (made.models_if_asked(settings) or ())
            remedy = f"nightjar model fill {name}" if is_made else nearest(name, known, "models")
            raise NightjarError(f"no day is embedded by a model {name!r}", remedy)


def _pinned(name: str) -> str:
    """A warning where the environment names a model: its runs do not follow the live one."""
    pinned = Settings.load().model
    if pinned in ("", name):
        return ""
    return (
        f"NIGHTJAR_MODEL={pinned} is set here: where the nights have it too, they stay with {pinned} until it is not."
    )


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
