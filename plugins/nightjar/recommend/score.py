"""Scores of candidates from a user's seeds. Compiled, one user at a time.

A user's candidates are the neighbours of their seeds, a few thousand of however many songs there are. They are summed
in a small hash table, which stays in the processor's cache where a row of all songs would not. Every sum is made in the
order of the seeds, and inner products in whole numbers, so that the same night gives the same lists on any machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nightjar.compiled import compiled
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
_SPREAD, _HIGH_BITS = np.uint64(0x9E3779B97F4A7C15), np.uint64(40)
"""Multiplicative hashing: the golden ratio of 64 bits (Knuth, The Art of Computer Programming, 6.4)."""


class Found(NamedTuple):
    """A hash table from songs to their scores, with what is needed to order them. Reused from user to user."""

    keys: np.ndarray  # (c,) int32: the song in each slot, -1 for none; c is a power of two
    sums: np.ndarray  # (c,) float64
    place: np.ndarray  # (c,) int32: what a later step wants to know of the song in the slot, -1 at first
    used: np.ndarray  # (c,) int32: slots in the order in which they were filled
    order: np.ndarray  # (c,) uint64: songs with their scores, see `_key`
    bits: np.ndarray  # (1,) float32, to look at a number's bits

    @classmethod
    def room(cls, heard: int) -> Found:
        """For users who heard so many songs at most."""
        size = 1 << int(np.ceil(np.log2(2 * (_MAX_SEEDS * NEIGHBOURS_PER_SEED + heard + 1))))
        keys, place = np.full(size, _NONE, np.int32), np.full(size, _NONE, np.int32)
        return cls(
            *(keys, np.zeros(size), place, np.zeros(size, np.int32)), np.zeros(size, np.uint64), np.zeros(1, np.float32)
        )


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


@compiled
def slot_of(found, song):
    """Where a song is, or would be, in the table."""
    mask = np.uint64(len(found.keys) - 1)
    at = (np.uint64(song) * _SPREAD >> _HIGH_BITS) & mask
    while found.keys[at] != song and found.keys[at] != _NONE:
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def clear(found, count):
    """Empty a table in which `count` slots are used."""
    for k in range(count):
        found.keys[found.used[k]] = _NONE
        found.place[found.used[k]] = _NONE


@compiled
def block(found, songs):
    """Put songs (k,) into an empty table that no seed can bring; returns how many slots are used."""
    count = 0
    for song in songs:
        at = slot_of(found, song)
        if found.keys[at] == _NONE:
            found.keys[at], found.sums[at], found.used[count] = song, -np.inf, at
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
    keys = _positive(found, found.used[blocked:used])
    if len(keys) > TASTE_CANDIDATES:
        smallest(keys, TASTE_CANDIDATES)
        keys = keys[:TASTE_CANDIDATES]
    taste, unit = _taste(neighbours, seeds, weights)
    if unit == 0:
        return keys, used
    count = 0
    for k in range(len(keys)):
        song = song_of(keys[k])
        scored = found.sums[slot_of(found, song)] + unit * neighbours.reach[song] * dot(
            neighbours.tastes, song, taste, 0
        )
        if scored > 0:
            keys[count] = _key(found, song, scored)
            count += 1
    return keys[:count], used


@compiled
def _gather(neighbours, seeds, weights, found, count):
    """Add up what the seeds say of their neighbours; returns the number of used slots."""
    for seed in range(len(seeds)):
        weight = weights[seed]
        for k in range(neighbours.starts[seeds[seed]], neighbours.starts[seeds[seed] + 1]):
            song = neighbours.songs[k]
            at = slot_of(found, song)
            said = weight * (np.float64(neighbours.sound[k]) + np.float64(neighbours.played[k]))
            if found.keys[at] == _NONE:
                found.keys[at], found.sums[at], found.used[count] = song, said, at
                count += 1
            else:
                found.sums[at] += said
    return count


@compiled
def _positive(found, slots):
    """The songs in these slots that have a score above 0."""
    count = 0
    for at in slots:
        if found.sums[at] > 0:
            found.order[count] = _key(found, found.keys[at], found.sums[at])
            count += 1
    return found.order[:count]


@compiled
def _key(found, song, scored):
    """A song with its score, in single precision, as one number: the smallest is the best, and of equal ones the first.

    A positive float's bits order as the float does.
    """
    found.bits[0] = scored
    return np.uint64(0xFFFFFFFF - found.bits.view(np.uint32)[0]) << np.uint64(32) | np.uint64(song)


@compiled
def song_of(key):
    """The row of a candidate's song."""
    return np.int64(key & np.uint64(0xFFFFFFFF))


@compiled
def score_of(found, key):
    """A candidate's score."""
    found.bits.view(np.uint32)[0] = np.uint32(0xFFFFFFFF) - np.uint32(key >> np.uint64(32))
    return found.bits[0]


@compiled
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
