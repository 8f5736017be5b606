"""The composed catalogue, made once for all tests, while another process makes it as a demonstration does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from deploy.demo.truth import Truth

AGAIN = """
import sys
from pathlib import Path
from deploy.demo.run import Plan
Plan(Path(sys.argv[1])).catalogue()
"""


class Made(NamedTuple):
    """A catalogue's directory, another one that was made by another process, and what is known of them."""

    directory: Path
    again: Path
    truth: Truth


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    from deploy.demo.catalogue import write_catalogue
    from deploy.demo.listens import write_listens

    directory, again = tmp_path_factory.mktemp("catalogue"), tmp_path_factory.mktemp("again")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    with subprocess.Popen([sys.executable, "-c", AGAIN, str(again)], env=environment) as other:
        truth = write_catalogue(directory)
        write_listens(directory, truth)
        assert other.wait(timeout=300) == 0
    return Made(directory, again / "catalogue", truth)
