"""Bytes that lie elsewhere as a file: only what is asked for is fetched."""

from __future__ import annotations

import io
from collections.abc import Callable


class Remote(io.RawIOBase):
    """A file of `size` bytes, of which `part(start, stop)` returns those from `start` to `stop`, excluded."""

    def __init__(self, part: Callable[[int, int], bytes], size: int) -> None:
        self._part, self._size, self._at = part, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer) -> int:
        stop = min(self._at + len(buffer), self._size)
        if self._at >= stop:
            return 0
        body = self._part(self._at, stop)
        buffer[: len(body)] = body
        self._at += len(body)
        return len(body)
