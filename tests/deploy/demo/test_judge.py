"""The judgement of a run against the truth: nothing that is missing, wrong or invented may pass."""

from __future__ import annotations

from deploy.demo.judge import judge
from deploy.demo.truth import Pair, Truth, Upload

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
UPLOADS = tuple(Upload(track, DAYS[0], "mp3", "user-1", name=f"song {track}") for track in "abcde")
PAIRS = (Pair("a", "b", "duplicate"), Pair("c", "d", "cover"))
TRUTH = Truth(DAYS, UPLOADS, True, PAIRS, (("e", "silent"),))
FOUND = [("a", "b", "duplicate"), ("d", "c", "cover")]
REJECTS = [("e", "silent")]
CANONICAL = {"a": "a", "b": "a"}


def test_everything_found() -> None:
    assert judge(TRUTH, FOUND, REJECTS, CANONICAL).mistakes == ()
    assert judge(TRUTH, FOUND, REJECTS, CANONICAL).planted == 3


def test_each_kind_of_mistake_is_said() -> None:
    assert judge(TRUTH, FOUND[1:], REJECTS, CANONICAL).mistakes == ("song a and song b: distinct instead of duplicate",)
    invented = [*FOUND, ("a", "c", "fragment")]
    assert judge(TRUTH, invented, REJECTS, CANONICAL).mistakes == ("song a and song c: fragment instead of distinct",)
    wrong = [("a", "b", "fragment"), FOUND[1]]
    assert judge(TRUTH, wrong, REJECTS, CANONICAL).mistakes == ("song a and song b: fragment instead of duplicate",)
    assert judge(TRUTH, FOUND, [], CANONICAL).mistakes == ("song e: reject none instead of silent",)
    assert judge(TRUTH, FOUND, [*REJECTS, ("a", "too_short")], CANONICAL).mistakes == (
        "song a: reject too_short instead of none",
    )
    assert judge(TRUTH, FOUND, REJECTS, {"a": "b", "b": "b"}).mistakes == (
        "song a: canonical track b instead of a",
        "song b: canonical track b instead of a",
    )
