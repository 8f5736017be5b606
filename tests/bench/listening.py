"""Listening made to measure: songs in artists, scenes and genres, and people who each like several scenes.

Songs lie in the order of a tree: a genre is a range of scenes, a scene a range of artists, an artist a range of songs.
Popularity is log-normal, of artists and of their songs. A person has a handful of scenes, most of them of one genre,
and in each some artists; they play those, what else the scene plays, and now and then what the genre or everybody does.
Its constants were set by hand until popularity, and how methods rank, were those of the HetRec 2011 Last.fm set
(`python -m tests.bench.users --check EVENTS` compares them); it was not fitted beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

ARTIST_SONGS = 6
SCENE_ARTISTS = 80
GENRES = 8
"""Of any library: the larger it is, the more scenes a genre has."""
PLAYS = (30, 60)
"""Songs that a person plays, one of them withheld in WITHHELD: evenly spread between these."""
WITHHELD = 0.2

_ARTISTS_SPREAD, _SONGS_SPREAD = 2.2, 1.6
"""Standard deviations of the logarithm of popularity, of artists and of the songs of one."""
_MOST = 0.01
"""Largest share of all plays that one song would have by its popularity: everybody's hit is known to a quarter."""
_SCENES = 7.0
"""Scenes of a person, on average."""
_OWN_GENRE = 0.6
"""Share of a person's scenes that are of their own genre."""
_BY_ARTIST, _BY_SCENE, _BY_GENRE = 0.05, 0.65, 0.15
"""Shares of plays: of a favourite artist, of one's scene, of one's genre; the rest is anything popular."""
_FAVOURITES = 3
"""Artists of a scene that a person likes most."""


@dataclass(frozen=True)
class Songs:
    """What there is to play. Ranges are [starts[i], starts[i + 1]) of the next level below, down to songs."""

    popularity: np.ndarray  # (songs,) adds up to 1
    artist: np.ndarray  # (songs,) int64
    scene: np.ndarray  # (songs,) int64
    genre: np.ndarray  # (songs,) int64

    def __len__(self) -> int:
        return len(self.popularity)


@dataclass(frozen=True)
class Listening:
    """Plays, each pair of a person and a song once, by person, then song; `counts` how often."""

    users: np.ndarray  # (k,) int64
    songs: np.ndarray  # (k,) int64
    counts: np.ndarray  # (k,) int64

    def split(self, seed: int) -> tuple[Listening, Listening]:
        """What is learned from, and the withheld part: one of five pairs, by chance."""
        later = np.random.default_rng(seed).random(len(self.users)) < WITHHELD
        return self.only(~later), self.only(later)

    def only(self, kept: np.ndarray) -> Listening:
        """The pairs where `kept` (k,) is true."""
        return Listening(self.users[kept], self.songs[kept], self.counts[kept])


def songs(number: int, seed: int) -> Songs:
    """So many songs; the same seed gives the same ones."""
    rng = np.random.default_rng([seed, 1])
    artist = np.arange(number) // ARTIST_SONGS
    scene = artist // SCENE_ARTISTS
    scenes = int(scene[-1]) + 1
    # Genres of uneven size: each scene's is drawn, then they are put in order.
    shares = rng.dirichlet(np.full(GENRES, 2.0))
    genre = np.sort(rng.choice(GENRES, scenes, p=shares))[scene]
    of_artist = _ARTISTS_SPREAD * rng.standard_normal(int(artist[-1]) + 1)
    popularity = np.exp(of_artist[artist] + _SONGS_SPREAD * rng.standard_normal(number))
    popularity = np.minimum(popularity, _MOST * popularity.sum())
    return Songs(popularity / popularity.sum(), artist, scene, genre)


def listen(library: Songs, people: int, seed: int) -> Listening:
    """What so many people play of it; the same seed gives the same plays."""
    below = np.concatenate([[0.0], np.cumsum(library.popularity)])
    drawn = _draw(below, *(_starts(each) for each in (library.artist, library.scene, library.genre)), library.scene,
                  library.genre, library.artist, people, seed)  # fmt: skip
    keys, counts = np.unique(drawn, return_counts=True)
    return Listening(keys // len(library), keys % len(library), counts)


def _starts(codes: np.ndarray) -> np.ndarray:
    return np.searchsorted(codes, np.arange(int(codes[-1]) + 2))


@numba.njit(cache=True)
def _song(below, first, last):
    """One song of a range, by popularity."""
    at = below[first] + np.random.random() * (below[last] - below[first])
    return min(max(np.searchsorted(below, at, side="right") - 1, first), last - 1)


@numba.njit(cache=True)
def _draw(below, artists, scenes, genres, scene_of, genre_of, artist_of, people, seed):
    """(k,) person * songs + song of every play; many come more than once."""
    np.random.seed(seed)
    size = len(below) - 1
    made = np.empty(people * PLAYS[1] * 2, np.int64)
    own = np.empty(64, np.int64)
    favourite = np.empty((64, _FAVOURITES), np.int64)
    share = np.empty(64)
    filled = 0
    for person in range(people):
        genre = genre_of[_song(below, 0, size)]
        number = min(1 + np.random.poisson(_SCENES - 1), 63)
        for at in range(number):
            within = np.random.random() < _OWN_GENRE
            low, high = (genres[genre], genres[genre + 1]) if within else (0, size)
            own[at] = scene_of[_song(below, low, high)]
            share[at] = np.random.gamma(1.0, 1.0)
            for each in range(_FAVOURITES):
                favourite[at, each] = artist_of[_song(below, scenes[own[at]], scenes[own[at] + 1])]
        total = share[:number].sum()
        begun, wanted, different = filled, np.random.randint(PLAYS[0], PLAYS[1] + 1), 0
        while different < wanted and filled - begun < 2 * PLAYS[1]:
            point, at = np.random.random() * total, 0
            while at < number - 1 and point > share[at]:
                point -= share[at]
                at += 1
            kind = np.random.random()
            if kind < _BY_ARTIST:
                chosen = favourite[at, np.random.randint(_FAVOURITES)]
                low, high = artists[chosen], artists[chosen + 1]
            elif kind < _BY_ARTIST + _BY_SCENE:
                low, high = scenes[own[at]], scenes[own[at] + 1]
            elif kind < _BY_ARTIST + _BY_SCENE + _BY_GENRE:
                low, high = genres[genre], genres[genre + 1]
            else:
                low, high = 0, size
            key = person * size + _song(below, low, high)
            different += not (made[begun:filled] == key).any()
            made[filled] = key
            filled += 1
    return made[:filled]
