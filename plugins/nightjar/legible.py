"""Text from outside (keys, titles, ids) as one line that a log and a terminal show as it is.

Such text may hold a line break, which forges a line of the log, an escape, which steers a terminal, or a mark such as
U+202E, which turns what follows around, so that `exe.3pm` reads `mp3.exe`.
"""

from __future__ import annotations

import logging
import unicodedata

JOINERS = "\u200c\u200d"
"""ZWNJ and ZWJ: formatting characters too, but Persian and Indian scripts spell with them, and they join emoji."""
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of Unicode: controls, formatting, half a pair of UTF-16, separators of lines and paragraphs."""
_OURS = ("nightjar", "embedder", "deploy")


def is_hidden(letter: str) -> bool:
    """Whether a character is not shown but steers how others are shown."""
    return unicodedata.category(letter) in _HIDDEN and letter not in JOINERS


def one_line(text: str, but: str = "") -> str:
    r"""The text with each hidden character as its escape, as in `\x1b` and `\u202e`, except those in `but`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(letter) if is_hidden(letter) and letter not in but else letter for letter in text)


def make_logs_legible() -> None:
    """Have every record of our own loggers say its message on one line, whichever handler writes it."""
    made = logging.getLogRecordFactory()
    if getattr(made, "legible", False):
        return

    def legible(name: str | None, *arguments, **named) -> logging.LogRecord:
        record = made(name, *arguments, **named)
        if name and name.partition(".")[0] in _OURS:
            record.msg, record.args = one_line(record.getMessage()), None
        return record

    legible.legible = True
    logging.setLogRecordFactory(legible)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def told_apart(value: float, limit: float) -> str:
    """A value with as many decimals as show that it is not the limit, one at least."""
    written = (f"{value:.{decimals}f}" for decimals in range(1, 10))
    return next((text for text in written if float(text) != limit), str(value))
