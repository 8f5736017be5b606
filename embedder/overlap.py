"""Songs one after the other, in three steps each: while one is separated, the next is fetched and decoded, and the one
before is embedded, printed and stored. Three songs are under way at most, so that disk and memory are bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar


class Steps(Protocol):
    """What is to be done for a song. An exception of any step stops all songs."""

    def prepare(self) -> None: ...
    def separate(self) -> None: ...
    def finish(self) -> None: ...


Song = TypeVar("Song", bound=Steps)


def in_turn(songs: Iterable[Song]) -> Iterator[Song]:
    """The songs in their order, each as soon as it is finished. `separate` is called in the caller's own thread."""
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(1) as behind:
        coming = ((song, ahead.submit(song.prepare)) for song in songs)
        following = next(coming, None)
        going: tuple[Song, Future] | None = None
        while following:
            song, prepared = following
            prepared.result()
            following = next(coming, None)
            song.separate()
            if going:
                yield _finished(*going)
            going = song, behind.submit(song.finish)
        if going:
            yield _finished(*going)


def _finished(song: Song, done: Future) -> Song:
    done.result()
    return song
