"""What every test may ask for: the servers of `tests/services.py`, and real music where the environment names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.services"]


@pytest.fixture(scope="session")
def music() -> Path:
    """The folder of real music."""
    folder = os.environ.get("NIGHTJAR_TEST_MUSIC")
    if not folder:
        pytest.skip("NIGHTJAR_TEST_MUSIC names no folder of real music")
    return Path(folder)
