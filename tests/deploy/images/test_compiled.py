"""What numba compiles is in Airflow's image: a user with an empty home, who may write to neither, compiles nothing."""

from __future__ import annotations

import sys

import pytest

from tests.deploy.images.layout import AS_OTHERS, files, image, run


@pytest.mark.services  # it compiles for a minute or two
def test_a_new_worker_of_airflow_compiles_nothing(settings, milvus, kv, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with image("airflow", tmp_path / "image") as (root, given):
        given |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
        night = [*AS_OTHERS, sys.executable, "-m", "tests.deploy.images.a_night"]
        assert run(night, root, given).splitlines() == []
        own = files(home / ".cache" / "numba")
        assert own
        assert own.items() <= files(root / "plugins" / "nightjar" / "__pycache__").items()
