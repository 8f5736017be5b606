"""Which embedding models the embedder makes. It is asked, since its code is in its own environment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nightjar.embed.runner import run_embedder
from nightjar.errors import NightjarError
from nightjar.settings import Settings


def models(settings: Settings) -> list[str]:
    """Their names. Raises NightjarError where there is no environment of the embedder."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "models"
        run_embedder(settings, ["models", f"--out={out}"], "at listing its models", "Run make install")
        return out.read_text().split()


def require(settings: Settings, name: str) -> None:
    """Raises NightjarError if the embedder makes no model `name`. Where it cannot be asked, whoever needs it will say
    so."""
    try:
        names = models(settings)
    except NightjarError:
        return
    if name not in names:
        raise NightjarError(f"the embedder makes no model {name!r}", f"It makes {', '.join(names)}")
