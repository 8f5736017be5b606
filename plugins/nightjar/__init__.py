"""Nightjar: a day's song uploads become tomorrow's recommendations. See docs/design.md for the map."""

from __future__ import annotations

import os

from nightjar.legible import make_logs_legible

# Else pymilvus, as it is imported, adds to os.environ what a file .env in the checkout says, which is docker compose's.
os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")
make_logs_legible()
