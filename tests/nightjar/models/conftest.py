"""Three days of the live model, ranked and published, and a stand-in for the embedder."""

from __future__ import annotations

import pytest

from nightjar.embed import steps
from nightjar.models import known
from nightjar.settings import FIRST_MODEL
from tests.nightjar.models.candidates import SHORT, TURNED, Runner
from tests.nightjar.takedowns import world


@pytest.fixture
def embedder(monkeypatch):
    """The stand-in."""
    monkeypatch.setattr(steps, "runner_for", Runner)
    monkeypatch.setattr(Runner, "ran", [])
    monkeypatch.setattr(known.made, "models", lambda settings: [FIRST_MODEL, TURNED, SHORT])
    return Runner


@pytest.fixture
def nights(settings, milvus, kv, embedder, monkeypatch):
    """The live model's settings; the environment names no model, as that of a deployment."""
    world.make(settings)
    monkeypatch.setenv("NIGHTJAR_MODEL", "")
    return settings
