"""Work that is done in processes of its own, side by side, with a word about how far it is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from nightjar.parent import end_with_the_parent

SPEAK_S = 20.0
"""Between two words."""
Say = Callable[[str], None]


def side_by_side(work: Callable, jobs: list[tuple], processes: int, what: str, say: Say) -> Iterator[tuple]:
    """Call `work` with each job's arguments; yields (job, what it returned) as they end.

    The processes import TensorFlow, if any backend of Keras, and end with this one, however that ends. An interruption
    lets them finish the jobs that they are at.
    """
    if not jobs:
        return
    spoken = time.monotonic()
    say(f"{what}: {len(jobs)} to do")
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (os.getpid(),)) as pool:
        try:
            runs = {pool.submit(work, *job): job for job in jobs}
            for number, run in enumerate(as_completed(runs), start=1):
                yield runs[run], run.result()
                now = time.monotonic()
                if number == 1:  # what the processes take to begin says nothing of the rest
                    begun = now
                elif now - spoken > SPEAK_S and number < len(jobs):
                    left = (now - begun) / (number - 1) * (len(jobs) - number)
                    say(f"{what}: {number}/{len(jobs)}, about {left:.0f} s to go")
                    spoken = now
            say(f"{what}: {len(jobs)}/{len(jobs)}")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    end_with_the_parent()
    if os.getppid() != parent:  # it ended before that was asked
        os._exit(1)
