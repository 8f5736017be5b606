"""`python -m nightjar.cli`, the same as `nightjar`."""

from __future__ import annotations

import sys

from nightjar.cli import main

sys.exit(main())
