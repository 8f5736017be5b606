"""The architecture, held by a test: who may import whom, what is pure, and how large a module may grow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARY = REPOSITORY / "plugins" / "nightjar"
FOLDERS = {
    "nightjar": LIBRARY,
    **{name: REPOSITORY / name for name in ("dags", "embedder", "deploy", "tests")},
}
OURS = frozenset(FOLDERS)

MAY_IMPORT = {
    "nightjar": {"nightjar"},
    "dags": {"nightjar"},
    "embedder": {"embedder", "nightjar"},
    "deploy": {"deploy", "nightjar"},
}
"""Of our own packages, which others each may use. Tests may use all."""

FOR_THE_EMBEDDER = {
    "cage",
    "compiled",
    "days",
    "decoding",
    "errors",
    "ffmpeg",
    "ffmpeg_log",
    "lake",
    "leading",
    "legible",
    "objects",
    "ogg",
    "parent",
    "partition",
    "parts",
    "refusals",
    "remote",
    "rules",
    "schemas",
    "settings",
    "shards",
    "thresholds",
}
"""Modules of nightjar that run in the embedder's environment as well."""

CLIENTS = {
    *("airflow", "boto3", "botocore", "duckdb", "imageio_ffmpeg", "pymilvus", "redis"),
    *("os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "urllib.request"),
}
"""What a pure module does not import: it computes from its arguments alone."""

PURE = (
    *("shards", "thresholds", "errors", "legible", "rules", "schemas", "partition"),
    *("ingest.names", "ingest.metadata", "ingest.judge", "ingest.cells", "ingest.events"),
    *("ingest.formats", "ingest.loudness"),
    *("duplicates.match", "duplicates.places", "duplicates.lines", "duplicates.verdict", "duplicates.groups"),
    *("duplicates.links", "duplicates.compilations"),
    *("duplicates.index", "duplicates.picture_data"),
    *(
        "recommend.behaviour",
        "recommend.neighbours",
        "recommend.pool",
        "recommend.quantized",
        "recommend.reasons",
        "recommend.tables",
        "recommend.library",
        "recommend.related",
        "recommend.seeds",
        "recommend.neighbours",
        "recommend.score",
        "recommend.filters",
    ),
    *("recommend.rerank", "recommend.ranking", "recommend.cold", "recommend.invariants", "recommend.gate"),
    *("publish.encode", "publish.packed", "publish.versions"),
    "converge.stages",
    *("takedowns.forgotten", "takedowns.columns", "takedowns.rows"),
    *("evaluate.alterations", "evaluate.metrics"),
)
"""Modules of nightjar that compute and do nothing else."""

WITH_CLIENTS = {"lake", "objects", "settings", "queries"}
"""Modules of nightjar that reach outside: a pure module imports none of them either."""

ONLY_IN = {
    "boto3": {"objects"},
    "botocore": {"objects"},
    "pymilvus": {"vectors.collections", "vectors.connection"},
    "redis": {"publish.store", "publish.connection"},
    "duckdb": {"queries"},
    "imageio_ffmpeg": {"ffmpeg"},
}
"""The modules of nightjar that may import a client: one adapter each."""

LOADED_BY_AIRFLOW = REPOSITORY / "deploy" / "embedded" / "executor.py"
"""An executor is a class of Airflow's that only its scheduler loads."""

HEAVY = {"duckdb", "numpy", "pandas", "pyarrow", "pymilvus", "boto3", "redis", "rich", "scipy"}
"""What takes long to import."""

MAX_LINES = 300
THRESHOLDS = LIBRARY / "thresholds.py"
"""One table, in which each constant has its sentences: it grows with them, and holds nothing else."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _sources(owner: str) -> list[Path]:
    return sorted(FOLDERS[owner].rglob("*.py"))


ALL = [pytest.param(owner, path, id=str(path.relative_to(REPOSITORY))) for owner in FOLDERS for path in _sources(owner)]


def _imports(node: ast.AST, *, at_load: bool = False) -> Iterator[str]:
    """Dotted names of what is imported anywhere in `node`; with `at_load` only what importing it imports."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "relative imports hide their direction"
            yield from (f"{child.module}.{name.name}" for name in child.names)
        elif not (at_load and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            if at_load and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            yield from _imports(child, at_load=at_load)


def _module(name: str) -> Path:
    """The file of a module of nightjar."""
    path = LIBRARY / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _name(path: Path) -> str:
    """The name of a module of nightjar, without the package's own."""
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__")


def _uses(imported: str, name: str) -> bool:
    return imported == name or imported.startswith(f"{name}.")


@pytest.mark.parametrize(("owner", "path"), ALL)
def test_imports_point_one_way(owner, path):
    if owner == "tests":
        return
    ours = {imported.partition(".")[0] for imported in _imports(_tree(path))} & OURS
    assert ours <= MAY_IMPORT[owner]


def test_the_embedder_uses_only_the_shared_modules():
    for path in _sources("embedder"):
        for imported in _imports(_tree(path)):
            if _uses(imported, "nightjar"):
                assert imported.split(".")[1] in FOR_THE_EMBEDDER, f"{path.name} imports {imported}"


def test_the_shared_modules_import_nothing_of_nightjar_but_each_other():
    for name in FOR_THE_EMBEDDER:
        for imported in _imports(_tree(_module(name))):
            if _uses(imported, "nightjar"):
                assert imported.split(".")[1] in FOR_THE_EMBEDDER, f"{name} imports {imported}"


def test_airflow_is_imported_by_its_own_package_and_the_dags_only():
    for owner in ("nightjar", "embedder", "deploy"):
        for path in _sources(owner):
            if LIBRARY / "airflow" not in path.parents and path != LOADED_BY_AIRFLOW:
                assert not [each for each in _imports(_tree(path)) if _uses(each, "airflow")], path


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_no_client(name):
    for imported in _imports(_tree(_module(name))):
        assert not any(_uses(imported, client) for client in CLIENTS), imported
        if _uses(imported, "nightjar"):
            assert not any(_uses(imported, f"nightjar.{each}") for each in WITH_CLIENTS), imported


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_open_nothing_and_read_no_clock(name):
    called = {ast.unparse(node.func) for node in ast.walk(_tree(_module(name))) if isinstance(node, ast.Call)}
    assert not called & {"open", "print", "input", "datetime.now", "date.today", "time.time", "random.random"}


def test_each_client_has_its_adapter():
    for path in _sources("nightjar"):
        for imported in _imports(_tree(path)):
            for client, adapters in ONLY_IN.items():
                if _uses(imported, client):
                    assert _name(path) in adapters, f"{path.relative_to(REPOSITORY)} imports {imported}"


READS_THE_CLOCK = {LIBRARY / "doctor" / "storage.py", LIBRARY / "clock.py"}
"""Compares it with the object store's; says whether a day has begun or is over, and how long something has waited."""


def test_no_step_reads_the_clock():
    clocks = re.compile(r"\b(datetime\.now|utcnow|date\.today|time\.time)\(")
    for path in set(_sources("nightjar")) - READS_THE_CLOCK:
        assert not clocks.search(path.read_text(encoding="utf-8")), path


def _loaded_by(names: list[str], seen: set[str]) -> set[str]:
    """What importing these dotted names imports in the end, as far as our own modules lead."""
    for name in names:
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")[1:] if _uses(name, "nightjar") else []
        for length in range(len(parts) + 1):
            path = _module(".".join(parts[:length])) if parts else None
            if path and path.is_file():
                _loaded_by(list(_imports(_tree(path), at_load=True)), seen)
    return seen


@pytest.mark.parametrize("path", _sources("dags"), ids=lambda path: path.name)
def test_loading_a_dag_file_loads_nothing_heavy(path):
    loaded = _loaded_by(list(_imports(_tree(path), at_load=True)), set())
    assert any(_uses(each, "nightjar.airflow") for each in loaded), "the test sees through our own modules"
    assert not [each for each in loaded if any(_uses(each, heavy) for heavy in HEAVY)]


@pytest.mark.parametrize(("owner", "path"), ALL)
def test_modules_stay_small_and_say_what_they_are(owner, path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES or path == THRESHOLDS
    if owner != "tests" and lines:
        assert ast.get_docstring(_tree(path)), "a module begins with what it is"


def test_every_threshold_says_what_it_means():
    body = _tree(THRESHOLDS).body
    assert not [node for node in body if not isinstance(node, ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr)]
    assert not [node for node in body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            told = following.value if isinstance(following, ast.Expr) else None
            assert isinstance(getattr(told, "value", None), str), f"{ast.unparse(node)} has no docstring below it"


def test_every_threshold_is_used():
    used = {
        imported.rpartition(".")[2]
        for owner in FOLDERS
        for path in _sources(owner)
        for imported in _imports(_tree(path))
        if _uses(imported, "nightjar.thresholds")
    }
    attributes = {
        node.attr
        for owner in FOLDERS
        for path in _sources(owner)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "thresholds"
    }
    body = _tree(THRESHOLDS).body
    named = {node.targets[0].id for node in body if isinstance(node, ast.Assign)}
    assert named - used - attributes == set()


def test_every_reject_reason_is_explained():
    """Codes are the first arguments of Reject, SongRejected and Unfit, and the keys of the tests of rows."""
    explained = set(re.findall(r"`([a-z_]+)`", (REPOSITORY / "docs" / "rejects.md").read_text(encoding="utf-8")))
    codes = {
        node.args[0].value
        for owner in ("nightjar", "embedder")
        for path in _sources(owner)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("Reject", "SongRejected", "Unfit")
        and isinstance(node.args[0], ast.Constant)
    }
    events = (LIBRARY / "ingest" / "events.py").read_text(encoding="utf-8")
    codes |= set(re.findall(r'^    "([a-z_]+)": f?"rows ', events, re.MULTILINE))
    assert len(codes) > 15
    assert codes <= explained
