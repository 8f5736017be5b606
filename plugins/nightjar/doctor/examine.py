"""What a check is, and running many of them side by side, each within its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nightjar.errors import NightjarError
from nightjar.settings import Settings

OK, WARN, FAIL, SKIP = "ok", "warn", "fail", "skip"
"""SKIP is what was not asked, and so is neither right nor wrong."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and what to do where it is not right."""

    check: str
    state: str
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """Looks at one part. A NightjarError that it raises is a finding; what has no answer in time is one too."""

    name: str
    look: Callable[[Settings], Iterable[Finding]]
    seconds: float = 20.0
    needs: tuple[str, ...] = ()
    """The settings that it cannot do without: if one of them is wrong, nothing is asked."""


def ok(check: str, found: str) -> Finding:
    return Finding(check, OK, found)


def warn(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, WARN, found, remedy)


def fail(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, FAIL, found, remedy)


def skip(check: str, why: str) -> Finding:
    return Finding(check, SKIP, f"not asked: {why}")


def examine(settings: Settings, checks: Sequence[Check]) -> list[Finding]:
    """What all checks found, in their order. They run at the same time; one that hangs is left behind."""
    begun = time.monotonic()
    running = [(check, *_started(settings, check)) for check in checks]
    found: list[Finding] = []
    for check, thread, said in running:
        thread.join(max(0.0, begun + check.seconds - time.monotonic()))
        hangs = thread.is_alive()
        found += list(said)
        if hangs:
            found.append(
                fail(check.name, f"no answer within {check.seconds:.0f} s", "Is its host up, and may it be reached?")
            )
    return found


def _started(settings: Settings, check: Check) -> tuple[threading.Thread, list[Finding]]:
    said: list[Finding] = []

    def look() -> None:
        try:
            for each in _look(settings, check):
                said.append(each)
        except NightjarError as error:
            said.append(fail(check.name, error.message, error.remedy))
        except Exception as error:  # one check that breaks must not hide the others
            said.append(fail(check.name, f"could not be looked at: {error!r}", "This is a defect: report it"))

    thread = threading.Thread(target=look, name=f"doctor {check.name}", daemon=True)  # the process may end before it
    thread.start()
    return thread, said


def _look(settings: Settings, check: Check) -> Iterable[Finding]:
    wrong = [f"NIGHTJAR_{name.upper()}" for name in settings.wrong() if name in check.needs]
    return [skip(check.name, f"{' and '.join(wrong)} cannot be, see settings")] if wrong else check.look(settings)
