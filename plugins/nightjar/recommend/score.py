"""Scores of candidates from a user's seeds. Compiled, one user at a time.

A user's candidates are the neighbours of their seeds, a few thousand of however many songs there are. They are summed
in a small hash table, which stays in the processor's cache where a row of all songs would not. Every sum is made in the
order of the seeds, and inner products in whole numbers, so that the same night gives the same lists on any machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nightjar.compiled import borrowing, compiled
from nightjar.prefetch import prefetch
from nightjar.recommend.quantized import WIDTH, dot
from nightjar.thresholds import (
    DISLIKE_SHARE,
    DISLIKED_SEEDS_PER_USER,
    NEIGHBOURS_PER_SEED,
    SEEDS_PER_USER,
    TASTE_CANDIDATES,
)

_MAX_SEEDS = SEEDS_PER_USER + DISLIKED_SEEDS_PER_USER
_TASTE_STEPS = 32_767
"""A user's taste is rounded to so many steps of its largest number: far less is left out than of songs' tastes."""
_NONE = -1
_DIGITS = 4096
_LINE = 16
"""Numbers of 32 bits in a line of the cache."""
_AHEAD, _SEEDS_AHEAD = 16, 2
"""So many candidates, and seeds, are asked for ahead of the one that is worked at."""
_SPREAD, _HIGH_BITS = np.uint64(0x9E3779B97F4A7C15), np.uint64(40)
"""Multiplicative hashing: the golden ratio of 64 bits (Knuth, The Art of Computer Programming, 6.4)."""


_SLOT = np.dtype([("song", np.int32), ("place", np.int32), ("sum", np.float64)])


class Found(NamedTuple):
    """A hash table from songs to their scores, with what is needed to order them. Reused from user to user."""

    slots: np.ndarray  # (c,) _SLOT: a song, -1 for none; what a later step wants to know of it, -1 at first; its score
    used: np.ndarray  # (c,) int32: slots in the order in which they were filled
    order: np.ndarray  # (c,) uint64: songs with their scores, see `_key`
    counts: np.ndarray  # (_DIGITS,) int32: room to count scores by their size

    @classmethod
    def room(cls, heard: int) -> Found:
        """For users who heard so many songs at most. c is a power of two, and half of it is used at most."""
        size = 1 << int(np.ceil(np.log2(2 * (_MAX_SEEDS * NEIGHBOURS_PER_SEED + heard + 1))))
        slots = np.zeros(size, _SLOT)
        slots["song"] = slots["place"] = _NONE
        return cls(slots, np.zeros(size, np.int32), np.zeros(size, np.uint64), np.zeros(_DIGITS, np.int32))


@compiled
def signed(weights):
    """(k,) weights of seeds as they enter a score: liked ones add up to 1, disliked ones are damped alike."""
    liked = 0.0
    for each in weights:
        liked += max(each, 0.0)
    scale = 1.0 / liked if liked else 1.0
    made = np.empty(len(weights))
    for at in range(len(weights)):
        made[at] = weights[at] * scale * (1.0 if weights[at] > 0 else DISLIKE_SHARE)
    return made


@borrowing
def slot_of(found, song):
    """Where a song is, or would be, in the table."""
    mask = np.uint64(len(found.slots) - 1)
    at = (np.uint64(song) * _SPREAD >> _HIGH_BITS) & mask
    # One condition and one branch, which is nearly always the same: a processor foretells it.
    while (found.slots[at].song != song) & (found.slots[at].song != _NONE):
        at = (at + np.uint64(1)) & mask
    return at


@borrowing
def clear(found, count):
    """Empty a table in which `count` slots are used."""
    for k in range(count):
        slot = found.slots[found.used[k]]
        slot.song, slot.place, slot.sum = _NONE, _NONE, 0.0


@borrowing
def block(found, songs):
    """Put songs (k,) into an empty table that no seed can bring; returns how many slots are used."""
    count = 0
    for song in songs:
        at = slot_of(found, song)
        slot = found.slots[at]
        if slot.song == _NONE:
            slot.song, slot.sum, found.used[count] = song, -np.inf, at
            count += 1
    return count


@compiled
def candidates(neighbours, seeds, weights, found, blocked):
    """The songs that seeds (k,) of `signed` weights bring, with their scores, all above 0, in no order: a part of
    `found.order`; and how many slots of the table are used. `blocked` of them were before.

    A candidate is a neighbour of a seed. Its score is the sum over seeds of the seed's weight times what the seed says.
    Tastes speak for liked seeds only, since what is unlike a disliked song is not therefore liked; and for the
    TASTE_CANDIDATES for which the neighbours say most.
    """
    used = _gather(neighbours, seeds, weights, found, blocked)
    keys = _promising(found, found.used[blocked:used], TASTE_CANDIDATES)
    taste, unit = _taste(neighbours, seeds, weights)
    if unit == 0:
        return keys, used
    count = 0
    for k in range(min(len(keys), _AHEAD)):
        _fetch_taste(neighbours, song_of(keys[k]))
    for k in range(len(keys)):
        if k + _AHEAD < len(keys):
            _fetch_taste(neighbours, song_of(keys[k + _AHEAD]))
        song = song_of(keys[k])
        liked = unit * neighbours.reach[song] * dot(neighbours.tastes, song, taste, 0)
        scored = found.slots[slot_of(found, song)].sum + liked
        if scored > 0:
            keys[count] = _key(song, scored)
            count += 1
    return keys[:count], used


@borrowing
def _fetch_taste(neighbours, song):
    prefetch(neighbours.tastes, song)
    prefetch(neighbours.reach, song)


@borrowing
def _gather(neighbours, seeds, weights, found, count):
    """Add up what the seeds say of their neighbours; returns the number of used slots."""
    for seed in seeds[:_SEEDS_AHEAD]:
        _fetch_row(neighbours, seed)
    for seed in range(len(seeds)):
        if seed + _SEEDS_AHEAD < len(seeds):
            _fetch_row(neighbours, seeds[seed + _SEEDS_AHEAD])
        weight = weights[seed]
        for k in range(neighbours.starts[seeds[seed]], neighbours.starts[seeds[seed] + 1]):
            song = neighbours.songs[k]
            at = slot_of(found, song)
            slot = found.slots[at]
            # Without a branch, since whether a song is new cannot be foretold.
            found.used[count] = at
            count += slot.song == _NONE
            slot.song = song
            slot.sum += weight * (np.float64(neighbours.sound[k]) + np.float64(neighbours.played[k]))
    return count


@borrowing
def _fetch_row(neighbours, seed):
    prefetch(neighbours.tastes, seed)
    for k in range(neighbours.starts[seed], neighbours.starts[seed + 1], _LINE):
        prefetch(neighbours.songs, k)
        prefetch(neighbours.sound, k)
        prefetch(neighbours.played, k)


@compiled
def _promising(found, slots, wanted):
    """Of the songs in these slots that have a score above 0 the `wanted` best, as keys in no order.

    Scores are counted by their first digits, so that most songs are left out without comparing them with others.
    """
    found.counts[:] = 0
    for at in slots:
        if found.slots[at].sum > 0:
            found.counts[_digits(found.slots[at].sum)] += 1
    least, count = _DIGITS, 0
    while count < wanted and least > 0:
        least -= 1
        count += found.counts[least]
    count = 0
    for at in slots:
        slot = found.slots[at]
        found.order[count] = _key(slot.song, slot.sum)
        count += (slot.sum > 0) & (_digits(slot.sum) >= least)
    keys = found.order[:count]
    smallest(keys, wanted)
    return keys[:wanted]


@borrowing
def _digits(scored):
    """The exponent of a positive number in single precision, and of what follows so much that steps are of 1/16."""
    return (np.float32(scored).view(np.uint32) >> np.uint32(19)) & np.uint32(_DIGITS - 1)


@borrowing
def _key(song, scored):
    """A song with its score, in single precision, as one number: the smallest is the best, and of equal ones the first.

    A positive float's bits order as the float does.
    """
    bits = np.uint32(0xFFFFFFFF) - np.float32(scored).view(np.uint32)
    return np.uint64(bits) << np.uint64(32) | np.uint64(song)


@borrowing
def song_of(key):
    """The row of a candidate's song."""
    return np.int64(key & np.uint64(0xFFFFFFFF))


@borrowing
def score_of(key):
    """A candidate's score."""
    return np.uint32(np.uint32(0xFFFFFFFF) - np.uint32(key >> np.uint64(32))).view(np.float32)


@borrowing
def smallest(keys, wanted):
    """Move the `wanted` smallest numbers to the beginning, in no order (Hoare 1961, Find)."""
    low, high = 0, len(keys) - 1
    while low < high:
        a, b, c = keys[low], keys[(low + high) // 2], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break


@compiled
def _taste(neighbours, seeds, weights):
    """A user's taste in whole numbers, as one row of such a table, and what they count; 0 where there is none."""
    exact = np.zeros((1, WIDTH))
    for seed in range(len(seeds)):
        if weights[seed] > 0:
            unit = weights[seed] * neighbours.unit[seeds[seed]]
            for k in range(WIDTH):
                exact[0, k] += unit * neighbours.tastes[seeds[seed], k]
    unit = np.abs(exact).max() / _TASTE_STEPS
    return np.rint(exact / (unit if unit else 1.0)).astype(np.int16), unit
