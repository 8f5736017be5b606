"""The file in which the embedded parts write down where they are, for whoever types a command.

It is that of the embedded parts that were started last, or the one that NIGHTJAR_ENV_FILE names. It is taken as a whole
or not at all, so that no command reads one system's lake and writes another one's store: as soon as the environment
says where the lake or the key-value store is, nothing of it is. The one part that may be another is a Milvus on this
machine that asks for no token, which is filled from the lake.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

from nightjar.errors import NightjarError
from nightjar.settings import CLOUD_ACCOUNT, REPOSITORY

NAMED_BY = "NIGHTJAR_ENV_FILE"
_LAST_STARTED = REPOSITORY / ".nightjar" / "current" / "environment"

_MILVUS = "NIGHTJAR_MILVUS_URI"
_OF_MILVUS = ("NIGHTJAR_MILVUS_TOKEN", "NIGHTJAR_MILVUS_BUCKET")
"""What production's Milvus has, and one that `make cluster` starts has not: behind an address of this machine may be a
tunnel to that."""
_OTHERS = ("NIGHTJAR_S3_ENDPOINT", "NIGHTJAR_BUCKET", "NIGHTJAR_KV_URL")
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def take(environ: MutableMapping[str, str]) -> str:
    """Add to the environment what the file says, unless that says itself where the parts are; returns what a person is
    to be told, "" if nothing.

    Variables that are set win, but for the addresses' keys, passwords and tokens: they are the file's, whatever account
    the person has besides. Raises NightjarError for a file that is named and cannot be read, and for one that is not of
    this kind.
    """
    if any(name in environ for name in _OTHERS):
        return ""
    own_milvus = environ.get(_MILVUS)
    if own_milvus is not None and (not _is_here(own_milvus) or any(map(environ.get, _OF_MILVUS))):
        return ""
    path = Path(environ.get(NAMED_BY) or _LAST_STARTED)
    if not environ.get(NAMED_BY) and not path.exists():
        return ""
    written = _read(path)
    if own_milvus is not None:
        for name in (_MILVUS, *_OF_MILVUS):
            written.pop(name, None)
    for name in CLOUD_ACCOUNT:
        environ.pop(name, None)
    for name, value in written.items():
        if name in (_MILVUS, *_OF_MILVUS, *_OTHERS) or name.startswith("AWS_") or name.lower() == "no_proxy":
            environ[name] = value
        else:
            environ.setdefault(name, value)
    if own_milvus is None:
        return ""
    return f"{_MILVUS} is set; the lake and the key-value store are those of {path.resolve()}"


def described(variables: Mapping[str, str]) -> str:
    """The file's content, a line a variable, which a shell reads as well."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def _is_here(uri: str) -> bool:
    try:
        return urlsplit(uri).hostname in _THIS_MACHINE
    except ValueError:
        return False


def _read(path: Path) -> dict[str, str]:
    remedy = (
        f"Let {NAMED_BY} name a file of lines NAME=value, or unset it and run .venv/bin/python -m deploy.embedded up"
    )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NightjarError(f"{path} gives no settings: {what}", remedy) from error
    found = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        try:
            if not equals or not _NAME.fullmatch(name):
                raise ValueError("it is not NAME=value")
            found[name] = " ".join(shlex.split(value))
        except ValueError as error:
            raise NightjarError(f"{path} gives no settings: line {number}: {error}", remedy) from error
    return found
