"""What numba keeps is kept by the source of a function's module and of what that is loaded with, and by no other."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

from nightjar import compiled
from tests.test_import_directions import LIBRARY

MODULES = {
    "top.py": "import nightjar.inner.one\n\n\ndef later():\n    import nightjar.unused\n",
    "inner/__init__.py": "",
    "inner/one.py": "from nightjar.inner import other\n",
    "inner/other.py": "from nightjar.constants import (\n    LEAST,\n)\n",
    "constants.py": "LEAST = 1\n",
    "unused.py": "x = 1\n",
}


@pytest.fixture
def library(tmp_path, monkeypatch) -> Path:
    """A small library in which top.py is loaded with all but unused.py."""
    made = tmp_path / "nightjar"
    (made / "inner").mkdir(parents=True)
    for name, text in MODULES.items():
        (made / name).write_text(text)
    monkeypatch.setattr(compiled, "_LIBRARY", made)
    return made


def _kept(source: Path) -> str:
    compiled._imported.cache_clear()
    compiled._kept.cache_clear()
    return compiled._kept(source)


@pytest.mark.parametrize("changed", MODULES)
def test_a_change_of_what_is_loaded_with_it_is_another_place_and_no_other_change(library, changed):
    before = _kept(library / "top.py")
    assert _kept(library / "top.py") == before
    (library / changed).write_text(MODULES[changed] + "y = 2\n")
    assert (_kept(library / "top.py") == before) == (changed == "unused.py")


LOADED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*(module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "nightjar"), sep="\\n")
"""


def test_what_python_loads_with_compiled_functions_is_in_the_name():
    holders = [path for path in LIBRARY.rglob("*.py") if "from nightjar.compiled import" in path.read_text()]
    names = [".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts) for path in holders]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.check_output([sys.executable, "-c", LOADED, *names], text=True, env=environment)
    known = frozenset().union(*map(compiled.sources, holders))
    assert {Path(line) for line in loaded.splitlines() if Path(line).name != "__init__.py"} == known


def test_functions_are_kept_there_and_still_compile():
    given = config.CACHE_DIR
    twice = compiled.compiled(lambda x: 2 * x)
    assert twice(21) == 42
    assert twice.stats.cache_path.startswith(compiled._kept(Path(inspect.getfile(twice.py_func))))
    assert given == config.CACHE_DIR


def test_what_an_image_has_compiled_is_copied_once_to_where_the_user_may_write(tmp_path):
    built, own = tmp_path / "built", tmp_path / "home" / "own"
    compiled.bring(built, own)
    assert not own.exists(), "an image that has nothing"
    (built / "file").mkdir(parents=True)
    (built / "file" / "function.nbi").write_bytes(b"index")
    for each in (built, built / "file"):
        each.chmod(0o555)
    compiled.bring(built, own)
    assert {each.stat().st_mode & 0o777 for each in (own, own / "file")} == {0o700}
    assert (own / "file" / "function.nbi").read_bytes() == b"index"
    (own / "file" / "function.nbi").write_bytes(b"newer")
    compiled.bring(built, own)
    assert (own / "file" / "function.nbi").read_bytes() == b"newer"
    assert [each.name for each in own.parent.iterdir()] == ["own"]


def test_a_processor_older_than_the_images_compiles_for_itself(monkeypatch):
    monkeypatch.setattr(config, "CPU_NAME", compiled.IMAGES_CPU)
    monkeypatch.setattr(config, "CPU_FEATURES", "")
    monkeypatch.setattr(compiled.binding, "get_host_cpu_features", lambda: {"avx2": True})
    compiled.suit_this_machine()
    assert (config.CPU_NAME, config.CPU_FEATURES) == (compiled.IMAGES_CPU, "")
    monkeypatch.setattr(compiled.binding, "get_host_cpu_features", lambda: {"avx": True})
    compiled.suit_this_machine()
    assert (config.CPU_NAME, config.CPU_FEATURES) == (None, None)
