"""Makes the servers of `tests/services.py` known to every test."""

from __future__ import annotations

pytest_plugins = ["tests.services"]
