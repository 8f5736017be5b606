"""The two networks, each loaded when a song first needs it: a shard whose stems are all there imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from nightjar.settings import Settings

if TYPE_CHECKING:
    from embedder.embedding import Embedding
    from embedder.htdemucs import Htdemucs


class Networks:
    """Loads once, keeps for the life of the process. Raises NightjarError if there are no weights."""

    def __init__(self, settings: Settings, say: Callable[[str], None] = print) -> None:
        self._settings, self._say = settings, say

    @cached_property
    def separator(self) -> Htdemucs:
        from embedder import weights
        from embedder.htdemucs import Htdemucs

        return Htdemucs(weights.load(self._settings, self._say), self._settings.embedder_threads)

    @cached_property
    def embedding(self) -> Embedding:
        from embedder import embedding

        return embedding.load(self._settings.model, self._settings.embedder_threads)
