"""What kustomize makes of an overlay, as far as ours go: resources, and patches that merge maps into objects."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
OVERLAYS = ("dev", "fat", "prod")


def documents(path: Path) -> list[dict]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


@cache
def built(overlay: str) -> dict[tuple[str, str, str], dict]:
    """The overlay's objects by kind, namespace and name. Fails where a patch has no object, or where it has a list,
    which merges by rules that are not written down here. Nobody may change what is given."""
    return _built(FOLDER / "overlays" / overlay)


def _built(folder: Path) -> dict[tuple[str, str, str], dict]:
    made: dict[tuple[str, str, str], dict] = {}
    asked = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(asked) <= {"apiVersion", "kind", "resources", "patches"}, "more than this helper knows"
    for name in asked["resources"]:
        path = (folder / name).resolve()
        more = _built(path) if path.is_dir() else {key(each): each for each in documents(path)}
        assert not set(more) & set(made), f"{name} names an object again"
        made |= more
    for patch in asked.get("patches", []):
        assert set(patch) == {"path"}
        for change in documents(folder / patch["path"]):
            assert key(change) in made, f"{folder.name}/{patch['path']} changes {key(change)}, which is not there"
            made[key(change)] = _merged(made[key(change)], change)
    return made


def key(made: dict) -> tuple[str, str, str]:
    return made["kind"], made["metadata"].get("namespace", ""), made["metadata"]["name"]


def _merged(before: dict, change: dict) -> dict:
    assert not [value for value in change.values() if isinstance(value, list)]
    return before | {
        name: _merged(before.get(name, {}), value) if isinstance(value, dict) else value
        for name, value in change.items()
    }
