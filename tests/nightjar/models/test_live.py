"""The object that says which model is live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightjar.errors import NightjarError
from nightjar.models import live
from nightjar.models.live import Live
from nightjar.settings import FIRST_MODEL


def test_the_first_model_is_live_and_others_follow_it(settings, lake):
    unnamed = replace(settings, model="")
    assert live.resolved(unnamed).model == FIRST_MODEL
    assert live.leader(lake.objects, "b-1") == ""
    assert live.begin(lake.objects, "a-1") == Live("a-1")
    assert live.begin(lake.objects, "b-1") == Live("a-1")
    assert live.leader(lake.objects, "b-1") == "a-1"
    assert live.leader(lake.objects, "a-1") == ""
    assert live.resolved(unnamed).model == "a-1"
    assert live.resolved(settings).model == FIRST_MODEL


def test_it_changes_for_whoever_knows_which_one_was(settings, lake, monkeypatch):
    live.begin(lake.objects, "a-1")
    live.switch(lake.objects, "b-1", "a-1", accepted=True)
    assert live.read(lake.objects) == Live("b-1", "a-1", True)
    with pytest.raises(NightjarError, match="b-1 became live meanwhile, not a-1"):
        live.switch(lake.objects, "c-1", "a-1", accepted=False)
    live.switch(lake.objects, "a-1", "b-1", accepted=False)
    assert live.read(lake.objects) == Live("a-1", "b-1", False)

    real = live._read

    def overtaken(objects):
        found = real(objects)
        monkeypatch.setattr(live, "_read", real)
        live.switch(objects, "d-1", "a-1", accepted=False)
        return found

    monkeypatch.setattr(live, "_read", overtaken)
    with pytest.raises(NightjarError, match="d-1 became live meanwhile"):
        live.switch(lake.objects, "c-1", "a-1", accepted=False)
