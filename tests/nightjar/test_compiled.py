"""What numba keeps is kept by the source of the whole library."""

from __future__ import annotations

from pathlib import Path

from numba.core import config

from nightjar import compiled


def test_any_change_of_the_source_is_another_place(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "_LIBRARY", tmp_path)
    (tmp_path / "inner").mkdir()
    for name in ("one.py", "inner/other.py"):
        (tmp_path / name).write_text("x = 1\n")
    first = compiled._digest()
    assert compiled._digest() == first
    (tmp_path / "inner" / "other.py").write_text("x = 2\n")
    second = compiled._digest()
    (tmp_path / "inner" / "other.py").rename(tmp_path / "other.py")
    assert len({first, second, compiled._digest()}) == 3


def test_functions_are_kept_there_and_still_compile():
    twice = compiled.compiled(lambda x: 2 * x)
    assert twice(21) == 42
    assert Path(config.CACHE_DIR).name == f"compiled-{compiled._digest()}"
