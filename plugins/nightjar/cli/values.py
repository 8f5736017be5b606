"""What a word after a command may be, for argparse: each raises ArgumentTypeError for another one."""

from __future__ import annotations

import argparse

from nightjar import days
from nightjar.errors import NightjarError
from nightjar.rules import is_model_name
from nightjar.thresholds import MAX_SHOWN


def day(text: str) -> str:
    try:
        return days.parse(text)
    except NightjarError as error:
        raise argparse.ArgumentTypeError(f"{error.message}: write it like 2026-11-20") from error


def positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SHOWN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MAX_SHOWN}")
    return int(text)


def model_name(text: str) -> str:
    if not is_model_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a model")
    return text


def names(text: str) -> list[str]:
    found = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise argparse.ArgumentTypeError("it names nothing: write it like mp3-64,speed+3")
    return found
