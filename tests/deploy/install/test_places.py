"""What the user has told pip, handed on to uv."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.install import places

PIP = [sys.executable, "-m", "pip"]
PLAIN = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


def told(tmp_path: Path, configuration: str, **environ: str) -> dict[str, str]:
    """pip's options, as the real pip finds them in a configuration file and in variables."""
    file = tmp_path / "pip.conf"
    file.write_text(configuration)
    return places.options(PIP, {**PLAIN, "PIP_CONFIG_FILE": str(file), **environ})


def test_a_certificate_that_only_pips_configuration_names(tmp_path: Path) -> None:
    options = told(tmp_path, "[global]\ncert = /somewhere/ca.pem\n")
    base, torch, where = places.for_uv(options, PLAIN)
    assert base["SSL_CERT_FILE"] == torch["SSL_CERT_FILE"] == "/somewhere/ca.pem"
    assert where == ""


def test_certificates_as_pip_finds_them(tmp_path: Path) -> None:
    options = told(tmp_path, "[global]\ncert = /somewhere/ca.pem\n")
    assert places.for_uv(options, {**PLAIN, "SSL_CERT_FILE": "/mine.pem"})[0]["SSL_CERT_FILE"] == "/mine.pem"
    assert places.for_uv({}, {**PLAIN, "REQUESTS_CA_BUNDLE": "/theirs.pem"})[0]["SSL_CERT_FILE"] == "/theirs.pem"
    assert places.for_uv({}, {**PLAIN, "CURL_CA_BUNDLE": str(tmp_path)})[0]["SSL_CERT_DIR"] == str(tmp_path)
    assert "SSL_CERT_FILE" not in places.for_uv({}, PLAIN)[0]


def test_the_users_further_places_are_for_torch_alone(tmp_path: Path) -> None:
    options = told(
        tmp_path,
        "[global]\nindex-url = https://mirror.example/simple\nfind-links =\n    /wheels\n    /more\n"
        "[install]\nextra-index-url = https://us:er@extra.example/simple\n",
    )
    base, torch, where = places.for_uv(options, {**PLAIN, "UV_TORCH_BACKEND": "cu126", "UV_EXTRA_INDEX_URL": ""})
    assert base["UV_DEFAULT_INDEX"] == torch["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert torch["UV_FIND_LINKS"] == "/wheels,/more"
    assert torch["UV_INDEX"] == "https://us:er@extra.example/simple"
    assert not {"UV_FIND_LINKS", "UV_INDEX", "UV_TORCH_BACKEND"} & set(base)
    assert "/wheels" in where
    assert "extra.example" in where
    assert "us:er" not in where


def test_variables_come_before_files_and_uvs_own_before_pips(tmp_path: Path) -> None:
    options = told(tmp_path, "[global]\nfind-links = /file\nindex-url = https://file.example\n", PIP_FIND_LINKS="/said")
    _, torch, _ = places.for_uv(options, {**PLAIN, "UV_INDEX_URL": "https://uv.example"})
    assert torch["UV_FIND_LINKS"] == "/said"
    assert "UV_DEFAULT_INDEX" not in torch
    assert places.for_uv(options, {**PLAIN, "UV_FIND_LINKS": "/uv"})[1]["UV_FIND_LINKS"] == "/uv"


def test_without_an_index_the_places_serve_for_all(tmp_path: Path) -> None:
    options = told(tmp_path, "[global]\nno-index = true\nfind-links = /wheels\n")
    base, _, _ = places.for_uv(options, PLAIN)
    assert base["UV_NO_INDEX"] == "true"
    assert base["UV_FIND_LINKS"] == "/wheels"
    assert "UV_NO_INDEX" not in places.for_uv({"no-index": "false"}, PLAIN)[0]


@pytest.mark.parametrize("pip", [[], ["/bin/false"]])
def test_variables_are_read_without_a_pip(pip: list[str]) -> None:
    assert places.options(pip, {"PIP_CERT": "/ca.pem", "PIP_PROXY": ""}) == {"cert": "/ca.pem"}
