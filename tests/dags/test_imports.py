"""What each task imports before its first line of work: pandas, numba and clients only where they are used."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightjar.settings import REPOSITORY

HEAVY = {"duckdb", "numba", "pandas", "pymilvus", "redis", "scipy"}
SHOWS = f"import json, sys; print(json.dumps(sorted({HEAVY!r} & sys.modules.keys())))"
NEEDS = {
    "load_vectors.load": {"pymilvus", "pandas"},
    "sweep_duplicates.sweep": {"numba", "pymilvus", "pandas", "scipy"},
    "sweep_duplicates.purge_takedowns": {"redis"},
    "publish_recommendations.find_similar": {"numba", "pymilvus", "pandas", "scipy", "redis"},
    "publish_recommendations.weigh_listens": {"numba", "pandas", "scipy"},
    "publish_recommendations.learn_neighbours": {"numba", "pandas", "scipy"},
    "publish_recommendations.rank_shard": {"numba", "pandas", "scipy"},
    "publish_recommendations.commit_lists": {"numba", "redis", "scipy"},
    "publish_recommendations.publish": {"numba", "redis", "scipy"},
}
"""What a task may import of these; others may none."""


def _tasks() -> dict[str, str]:
    """The statement by which each task imports its step."""
    found = {}
    for path in sorted((REPOSITORY / "dags").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for each in node.body:
                    if isinstance(each, ast.ImportFrom):
                        found[f"{path.stem}.{node.name}"] = ast.unparse(each)
    return found


def test_the_table_has_no_task_that_is_gone():
    assert set(NEEDS) <= set(_tasks())


@pytest.mark.parametrize("task", _tasks())
def test_a_task_imports_only_what_it_uses(task: str):
    environment = os.environ | {"PYTHONPATH": str(Path(REPOSITORY, "plugins"))}
    script = f"{_tasks()[task]}; {SHOWS}"
    said = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert set(json.loads(said.stdout)) <= NEEDS.get(task, set())
