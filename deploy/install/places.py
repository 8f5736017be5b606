"""What the user has told pip, in uv's words: uv doesn't read pip's configuration."""

from __future__ import annotations

import ast
import os
import re
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

UV = {
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "trusted-host": "UV_INSECURE_HOST",
}
"""pip's options that hold for all that is fetched, and uv's variables."""

FURTHER = {"find-links": "UV_FIND_LINKS", "extra-index-url": "UV_INDEX"}
"""Places beside the index. Only torch is looked for there; all else comes from the index, or has none."""
_LISTS = {"UV_FIND_LINKS": ",", "UV_INDEX": " ", "UV_INSECURE_HOST": " "}
_OWN = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
"""uv's older names of the same, which a user may have set."""
_ONLY_TORCH = ("UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_TORCH_BACKEND")
_STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS")


def options(pip: list[str], environ: Mapping[str, str]) -> dict[str, str]:
    """pip's options as `pip`, its command, finds them: in its files, for `pip install`, in PIP_ variables."""
    found: dict[str, dict[str, str]] = {}
    if pip:
        done = subprocess.run(
            [*pip, "config", "list"],
            env=dict(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for section, option, value in re.findall(r"^(:env:|[\w-]+)\.([\w-]+)=(.+)$", done.stdout, re.MULTILINE):
            found.setdefault(section, {})[option] = str(ast.literal_eval(value)).strip()
    variables = {name[4:].lower().replace("_", "-"): value for name, value in environ.items() if name[:4] == "PIP_"}
    told = {**found.get("global", {}), **found.get("install", {}), **found.get(":env:", {}), **variables}
    return {option: value for option, value in told.items() if value}


def for_uv(told: Mapping[str, str], environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], str]:
    """uv's environment for the locks, that for torch, and the names of the user's further places, if there are any.

    What the user has told uv itself stays as it is.
    """
    base = {**environ, **_translated(told, UV, environ), **_certificates(told, environ)}
    base = {name: value for name, value in base.items() if name != "UV_TORCH_BACKEND"}
    torch = {**base, **_translated(told, FURTHER, environ)}
    if base.get("UV_NO_INDEX"):  # all that there is: the hashes of the locks hold there too
        base = torch
    else:
        base = {name: value for name, value in base.items() if name not in _ONLY_TORCH}
    names = [torch[name] for name in (*_ONLY_TORCH[:3], "UV_DEFAULT_INDEX", "UV_INDEX_URL") if torch.get(name)]
    return base, torch, ", ".join(re.sub(r"//[^/@]*@", "//", name) for name in names)


def _translated(told: Mapping[str, str], names: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for option, variable in names.items():
        value = told.get(option, "")
        if option == "no-index" and value.lower() in ("0", "no", "off", "false"):
            value = ""
        if value and not (environ.get(variable) or environ.get(_OWN.get(variable, ""))):
            found[variable] = _LISTS[variable].join(value.split()) if variable in _LISTS else value
    return found


def _certificates(told: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The certificates that pip trusts: its own option, then those of its HTTP library, then the system's."""
    if any(environ.get(name) for name in _STORES):
        return {}
    for value in (told.get("cert"), environ.get("REQUESTS_CA_BUNDLE"), environ.get("CURL_CA_BUNDLE")):
        if value:
            path = Path(value).expanduser()
            return {"SSL_CERT_DIR" if path.is_dir() else "SSL_CERT_FILE": str(path)}
    system = ssl.get_default_verify_paths()
    there = system.cafile or (system.capath and any(os.scandir(system.capath)))
    return {"UV_SYSTEM_CERTS": "1"} if there else {}
