"""Digests of the settings that decide what a stage makes: with other thresholds its results are out of date."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from nightjar import thresholds
from nightjar.converge.stages import EMBED, PUBLISH, SWEEP, digest
from nightjar.settings import Settings

_PACKAGES = {SWEEP: "duplicates", PUBLISH: "recommend"}
"""The packages whose thresholds decide a stage. What ingest and the embedder made once stays: a new limit of length is
no reason to separate a year of songs again."""


def rules(settings: Settings) -> dict[str, str]:
    """For each stage that settings decide a digest of them."""
    of_stage = {stage: _thresholds_of(package) for stage, package in _PACKAGES.items()}
    return of_stage | {EMBED: settings.separator}


@cache
def _thresholds_of(package: str) -> str:
    """Digest of all thresholds that the modules of a package import, read from their source: importing them would
    load numba and pandas into a task that computes nothing."""
    names = {
        name.name
        for file in sorted((Path(thresholds.__file__).parent / package).glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == thresholds.__name__
        for name in node.names
    }
    return digest({name: repr(getattr(thresholds, name)) for name in names})
