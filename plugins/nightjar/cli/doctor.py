"""`nightjar doctor`."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from dataclasses import asdict

from nightjar.cli.output import Answer
from nightjar.doctor import embedder, machine, metadata, model, servers, storage
from nightjar.doctor.examine import FAIL, OK, SKIP, WARN, Check, Finding, examine
from nightjar.settings import Settings

_LAKE = ("s3_endpoint", "bucket")

CHECKS = (
    Check(machine.SETTINGS, machine.look_at_settings),
    Check(machine.VERSIONS, machine.look_at_versions),
    Check(machine.FOLDERS, machine.look_at_folders),
    Check(storage.NAME, storage.look, needs=(*_LAKE, "milvus_bucket")),
    Check(storage.CLOCK, storage.look_at_clock, needs=("s3_endpoint",)),
    Check(model.NAME, model.look, needs=(*_LAKE, "model")),
    Check(servers.MILVUS, servers.look_at_milvus, 30.0, (*_LAKE, "milvus_uri", "model")),
    Check(servers.KV, servers.look_at_kv, needs=(*_LAKE, "kv_url")),
    Check(metadata.NAME, metadata.look, metadata.SECONDS, ("airflow",)),
    Check(embedder.NAME, embedder.look, needs=("embedder_kubernetes",)),
    Check(embedder.WEIGHTS, embedder.look_at_weights, 120.0),
)
"""In the order of their lines: what others rest on comes first."""


def run(settings: Settings, arguments: Namespace) -> Answer:
    """A line for each thing that was looked at. The exit code is 1 if any of them fails."""
    found = examine(settings, CHECKS)
    counts = Counter(each.state for each in found)
    width = max(len(each.check) for each in found)
    lines = [line for each in found for line in _lines(each, width)]
    lines.append(f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} failed, {counts[SKIP]} not asked")
    data = {"ok": not counts[FAIL], "findings": [asdict(each) for each in found]}
    return Answer(data, notes=lines, status=1 if counts[FAIL] else 0)


def _lines(finding: Finding, width: int) -> list[str]:
    line = f"{finding.state:<4}  {finding.check:<{width}}  {finding.found}"
    return [line, f"{'':<4}  {'':<{width}}  -> {finding.remedy}"] if finding.remedy else [line]
