"""Numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from nightjar.evaluate.metrics import ANY, Known, Outcome, errors, measure, pair_of, share, wrong_groups

KNOWN = {
    ("a", "b"): Known("duplicate", {"case": "mp3"}),
    ("a", "c"): Known("duplicate", {"case": "mp3"}),
    ("a", "d"): Known("fragment", {"case": "piece"}),
    ("a", "e"): Known("altered", {"case": ""}),
    ("b", "c"): Known(ANY),
    ("b", "d"): Known(ANY),
}
VERDICTS = {
    ("a", "b"): "duplicate",
    ("a", "d"): "duplicate",  # by another name
    ("b", "c"): "duplicate",  # not counted
    ("d", "e"): "cover",  # invented
}
PROPOSED = {
    ("a", "b"): ["song", "window"],
    ("a", "d"): ["window"],
    ("a", "e"): ["song"],
    ("b", "c"): ["song"],
    ("c", "e"): ["song"],
    ("d", "e"): ["print"],
}
GROUPS = {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}
OUTCOME = Outcome(5, VERDICTS, PROPOSED, GROUPS)


@pytest.fixture(scope="module")
def report() -> dict:
    return measure(KNOWN, OUTCOME)


def counts(rate: dict) -> tuple[int, int]:
    return rate["count"], rate["of"]


def test_a_pair_is_the_same_in_both_orders():
    assert pair_of("b", "a") == pair_of("a", "b") == ("a", "b")


def test_wilson_intervals():
    """Compared with the examples of Newcombe (1998), Two-sided confidence intervals for the single proportion."""
    assert share(81, 263)["interval"] == [0.2553, 0.3662]
    assert share(15, 148)["interval"] == [0.0624, 0.1605]
    assert share(0, 20)["interval"] == [0.0, 0.1611]
    assert share(1, 29)["interval"] == [0.0061, 0.1718]
    assert share(3, 3)["interval"][1] == 1.0
    assert share(0, 0) == {"count": 0, "of": 0, "value": None, "interval": None}


def test_pairs_that_are_related_somehow_are_not_counted(report):
    assert report["pairs_true"] == {"duplicate": 2, "fragment": 1, "altered": 1, "contains": 0, "cover": 0, "all": 4}
    assert (report["pairs_ignored"], report["pairs_distinct"]) == (2, 4)  # of 10 pairs of 5 songs


def test_precision_and_recall(report):
    found = {name: tuple(map(counts, each.values())) for name, each in report["by_verdict"].items()}
    assert found == {  # precision, recall
        "duplicate": ((1, 2), (1, 2)),
        "fragment": ((0, 0), (0, 1)),
        "altered": ((0, 0), (0, 1)),
        "contains": ((0, 0), (0, 0)),
        "cover": ((0, 1), (0, 0)),
    }
    assert tuple(map(counts, report["same_recording"].values())) == ((2, 2), (2, 4))
    assert tuple(map(counts, report["found"].values())) == ((2, 3), (2, 4))


def test_candidates_are_measured_apart(report):
    candidates = report["stages"]["candidates"]
    assert counts(candidates["proposed"]) == (5, 8)
    assert counts(candidates["recall"]) == (3, 4)
    assert counts(candidates["by_verdict"]["duplicate"]) == (1, 2)
    assert list(candidates["by_source"]) == ["print", "song", "window"]
    song = candidates["by_source"]["song"]
    assert (song["proposed"], counts(song["recall"]), song["alone"]) == (3, (2, 4), 1)
    assert counts(candidates["by_source"]["print"]["recall"]) == (0, 4)
    verdicts = {name: counts(rate) for name, rate in report["stages"]["verdicts"].items()}
    assert verdicts == {"found": (2, 3), "right": (1, 3), "invented": (1, 2)}


def test_confusion_adds_up_to_all_counted_pairs(report):
    confusion = report["confusion"]
    assert confusion["duplicate"] == {
        **{"duplicate": 1, "fragment": 0, "altered": 0, "contains": 0, "cover": 0, "distinct": 1}
    }
    assert confusion["fragment"]["duplicate"] == 1
    assert (confusion["distinct"]["cover"], confusion["distinct"]["distinct"]) == (1, 3)
    assert sum(sum(row.values()) for row in confusion.values()) == 8


def test_recall_by_label(report):
    cases = report["by_label"]["case"]
    assert {case: [counts(rate) for rate in rates.values()] for case, rates in cases.items()} == {
        "mp3": [(1, 2), (1, 2), (1, 2), (1, 2)],  # candidates, found, same recording, right
        "piece": [(1, 1), (1, 1), (1, 1), (0, 1)],
    }


def test_a_group_is_false_if_two_of_its_songs_are_not_known_as_one(report):
    """Of a, b and c all are known as one or as related; d and e are in no row, and so distinct."""
    assert (counts(report["groups"]["false"]), report["groups"]["false_pairs"]) == ((1, 2), 1)
    assert counts(report["groups"]["together"]) == (2, 4)
    assert wrong_groups(KNOWN, GROUPS) == [{"songs": ["d", "e"], "wrong": [["d", "e"]]}]
    assert wrong_groups(KNOWN | {("d", "e"): Known("contains")}, GROUPS) != []
    assert wrong_groups(KNOWN | {("d", "e"): Known("altered")}, GROUPS) == []


def test_each_error_is_named():
    assert errors(KNOWN, VERDICTS) == [
        ("missed", ("a", "c"), "duplicate", "distinct"),
        ("misnamed", ("a", "d"), "fragment", "duplicate"),
        ("missed", ("a", "e"), "altered", "distinct"),
        ("invented", ("d", "e"), "distinct", "cover"),
    ]
