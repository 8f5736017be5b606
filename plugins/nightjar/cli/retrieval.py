"""`nightjar evaluate retrieval`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.output import Answer, Section
from nightjar.cli.report import check_writable, write_report
from nightjar.settings import FIRST_MODEL, Settings

_MEASURES = ("P@1", "P@10", "mAP", "other part")


def run(settings: Settings, arguments: Namespace) -> Answer:
    """Runs the embedder on a folder and nothing else: no service is asked. Raises NightjarError."""
    from nightjar.evaluate.retrieval import labels
    from nightjar.evaluate.retrieval.run import Asked, evaluate

    check_writable(arguments.report)
    songs, table = arguments.songs.absolute(), arguments.labels.absolute()
    known = labels.read(songs, table, arguments.label, arguments.exclude_same, (arguments.report.absolute(),))
    model = arguments.model or settings.model or FIRST_MODEL
    found = evaluate(settings, Asked(songs, known, model, not arguments.no_separation, arguments.copies))
    write_report(arguments.report, found)
    notes = [f"All of it is in {arguments.report}"]
    if known.unlabelled:
        notes.insert(0, f"{len(known.unlabelled)} files without a label are left out, {known.unlabelled[0]} first")
    if known.unknown:
        notes.insert(0, labels.lost(known.unknown))
    return Answer(found, _tables(found, arguments.label), notes)


def _tables(found: dict, label: str) -> list[Section]:
    rows = [(model, *(_mean(each[name]) for name in _MEASURES)) for model, each in found["models"].items()]
    ahead = [(model, *(_mean(each[name]) for name in _MEASURES[:3])) for model, each in found["ahead"].items()]
    near = [
        (kind, model, each["mean"], each["tenth"], each["least"])
        for kind, models in found["copies"].items()
        for model, each in models.items()
        if each
    ]
    rejected = [(each["file"], each["reason"], each["detail"]) for each in found["rejected"]]
    return [
        *([Section("No songs", ("file", "reason", "detail"), rejected)] if rejected else []),
        Section(f"Same {label}, {found['queries']} of {found['songs']} songs", ("model", *_MEASURES), rows),
        Section(f"How far {found['model']} is ahead, song by song", ("of", *_MEASURES[:3]), ahead),
        *([Section("Cosine of a song and", ("", "model", "mean|", "tenth|", "least|"), near)] if near else []),
    ]


def _mean(of: dict) -> str:
    if of["interval"] is None:
        return f"{of['mean']}"
    low, high = of["interval"]
    return f"{of['mean']:.3f} ({low:.3f} to {high:.3f})"
