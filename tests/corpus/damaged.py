"""Damage that happens to any file: cut off, bits flipped, a hole, a piece twice, something in front."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.corpus.bases import READ, SECONDS, base
from tests.corpus.upload import ANYTHING, CUT, HEADERLESS, IS_SONG, Upload, only

Damage = Callable[[bytes, random.Random], bytes]
_HEAD = 200
"""Bytes in which a file says what it is."""


def cut(share: float) -> Damage:
    return lambda body, _: body[: max(1, int(len(body) * share))]


def flipped(flips: int, start: int = 0, end: int | None = None) -> Damage:
    """So many bits between two places are wrong."""

    def damage(body: bytes, dice: random.Random) -> bytes:
        made = bytearray(body)
        last = min(len(body), end or len(body))
        for _ in range(flips):
            made[dice.randrange(min(start, last - 1), last)] ^= 1 << dice.randrange(8)
        return bytes(made)

    return damage


def hole(filled: bool) -> Damage:
    """A fifth from the middle is zero, or missing."""

    def damage(body: bytes, _: random.Random) -> bytes:
        start, end = int(len(body) * 0.4), int(len(body) * 0.6)
        return body[:start] + bytes(end - start if filled else 0) + body[end:]

    return damage


def twice(body: bytes, _: random.Random) -> bytes:
    """A piece comes twice."""
    start, end = int(len(body) * 0.4), int(len(body) * 0.5)
    return body[:end] + body[start:]


def noisy(body: bytes, dice: random.Random) -> bytes:
    """All but the head is noise."""
    return body[:_HEAD] + dice.randbytes(max(0, len(body) - _HEAD))


def swapped(body: bytes, _: random.Random) -> bytes:
    """Each two bytes are in the wrong order, as of a disk of another machine."""
    made = bytearray(body[: len(body) // 2 * 2])
    made[::2], made[1::2] = made[1::2], made[::2]
    return bytes(made)


def in_front(length: int, random_: bool) -> Damage:
    return lambda body, dice: (dice.randbytes(length) if random_ else bytes(length)) + body


def behind(body: bytes, dice: random.Random) -> bytes:
    return body + dice.randbytes(5000)


DAMAGES: dict[str, tuple[Damage, frozenset[str]]] = {
    "one_byte": (lambda body, _: body[:1], only("not_audio", "unreadable")),
    "cut_at_64": (lambda body, _: body[:64], only("not_audio", "unreadable", "too_short")),
    "cut_at_third": (cut(0.34), HEADERLESS - {"song"}),
    "cut_at_nine_tenths": (cut(0.9), CUT),
    "less_a_byte": (lambda body, _: body[:-1], CUT),
    "few_flips": (flipped(8, 1500), ANYTHING),
    "many_flips": (flipped(2000), ANYTHING),
    "head_flips": (flipped(6, 0, _HEAD), ANYTHING),
    "head_flips_2": (flipped(12, 4, 600), ANYTHING),
    "zeros_within": (hole(filled=True), ANYTHING),
    "piece_missing": (hole(filled=False), ANYTHING),
    "piece_twice": (twice, ANYTHING),
    "noise_behind_the_head": (noisy, ANYTHING),
    "bytes_swapped": (swapped, ANYTHING),
    "zeros_in_front": (in_front(4096, random_=False), ANYTHING),
    "noise_in_front": (in_front(3000, random_=True), ANYTHING),
    "noise_behind": (behind, CUT | {"unsupported_format"}),
}
"""What is done to a file, and what may be said of it then. A third of four seconds is no song."""


def uploads() -> Iterator[Upload]:
    """Each damage on each format."""
    for kind in READ:
        yield Upload(f"whole_{kind}.{kind}", base(kind), IS_SONG, at_most_s=SECONDS + 0.2)
        for name, (damage, truths) in DAMAGES.items():
            body = damage(base(kind), random.Random(f"{kind} {name}"))
            longest = SECONDS + 0.2 if name.startswith(("cut", "less")) else float("inf")
            yield Upload(f"{name}_{kind}.{kind}", body, truths, at_most_s=longest)
    yield Upload("nothing.mp3", b"", only("empty"))
