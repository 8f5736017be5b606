"""What ffmpeg says, with a mark where ffmpeg itself speaks: what may decide, and what a file may have written.

Names, languages, and keys of tags come from the file. They may hold line ends, and any words of ffmpeg's. A colour they
cannot hold, since ffmpeg makes question marks of a file's escapes. ffmpeg colours each message (AV_LOG_FORCE_COLOR, see
`nightjar.cage`) except those of the level at which it prints what a file says of itself. So what follows a colour is in
ffmpeg's own words. A pattern that decides anything begins with OWN.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

_LINES, _LINE = 200, 1000
"""Lines kept from the beginning of its log, and from the end; characters of a line."""
OWN = "\x1b"
"""Stands in a `Log` for each colour: before a message of ffmpeg's own, and before each of its parts."""
_COLOUR, _RESET = re.compile(rb"\x1b\[[0-9;]+m"), b"\x1b[0m"
_WHAT = (rb"\x1b\[in#0/\w", rb"\x1b\[aist#0:\d+/\w+ @ [^]]*\] \x1b\[dec:", rb"\x1btb:\d+/\d+ ")
"""Messages that say what the file is: the first of each is kept, since 200 covers put more lines before them."""


@dataclass
class Log:
    """What ffmpeg says, kept in bounds: add bytes as they come, then `end`. Tags, indented by four and more, go."""

    first: list[str] = field(default_factory=list)
    what: dict[bytes, str] = field(default_factory=dict)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))
    _rest: bytes = b""

    def add(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: 4 * _LINE]
        for line in lines:
            self._keep(line)

    def end(self) -> None:
        self._keep(self._rest)
        self._rest = b""

    def _keep(self, line: bytes) -> None:
        line = _COLOUR.sub(OWN.encode(), line.replace(_RESET, b""))
        if line.startswith(b"    ") or not line.strip():
            return
        kept = line[:_LINE].decode(errors="replace")
        if len(self.first) < _LINES:
            self.first.append(kept)
        elif found := [each for each in _WHAT if each not in self.what and re.search(each, line)]:
            self.what |= dict.fromkeys(found, kept)
        else:
            self.last.append(kept)

    def __str__(self) -> str:
        return "\n".join([*self.first, *self.what.values(), *self.last])
