"""What every test may ask for: the servers of `tests/services.py`, the catalogue of `tests/catalogue.py`, and real
music where the environment names it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.services", "tests.catalogue"]


def pytest_configure() -> None:
    """SIGTERM ends a run as Ctrl-C does, so that no server stays behind. No property fails for a slow machine."""
    for number in (signal.SIGTERM, signal.SIGINT):  # which a shell has its background jobs, and their children, ignore
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(ImportError):  # the embedder's environment does without
        from hypothesis import HealthCheck, settings

        settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("any machine")


@pytest.fixture(scope="session")
def music() -> Path:
    """The folder of real music."""
    folder = os.environ.get("NIGHTJAR_TEST_MUSIC")
    if not folder:
        pytest.skip("NIGHTJAR_TEST_MUSIC names no folder of real music")
    return Path(folder)
