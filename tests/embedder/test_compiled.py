"""What numba compiles is in the embedder's image: a container whose user has an empty home compiles nothing anew."""

from __future__ import annotations

import sys

import pytest

from tests.deploy.images.layout import AS_OTHERS, files, image, run


@pytest.mark.services  # it compiles for half a minute
def test_a_new_container_of_the_embedder_compiles_nothing(tmp_path):
    with image("embedder", tmp_path / "image") as (root, given):
        given |= {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
        song = "from embedder import kernels; kernels.bring(); kernels.main()"
        run([*AS_OTHERS, sys.executable, "-c", song], root, given)
        assert files(tmp_path / "numba") == files(root / "compiled")
