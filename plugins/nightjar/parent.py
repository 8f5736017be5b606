"""What a child process asks for, so that it does not outlive the one that started it, however that ends."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a child gets when its parent dies."""


def end_with_the_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Called in the child: have the kernel send it the signal when its parent ends, also by a kill."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
