"""The composed catalogue, made once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from deploy.demo.truth import Truth


class Made(NamedTuple):
    """A catalogue's directory, and what is known of it."""

    directory: Path
    truth: Truth


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    from deploy.demo.catalogue import write_catalogue
    from deploy.demo.listens import write_listens

    directory = tmp_path_factory.mktemp("catalogue")
    truth = write_catalogue(directory)
    write_listens(directory, truth)
    return Made(directory, truth)
