"""What the tests of whole nights share."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


@pytest.fixture(scope="module")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints a line of progress now, past pytest's capture."""
    capture, begun = request.config.pluginmanager.getplugin("capturemanager"), time.monotonic()

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"  [{time.monotonic() - begun:4.0f} s] {text}", flush=True)

    return line
