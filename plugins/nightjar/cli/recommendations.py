"""`nightjar evaluate recommendations`."""

from __future__ import annotations

from argparse import Namespace

from nightjar.cli.output import Answer, Section
from nightjar.cli.report import check_writable, write_report
from nightjar.settings import Settings

_MEASURES = ("ndcg", "recall", "precision")
_REACH = ("coverage", "novelty", "gini", "similarity", "new")


def run(_settings: Settings, arguments: Namespace) -> Answer:
    """Reads the tables and nothing else: no service is asked. Raises NightjarError."""
    from nightjar.evaluate.recommendations import sound, tables
    from nightjar.evaluate.recommendations.run import evaluate

    check_writable(arguments.report)
    plays, heard = tables.read_plays(arguments.train), None
    if arguments.embeddings:
        heard = sound.read(arguments.embeddings, plays.item_ids)
        plays = plays.with_items(heard.ids)
    found = evaluate(plays, tables.read_later(arguments.holdout, plays), heard)
    write_report(arguments.report, found)
    notes = [f"All of it is in {arguments.report}"]
    if found["unknown_items"]:
        notes.insert(0, f"Of the later plays, {found['unknown_items']} are of items that are not known: all missed")
    return Answer(found, _tables(found), notes)


def _tables(found: dict) -> list[Section]:
    made = {name: each for name, each in found["methods"].items() if "at" in each}
    cuts = next(iter(made.values()))["at"]
    sections = [
        Section(
            f"Lists of {cut} for {found['users_measured']} users, {found['items']} items",
            ("method", *_MEASURES, *(f"{name}|" for name in _REACH)),
            [_row(name, each["at"][cut]) for name, each in made.items()],
        )
        for cut in cuts
    ]
    if found["new_items"] is not None:
        sections += [_new_items(found, made, cut) for cut in cuts]
    measured = list(next(iter(found["ahead"].values())))
    ahead = [(name, *(_mean(each[one]) for one in measured)) for name, each in found["ahead"].items()]
    chosen = [
        (name, ", ".join(f"{key} {value}" for key, value in each["parameters"].items()), *each["seconds"].values())
        for name, each in made.items()
    ]
    left_out = [(name, each["left_out"]) for name, each in found["methods"].items() if "at" not in each]
    return [
        *sections,
        Section(f"How far {_ours(found)} is ahead, user by user", ("of", *measured), ahead),
        Section("Chosen on the validation split", ("method", "parameters", "fit s|", "rank s|"), chosen),
        *([Section("Left out", ("method", "why"), left_out)] if left_out else []),
    ]


def _ours(found: dict) -> str:
    """The method that is compared with all others."""
    return next(name for name in found["methods"] if name not in found["ahead"] and "at" in found["methods"][name])


def _new_items(found: dict, made: dict, cut: str) -> Section:
    rows = []
    for name, each in made.items():
        at = each["at"][cut]
        rows.append((name, _mean(at["of_new"]["ndcg"]), _mean(at["of_new"]["recall"]), _plain(at["new"])))
    counts = found["new_items"]
    title = f"Of {counts['items']} new items alone, {counts['later']} later plays, in lists of {cut}"
    return Section(title, ("method", "ndcg", "recall", "new|"), rows)


def _row(name: str, at: dict) -> tuple[str, ...]:
    return (name, *(_mean(at[one]) for one in _MEASURES), *(_plain(at[one]) for one in _REACH))


def _mean(of: dict) -> str:
    if of["mean"] is None:
        return "-"
    if of["interval"] is None:
        return f"{of['mean']:.4f}"
    low, high = of["interval"]
    return f"{of['mean']:.4f} ({low:.4f} to {high:.4f})"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
