from __future__ import annotations

from dataclasses import fields

import pytest

from nightjar.errors import NightjarError
from nightjar.settings import Settings


def test_without_variables_the_defaults_hold():
    assert Settings.load({}) == Settings()


def test_every_field_travels_through_the_environment():
    other = Settings(
        **{
            field.name: field.default + 1 if isinstance(field.default, int) else f"{field.default}x"
            for field in fields(Settings)
        }
    )
    assert Settings.read(other.environment()) == other


@pytest.mark.parametrize("text", ["", "0", "-3", "many", "1.5", " 7"])
def test_a_number_that_is_none_names_its_variable(text):
    with pytest.raises(NightjarError, match=r"NIGHTJAR_SHARD_SONGS=.* is not a positive whole number\. Set it, say 50"):
        Settings.load({"NIGHTJAR_SHARD_SONGS": text})
