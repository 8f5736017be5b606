from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightjar.ingest import names

_ID = string.ascii_letters + string.digits + "_-"


@given(st.text(_ID, min_size=1, max_size=64), st.sampled_from(["mp3", "MP3", "weird", ""]))
def test_every_id_of_the_app_is_read_back(track_id, extension):
    key = f"uploads/dt=2026-11-20/{track_id}" + (f".{extension}" if extension else "")
    assert names.track_id(key) == track_id
    assert names.shard_key(key) == track_id


@pytest.mark.parametrize(
    "name",
    ["a b.mp3", "a.b.mp3", "sub/a.mp3", ".mp3", "ä.mp3", "a" * 65 + ".mp3", "a\n.mp3", "..", "歌.ogg", "x+y.wav"],
)
def test_other_names_give_no_id_and_keep_a_shard(name):
    key = f"uploads/dt=2026-11-20/{name}"
    assert names.track_id(key) is None
    assert names.shard_key(key) == key
