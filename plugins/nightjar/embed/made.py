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


def models_if_asked(settings: Settings) -> list[str] | None:
    """Their names; None where the embedder cannot be asked, which whoever needs it will say."""
    try:
        return models(settings)
    except NightjarError:
        return None


def require(settings: Settings, name: str) -> None:
    """Raises NightjarError if the embedder says that it makes no model `name`."""
    names = models_if_asked(settings)
    if names is not None and name not in names:
        raise NightjarError(f"the embedder makes no model {name!r}", f"It makes {', '.join(names)}")
