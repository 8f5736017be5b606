"""What the value of a setting can be. Pure. Nothing that may be a part of a password is ever said."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from urllib.parse import urlsplit

from nightjar import days
from nightjar.errors import NightjarError

Wrong = tuple[str, str]
"""What is wrong, as the rest of a sentence that begins with the setting, and what to do."""

SEPARATORS = ("htdemucs-2", "none")
SECOND_OPINIONS = ("", "echoprint")

_WEB = ("http://", "https://")
_STORE = ("redis://", "rediss://")
_SECRET = ("kv_url", "milvus_token", "alert_webhook")
"""Settings whose values are never said."""
_ENCODE = "Write special characters of its user and password as codes: # is %23, / is %2F, ? is %3F, @ is %40"
_MODEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:aws[A-Za-z0-9-]*:[A-Za-z0-9:/_-]+")
_PREFIX = re.compile(r"(?=.{2,64}$)([A-Za-z0-9._-]+:)+")
_S3_HOST = re.compile(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
"""A name, or an address of IPv6; boto3 takes no others."""


def is_model_name(text: str) -> bool:
    """Whether a model can be called so."""
    return _MODEL.fullmatch(text) is not None


def problem(field: str, value: str | int, default: str | int) -> NightjarError | None:
    """Why the value of the setting `field` cannot be; None if it can. `default` says whether it is a number."""
    name = f"NIGHTJAR_{field.upper()}"
    if isinstance(default, int):
        if isinstance(value, int) and value >= 1:
            return None
        return NightjarError(f"{name}={str(value)!r} is not a positive whole number", f"Set it, say {default}")
    found = _RULES[field](value) if field in _RULES else None
    if found is None:
        return None
    shown = "" if field in _SECRET or "@" in value else f"={value!r}"
    return NightjarError(f"{name}{shown} {found[0]}", found[1])


def place(address: str) -> str:
    """An address without its user and password, for messages."""
    unreadable = "an address that cannot be read"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return unreadable
    if "@" in _behind_the_host(address):
        return unreadable
    return f"{parts.scheme}://{parts.hostname or parts.path}{port}" if parts.scheme else unreadable


def _optional(rule: Callable[[str], Wrong | None]) -> Callable[[str], Wrong | None]:
    return lambda text: rule(text) if text else None


def _address(text: str, schemes: tuple[str, ...]) -> Wrong | None:
    if not text.startswith(schemes):
        return "is no address", f"Begin it with {' or '.join(schemes)}"
    if re.search(r"[\s\x00-\x1f]", text):
        return "has a space or a line break in it", "Remove it"
    if "@" in _behind_the_host(text):
        return "cannot be read: it has an @ behind a /, ? or #", _ENCODE
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return "cannot be read: its brackets are not those of an IPv6 address", _ENCODE
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        return "has a port that is no number from 1 to 65535", "Write a number behind the last colon, or no colon"
    return None if host else ("names no host", f"Write it like {schemes[0]}host:port")


def _behind_the_host(address: str) -> str:
    """Where an @ is the sign of a password that is not encoded."""
    rest = address.partition("://")[2]
    return rest[len(re.split("[/?#]", rest)[0]) :]


def _web(text: str) -> Wrong | None:
    found = _address(text, _WEB)
    if found is None and urlsplit(text).username is not None:
        return "has a user or a password in it", "Take it out: what is secret has a variable of its own, or AWS_*"
    return found


def _s3(text: str) -> Wrong | None:
    found = _web(text)
    if found is None and not _S3_HOST.fullmatch(urlsplit(text).hostname):
        return "has a host of other characters than letters, digits, dots and hyphens", "Give the host another name"
    return found


def _kv(text: str) -> Wrong | None:
    if text.startswith("unix://"):
        return None if urlsplit(text).path.strip("/") else ("names no socket", "Write it like unix:///run/valkey.sock")
    found = _address(text, (*_STORE, "unix://"))
    if found is None and not re.fullmatch(r"/?|/[0-9]+", urlsplit(text).path):
        return "ends in no number of a database", "End it in /0, or with the port"
    return found


def _prefix(text: str) -> Wrong | None:
    remedy = "Letters, digits, dots, hyphens and colons make one, with a colon at the end: nightjar:"
    return None if _PREFIX.fullmatch(text) else ("is no prefix of keys", remedy)


def _bucket(text: str) -> Wrong | None:
    return None if _BUCKET.fullmatch(text) else ("is no name of a bucket", "Letters, digits, dots and hyphens make one")


def _model(text: str) -> Wrong | None:
    return None if is_model_name(text) else ("is no name of a model", "Unset it for the live one; see nightjar model")


def _words(text: str) -> Wrong | None:
    try:
        return None if shlex.split(text) else ("has no words", "Unset it")
    except ValueError as error:
        return f"cannot be split into words: {error}", "Write it as in a shell, with its quotes in pairs"


def _day(text: str) -> Wrong | None:
    try:
        days.parse(text)
    except NightjarError:
        return "is not a day", "Write it like 2026-11-20"
    return None


def _one_of(*known: str) -> Callable[[str], Wrong | None]:
    wrong = "is not known", f"Set one of {', '.join(filter(None, known))}, or unset it"
    return lambda text: None if text in known else wrong


_RULES: dict[str, Callable[[str], Wrong | None]] = {
    "s3_endpoint": _optional(_s3),
    "bucket": _bucket,
    "milvus_uri": _web,
    "milvus_bucket": _optional(_bucket),
    "kv_url": _kv,
    "kv_prefix": _prefix,
    "model": _optional(_model),
    "separator": _one_of(*SEPARATORS),
    "second_opinion": _one_of(*SECOND_OPINIONS),
    "embedder_options": _optional(_words),
    "embedder_kubernetes": _optional(_web),
    "alert_webhook": _optional(_web),
    "airflow": _words,
    "first_night": _optional(_day),
    "open_days": _one_of("", "allow"),
}
