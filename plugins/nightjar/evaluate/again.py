"""Running `nightjar` again inside a scratch space of the embedded parts, which is only a process for the library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nightjar.errors import NightjarError
from nightjar.parent import end_with_the_parent
from nightjar.settings import REPOSITORY, Settings

_INSIDE = "NIGHTJAR_SCRATCH"
"""The variable that `python -m deploy.embedded scratch` sets for its command."""
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def inside() -> bool:
    """Whether this process runs in a scratch space."""
    return bool(os.environ.get(_INSIDE))


def in_scratch_space(settings: Settings, arguments: Sequence[str]) -> int:
    """Run `nightjar` with `arguments`, whose paths must be absolute, in a scratch space; its exit status.

    The command writes to our stdout and stderr. A signal to us ends it, and this returns when everything has ended.
    Raises NightjarError if the embedded parts are not there.
    """
    if not (REPOSITORY / "deploy" / "embedded").is_dir():
        raise NightjarError(
            f"the embedded parts are not in {REPOSITORY}", "Run nightjar from a checkout of the repository"
        )
    command = [sys.executable, "-m", "deploy.embedded", "scratch", "--", sys.executable, "-m", "nightjar.cli"]
    child = subprocess.Popen(
        [*command, *arguments],
        cwd=REPOSITORY,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        preexec_fn=_own_session_that_ends_with_us,
    )
    before = {number: signal.signal(number, lambda number, _: child.send_signal(number)) for number in _PASSED_ON}
    try:
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with the settings' paths made absolute, since the command runs in another directory."""
    named = (settings.embedder_python, settings.cache_dir, settings.sql_dir, settings.weights_dir)
    python, cache, sql, weights = (str(Path(name).expanduser().absolute()) if name else "" for name in named)
    absolute = replace(settings, embedder_python=python, cache_dir=cache, sql_dir=sql, weights_dir=weights)
    ours = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    return os.environ | absolute.environment() | {"PYTHONPATH": ours}


def _own_session_that_ends_with_us() -> None:
    os.setsid()  # a Ctrl-C reaches this process alone, which passes it on once
    end_with_the_parent(signal.SIGTERM)
