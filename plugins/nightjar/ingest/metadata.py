"""An upload's object metadata: `user-id`, `title` and `artist`, each optional, percent-encoded UTF-8.

Object stores carry ASCII only, so that the app writes each value as RFC 3986 percent-encoding has it, which
every language's standard library offers; plain ASCII without a percent sign stands for itself. Two other forms are
understood, since clients make them of names with accents and stores hand them out: encoded words (RFC 2047) and
bytes of UTF-8, which HTTP clients read as Latin-1. What does not decode never costs a song: the field counts as
missing, and a line in the log says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header
from urllib.parse import quote, unquote

from nightjar.ingest.names import PADDING, user_id
from nightjar.legible import JOINERS, is_hidden
from nightjar.thresholds import MAX_ID_CHARACTERS, MAX_TEXT_CHARACTERS

_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)


@dataclass(frozen=True)
class Metadata:
    """What the app says of an upload; None where it says nothing that can be used."""

    uploader: str | None = None
    title: str | None = None
    artist: str | None = None
    problems: tuple[str, ...] = ()
    """One sentence for each field that was dropped or cleaned."""


def encode(values: Mapping[str, str]) -> dict[str, str]:
    """Object metadata for an upload, as the app has to write it; `values` are any Unicode by field."""
    return {name: quote(value, safe="") for name, value in values.items()}


def decode(raw: Mapping[str, str]) -> Metadata:
    """The metadata of an object as the store gives it. Other fields than ours are ignored."""
    values, problems = [], []
    for name, read in (("user-id", _identifier), ("title", _text), ("artist", _text)):
        value, problem = None, "is not percent-encoded UTF-8 and was dropped"
        with suppress(ValueError, LookupError, MessageError):
            decoded = _decoded(raw.get(name, ""))
            decoded.encode()  # half of a surrogate pair, which some charsets can name, is no text
            value, problem = read(decoded)
        values.append(value)
        if problem:
            problems.append(f"{name} {problem}")
    return Metadata(*values, problems=tuple(problems))


def _decoded(value: str) -> str:
    """Unicode of a value in any of the three forms. A value in one of the others was not percent-encoded."""
    if _ENCODED_WORD.search(value):
        parts = decode_header(value)
        return "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts)
    if value.isascii():
        return unquote(value, errors="strict")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _identifier(decoded: str) -> tuple[str | None, str]:
    """An id and what was wrong with it ("": nothing). It must equal the one in listens: letter by letter, but for the
    capitals of UUIDs. Blanks and zeros around it are padding, here as there."""
    decoded = decoded.strip(PADDING)
    if len(decoded) > MAX_ID_CHARACTERS:
        return None, f"has {len(decoded)} characters, more than {MAX_ID_CHARACTERS}, and was dropped"
    if any(_is_control(letter) for letter in decoded):
        return None, "has control characters and was dropped"
    return user_id(decoded) or None, ""


def _text(decoded: str) -> tuple[str | None, str]:
    """A name for people on one line, and what was wrong with it ("": nothing).

    Hidden characters go: a list shows the title beside other texts, which U+202E would turn around.
    """
    clean = "".join(map(_shown, unicodedata.normalize("NFC", decoded)))
    clean = " ".join(clean.split())
    if len(clean) > MAX_TEXT_CHARACTERS:
        return None, f"has {len(clean)} characters, more than {MAX_TEXT_CHARACTERS}, and was dropped"
    had_hidden = any(is_hidden(letter) for letter in decoded)
    return clean.strip(JOINERS) or None, "had control characters, which were removed" if had_hidden else ""


def _shown(letter: str) -> str:
    """A control character parts words; other hidden ones, such as marks of direction, stand within them."""
    return " " if _is_control(letter) else "" if is_hidden(letter) else letter


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc"
