"""`nightjar evaluate duplicates | copies | recommendations | retrieval`."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from nightjar.cli import recommendations, retrieval
from nightjar.cli.output import Answer, Section
from nightjar.cli.report import check_writable, write_report
from nightjar.evaluate.again import in_scratch_space, inside
from nightjar.settings import FIRST_MODEL, Settings

_SHOWN = 20
"""Errors that the tables show; the report has all."""


def run(settings: Settings, arguments: Namespace) -> Answer:
    """The evaluation that was asked for. Raises NightjarError if it cannot be made."""
    measures = {
        "duplicates": _duplicates,
        "copies": _copies,
        "recommendations": recommendations.run,
        "retrieval": retrieval.run,
    }
    return measures[arguments.measured](settings, arguments)


def _duplicates(settings: Settings, arguments: Namespace) -> Answer:
    """Outside of a scratch space it only looks at what was given, runs itself inside one and exits with its status."""
    from nightjar.evaluate import truth

    songs, table, report = (path.absolute() for path in (arguments.songs, arguments.truth, arguments.report))
    known = truth.read(songs, table, (report,))
    check_writable(report)
    if not inside():
        given = ["evaluate", "duplicates", f"--songs={songs}", f"--truth={table}", f"--report={report}"]
        given += (
            ["--no-separation"] * arguments.no_separation
            + ["--others"] * arguments.others
            + ["--json"] * arguments.json
        )
        raise SystemExit(in_scratch_space(settings, given))
    from nightjar.evaluate import night

    asked = {"model": settings.model or FIRST_MODEL}
    asked |= {"separator": "none"} if arguments.no_separation else {}
    asked |= {"second_opinion": "echoprint"} if arguments.others else {}
    found = night.evaluate(replace(settings, **asked), songs, known)
    write_report(report, found)
    return Answer(found, _tables(found), [f"All of it, with every error, is in {report}"])


def _tables(found: dict) -> list[Section]:
    rates = {**found["by_verdict"], "same recording": found["same_recording"], "any verdict": found["found"]}
    candidates, groups = found["stages"]["candidates"], found["groups"]
    sources = candidates["by_source"].items()
    names = list(found["confusion"])
    labels = [
        (label, value, *(_share(rate[name]) for name in ("candidates", "found", "same_recording", "right")))
        for label, values in found["by_label"].items()
        for value, rate in values.items()
    ]
    errors = [
        (each["error"], each["true"], each["found"], each["a"], each["b"], ", ".join(each["sources"]), _why(each))
        for each in found["errors"][:_SHOWN]
    ]
    shown = f" (the first {_SHOWN} of {len(found['errors'])})" if len(found["errors"]) > _SHOWN else ""
    rejected = [(each["file"], each["stage"], each["reason"], each["detail"]) for each in found["rejected"]]
    return [
        Section(f"Rejected of {found['songs']} files", ("file", "stage", "reason", "detail"), rejected),
        Section(
            "Verdicts",
            ("verdict", "precision", "recall"),
            [(name, _share(rate["precision"]), _share(rate["recall"])) for name, rate in rates.items()],
        ),
        Section(
            "Groups",
            ("false groups", "pairs of different songs in them|", "known pairs of one recording in one group"),
            [(_share(groups["false"]), groups["false_pairs"], _share(groups["together"]))],
        ),
        Section(
            "Candidates",
            ("source", "proposed|", "recall", "by it alone|"),
            [
                ("all", candidates["proposed"]["count"], _share(candidates["recall"]), ""),
                *((name, rate["proposed"], _share(rate["recall"]), rate["alone"]) for name, rate in sources),
            ],
        ),
        Section(
            "Known verdict (rows) and found verdict",
            ("", *(f"{name}|" for name in names)),
            [(one, *row.values()) for one, row in found["confusion"].items()],
        ),
        *_others(found),
        *([Section("Recall by label", ("label", "", *_RECALLS), labels)] if labels else []),
        Section(f"Errors{shown}", ("error", "known", "found", "a", "b", "candidate by", "evidence"), errors),
        Section("Seconds by stage", ("stage", "seconds|"), found["seconds"].items()),
    ]


def _others(found: dict) -> list[Section]:
    """Recall of the other ways, overall and by case, beside ours."""
    if not found.get("others"):
        return []
    methods = found["others"]
    ours = found["by_label"].get("case", {})
    rows = [("all", _share(found["same_recording"]["recall"]), *(_share(each["recall"]) for each in methods.values()))]
    rows += [
        (
            case,
            _share(ours[case]["same_recording"]) if case in ours else "",
            *(_share(each["by_case"][case]) for each in methods.values()),
        )
        for case in next(iter(methods.values()))["by_case"]
    ]
    rows += [
        ("different songs", "see precision", *(_share(each["different"]) for each in methods.values())),
        ("found by it alone", "", *(each["only_it"] for each in methods.values())),
        ("found by us alone", "", *(each["only_ours"] for each in methods.values())),
        ("microseconds a pair", "", *(each["microseconds"] for each in methods.values())),
    ]
    return [Section("Beside other ways: recall of one recording", ("case", "nightjar", *methods), rows)]


_RECALLS = ("candidates", "any verdict", "same recording", "right verdict")


def _share(of: dict) -> str:
    if of["value"] is None:
        return f"- ({of['count']} of 0)"
    low, high = of["interval"]
    return f"{of['value']:.3f} ({of['count']} of {of['of']}; {low:.3f} to {high:.3f})"


def _why(error: dict) -> str:
    if error["rejected"]:
        return f"rejected: {', '.join(error['rejected'])}"
    return error["row"]["evidence"] if error["row"] else "no match" if error["candidate"] else "not compared"


def _copies(settings: Settings, arguments: Namespace) -> Answer:
    from nightjar.evaluate import folder

    made = folder.make(arguments.songs, arguments.out, arguments.kinds, arguments.limit)
    kinds = [(name, made.copies[name], made.left_out[name]) for name in {**made.copies, **made.left_out}]
    unreadable = [(each["file"], each["detail"]) for each in made.unreadable]
    sections = [Section(f"Copies of {len(made.songs)} songs", ("alteration", "copies|", "songs left out|"), kinds)]
    if unreadable:
        sections.append(Section("No songs", ("file", "detail"), unreadable))
    data = {
        "songs": made.songs,
        "copies": dict(made.copies),
        "left_out": dict(made.left_out),
        "unreadable": made.unreadable,
        "truth": str(arguments.out / folder.TABLE),
    }
    return Answer(data, sections, [f"The known pairs are in {data['truth']}"])
