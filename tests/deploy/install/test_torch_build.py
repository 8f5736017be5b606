"""Which build of torch is taken: by what a stand-in for uv is asked, and what it answers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from deploy.install import environments, torch_build

CPU, CU130, PUBLIC = "torch==2.13.0+cpu", "torch==2.13.0+cu130\nnvidia-cublas==13.1.1.3", "torch==2.13.0\ntriton==3.7.1"
UNREACHED = "!error: Failed to fetch torch\n  cause: dns error"


class Stand:
    """A `uv` that answers `pip compile` by the way asked, and keeps each call with the lines of its lock."""

    def __init__(self, folder: Path) -> None:
        self.uv = folder / ".tools" / "bin" / "uv"
        self.log = folder / "calls"
        self.answers = folder / "answers"
        self.answers.mkdir()
        self.uv.parent.mkdir(parents=True)
        self.uv.write_text(
            f"#!{sys.executable}\n"
            "import os, pathlib, sys\n"
            "given = sys.argv[1:]\n"
            "way = 'backend' if '--torch-backend' in given else 'yours' if '--index-strategy' in given else 'index'\n"
            "paths = [given[n + 1] for n, each in enumerate(given) if each == '--requirement']\n"
            "locks = [pathlib.Path(path).read_text() for path in paths]\n"
            f"with open({str(self.log)!r}, 'a') as log:\n"
            "    print(way, *given, '|', *''.join(locks).split()[:2], os.environ.get('UV_FIND_LINKS', '-'), file=log)\n"
            f"answer = pathlib.Path({str(self.answers)!r}, way + '-' + given[1])\n"
            "text = answer.read_text() if answer.exists() else ''\n"
            "print(text.lstrip('!'), file=sys.stderr if text[:1] == '!' else sys.stdout)\n"
            "sys.exit(text[:1] == '!')\n"
        )
        self.uv.chmod(0o755)

    def says(self, way: str, what: str, text: str) -> None:
        (self.answers / f"{way}-{what}").write_text(text)

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def take(stand: Stand, where: str = "", gpu: bool = False) -> str:
    environ = {"PATH": os.environ["PATH"]}
    yours = {**environ, "UV_FIND_LINKS": "/wheels"} if where else environ
    place = environments.Place(stand.uv, "", None, environ)
    ways = [] if gpu else torch_build.ways(environ, yours, where)
    return environments._torch(place, Path("python"), ways, environ)


def test_a_cpu_build_in_a_place_of_the_users_is_taken(stand: Stand, capsys: pytest.CaptureFixture) -> None:
    stand.says("yours", "compile", CPU)
    assert take(stand, "/wheels") == "torch 2.13.0+cpu from /wheels"
    asked, installed = stand.calls()
    assert asked.startswith("yours pip compile")
    assert "--require-hashes" in installed
    assert "--no-deps" in installed
    assert installed.endswith("| torch==2.13.0+cpu " + installed.split()[-2] + " /wheels")
    assert installed.split()[-2].startswith("--hash=sha256:")
    assert "installing torch 2.13.0+cpu from /wheels" in capsys.readouterr().out


def test_else_pytorchs_index_by_what_uv_knows_of_it(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_build, "has_nvidia", lambda: False)
    stand.says("backend", "compile", CPU)
    assert "PyTorch's own index (uv --torch-backend cpu)" in take(stand)
    asked, installed = stand.calls()
    assert "pip compile" in asked
    assert "--torch-backend cpu" in asked
    assert "--torch-backend cpu --requirement" in installed
    assert "--require-hashes" in installed
    assert installed.split("|")[1].split()[0] == "torch==2.13.0+cpu"


def test_with_an_nvidia_driver_uv_chooses_and_the_libraries_come_from_the_index(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_build, "has_nvidia", lambda: True)
    stand.says("backend", "compile", CU130)
    assert take(stand).startswith("torch 2.13.0+cu130")
    asked, libraries, torch = stand.calls()
    assert "--torch-backend auto" in asked
    assert libraries.startswith("index")
    assert libraries.split("|")[1].split()[0].startswith(("cuda-", "nvidia-"))
    assert "--torch-backend auto" in torch


def test_where_that_is_not_reached_the_index_and_the_cuda_libraries(
    stand: Stand, capsys: pytest.CaptureFixture
) -> None:
    stand.says("yours", "compile", PUBLIC)
    stand.says("backend", "compile", UNREACHED)
    assert take(stand, "/wheels") == "torch 2.13.0 from the index"
    _, _, libraries, torch = stand.calls()
    assert libraries.startswith("index")
    assert torch.startswith("index")
    assert torch.split("|")[1].split()[0] == "torch==2.13.0"
    said = capsys.readouterr().out
    assert "not from /wheels: torch 2.13.0 there is a CUDA build" in said
    assert "not from PyTorch's own index (uv --torch-backend cpu): dns error" in said


def test_a_build_without_a_hash_is_passed_over(stand: Stand, capsys: pytest.CaptureFixture) -> None:
    stand.says("yours", "compile", "torch==2.13.0+mine")
    stand.says("backend", "compile", "torch==2.13.0+cu126\nnvidia-cublas-cu12==12.6")
    assert take(stand, "/wheels") == "torch 2.13.0 from the index"
    said = capsys.readouterr().out
    assert "torch 2.13.0+mine has no hash in embedder/requirements-torch.txt" in said
    assert "torch 2.13.0+cu126 has no hash" in said


def test_a_way_that_does_not_deliver_is_given_up_for_the_next(stand: Stand, capsys: pytest.CaptureFixture) -> None:
    stand.says("yours", "compile", CPU)
    stand.says("yours", "install", "!error: Hash mismatch for torch")
    stand.says("backend", "compile", CPU)
    assert "PyTorch's own index" in take(stand, "/wheels")
    assert "not from /wheels: Hash mismatch for torch" in capsys.readouterr().out


def test_the_gpu_image_takes_the_cuda_build_without_asking(stand: Stand) -> None:
    assert take(stand, gpu=True) == "torch 2.13.0 from the index"
    assert not [call for call in stand.calls() if "compile" in call]


def test_an_index_that_never_answers_is_left_in_time(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.uv.write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(torch_build, "PATIENCE_S", 0.3)
    way = torch_build.Way("there", [], {"PATH": os.environ["PATH"]}, True)
    choice = torch_build.choose(stand.uv, [way], way._replace(name="the index"))
    assert choice.passed_over == ["there: no answer in 0.3 s"]
    assert choice.way.name == "the index"
