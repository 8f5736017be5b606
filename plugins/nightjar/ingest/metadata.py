"""An upload's object metadata: `user-id`, `title` and `artist`, each optional, percent-encoded UTF-8.

Object stores carry ASCII only, so that the app writes each value as RFC 3986 percent-encoding has it, which
every language's standard library offers; plain ASCII without a percent sign stands for itself. What does not decode
never costs a song: the field counts as missing, and a line in the log says why.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, unquote

from nightjar.thresholds import MAX_ID_CHARACTERS, MAX_TEXT_CHARACTERS


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
        with suppress(UnicodeDecodeError):
            value, problem = read(unquote(raw.get(name, ""), errors="strict"))
        values.append(value)
        if problem:
            problems.append(f"{name} {problem}")
    return Metadata(*values, problems=tuple(problems))


def _identifier(decoded: str) -> tuple[str | None, str]:
    """An id, letter by letter since it must equal the one in listens, and what was wrong with it ("": nothing)."""
    if len(decoded) > MAX_ID_CHARACTERS:
        return None, f"has {len(decoded)} characters, more than {MAX_ID_CHARACTERS}, and was dropped"
    if any(_is_control(letter) for letter in decoded):
        return None, "has control characters and was dropped"
    return decoded or None, ""


def _text(decoded: str) -> tuple[str | None, str]:
    """A name for people on one line, and what was wrong with it ("": nothing)."""
    clean = "".join(" " if _is_control(letter) else letter for letter in unicodedata.normalize("NFC", decoded))
    clean = " ".join(clean.split())
    if len(clean) > MAX_TEXT_CHARACTERS:
        return None, f"has {len(clean)} characters, more than {MAX_TEXT_CHARACTERS}, and was dropped"
    had_controls = any(_is_control(letter) for letter in decoded)
    return clean or None, "had control characters, which were removed" if had_controls else ""


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc"
