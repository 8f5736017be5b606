"""What the sound should count beside the plays: `python -m tests.bench.sound [--people N] [--songs N]`.

No data at hand has both the sound of songs and who listens to them, so both are made: people and songs as in
`listening`, and vectors that are alike within an artist, a scene and a genre. People do not choose by the vectors: they
know artists, scenes and genres, of which the sound tells something.

Cosines and their spread are about those of 99 excerpts of 12 game soundtracks by MSD_musicnn, not separated: one album
0.44 in the mean, different albums -0.04 with a deviation of 0.26, also where the tags name one genre. Those songs do
not say how much of the 0.44 is the artist's own and how much a scene or genre shares: LEVELS are three answers. Of as
few made songs the nearest is of the same artist in 73 to 83 %, of the excerpts the same album in 69 %.

A tenth of the songs is new: nobody plays them before the withheld plays. For each SOUND_WEIGHT and SOUND_HALF_LISTENERS
the production scoring ranks for everybody. NDCG@10 is compared with that of plays alone, person by person; recall@50 is
of all withheld plays, of those of new songs alone and of those of little known ones alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array

from nightjar.evaluate.recommendations import methods, metrics, sound
from nightjar.evaluate.recommendations.tables import Plays
from nightjar.recommend import behaviour
from nightjar.recommend.behaviour import Behaviour
from nightjar.thresholds import SOUND_HALF_LISTENERS, SOUND_WEIGHT
from tests.bench import listening
from tests.bench.listening import Songs

DIMENSION, DECAY = 200, 1.2
"""Of a vector; and the power by which its eigenvalues fall."""
LEVELS = {"artist": (0.0, 0.0, 0.44), "artist and scene": (0.0, 0.22, 0.22), "all three": (0.15, 0.15, 0.14)}
"""Shares of a vector's square that songs of a genre, of a scene and of an artist have in common."""
WEIGHTS = (0.01, 0.02, 0.04, 0.08)
HALVES = (5.0, 20.0, 80.0)
NEW = 0.1
LISTED_EVERY = 2
"""One of so many people gets a list, and is measured."""
LITTLE_KNOWN = 5
"""Listeners that a little known song has at most, and one at least."""
_SEED = 3


@dataclass(frozen=True)
class World:
    """Plays to learn from, withheld ones, and what everything sounds like."""

    library: Songs
    plays: Plays
    wanted: csr_array  # (people, songs)
    new: np.ndarray  # (songs,) bool
    vectors: np.ndarray  # (songs, DIMENSION) of unit length

    def unheard(self, user: int, brought: methods.Candidates) -> tuple[np.ndarray, np.ndarray]:
        """What is brought for somebody without what they have heard."""
        songs, scores = brought(user)
        heard = self.plays.binary
        free = ~np.isin(songs, heard.indices[heard.indptr[user] : heard.indptr[user + 1]])
        return songs[free], scores[free]

    def known(self) -> Behaviour:
        """What production learns from the plays."""
        weights = behaviour.relative(self.plays.users, self.plays.tastes)
        return behaviour.fit(self.plays.users, self.plays.items, weights, np.ones(len(self.library), bool))

    def similar(self) -> csr_array:
        """The nearest by sound of everything that is played."""
        return sound.similar(self.vectors, np.ones(len(self.library), bool))


def world(people: int, songs: int, level: str) -> World:
    """The same arguments give the same world."""
    library = listening.songs(songs, _SEED)
    train, later = listening.listen(library, people, _SEED).split(_SEED)
    new = np.random.default_rng(_SEED).random(songs) < NEW
    train = train.only(~new[train.songs])
    ids = (np.arange(number).astype(object) for number in (people, songs))
    plays = Plays(train.users, train.songs, train.counts.astype(float), None, None, *ids)
    later = later.only(later.users % LISTED_EVERY == 0)
    wanted = csr_array((np.ones(len(later.users)), (later.users, later.songs)), shape=(people, songs))
    return World(library, plays, wanted, new, vectors(library, level))


def vectors(library: Songs, level: str) -> np.ndarray:
    """(songs, DIMENSION) float32 of unit length."""
    rng = np.random.default_rng([_SEED, 9])
    shares = (*LEVELS[level], 1 - sum(LEVELS[level]))
    codes = (library.genre, library.scene, library.artist, np.arange(len(library)))
    made, spread = np.zeros((len(library), DIMENSION)), np.arange(1, DIMENSION + 1) ** (-DECAY / 2)
    for share, code in zip(shares, codes, strict=True):
        made += np.sqrt(share) * (spread * rng.standard_normal((int(code.max()) + 1, DIMENSION)))[code]
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def counting(similar: csr_array, listeners: np.ndarray, weight: float, half: float) -> csr_array:
    """`similar` so scaled that production scoring counts it as with SOUND_WEIGHT `weight` and SOUND_HALF_LISTENERS
    `half`."""
    wanted = weight * half / (half + listeners)
    counted = SOUND_WEIGHT * SOUND_HALF_LISTENERS / (SOUND_HALF_LISTENERS + listeners)
    return csr_array(similar @ diags_array(wanted / counted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--songs", type=int, default=20_000)
    asked = parser.parse_args()
    known = None
    for level in LEVELS:
        made = world(asked.people, asked.songs, level)
        known = known or made.known()  # the plays are the same
        _measure(made, known, level)


def _measure(made: World, known: Behaviour, level: str) -> None:
    listeners = made.plays.listeners
    little = (listeners > 0) & (listeners <= LITTLE_KNOWN)
    print(f"--- {level}: {len(made.plays.users):,} pairs, {int((listeners > 0).sum()):,} songs played, ", end="")
    print(f"{made.wanted.nnz:,} withheld, {int(made.wanted[:, made.new].sum()):,} of them of new songs, ", end="")
    print(f"{int(made.wanted[:, little].sum()):,} of songs with {LITTLE_KNOWN} listeners at most")
    _print_cosines(made)
    nothing = csr_array((len(made.library),) * 2)
    print(
        f"{'weight':>7}{'half':>5}{'NDCG@10':>9}{'less plays alone':>30}{'recall@50':>11}{'new':>8}{'little':>8}",
        end="",
    )
    print(f"{'new@10':>8}{'new@50':>8}")
    alone = _line("plays alone", made, methods.candidates(made.plays, known, nothing), little, None)
    similar = made.similar()
    nobody = Behaviour.nobody(len(made.library))
    _line("sound alone", made, methods.candidates(made.plays, nobody, similar), little, alone)
    for weight in WEIGHTS:
        for half in HALVES:
            brought = methods.candidates(made.plays, known, counting(similar, listeners, weight, half))
            _line(f"{weight:>7}{half:>5.0f}", made, brought, little, alone)


def _line(
    name: str, made: World, brought: methods.Candidates, little: np.ndarray, alone: np.ndarray | None
) -> np.ndarray:
    """Measure and print; NDCG@10 of each person, of which `alone` is that of plays alone."""
    lists = _lists(made, brought)
    nobody = np.zeros(len(lists), np.int64)
    found = metrics.per_user(lists, made.wanted, nobody)
    of = [
        metrics.per_user(lists, _only(made.wanted, songs), nobody)["recall@50"].mean() for songs in (made.new, little)
    ]
    new = [made.new[shown[shown != metrics.NONE]].mean() for shown in (lists[:, :10], lists[:, :50])]
    less = metrics.mean(found["ndcg@10"] - alone) if alone is not None else None
    told = "{:+.4f} ({:+.4f} to {:+.4f})".format(less["mean"], *less["interval"]) if less else ""
    print(f"{name:<12}{found['ndcg@10'].mean():>9.4f}{told:>30}{found['recall@50'].mean():>11.4f}", end="")
    print(f"{of[0]:>8.4f}{of[1]:>8.4f}{new[0]:>8.3f}{new[1]:>8.3f}", flush=True)
    return found["ndcg@10"]


def _lists(made: World, brought: methods.Candidates) -> np.ndarray:
    """(people, max(metrics.CUTS)) what each is given that they have not heard."""
    lists = np.full((len(made.plays.user_ids), max(metrics.CUTS)), metrics.NONE, np.int64)
    for user in range(0, len(lists), LISTED_EVERY):
        songs, _ = made.unheard(user, brought)
        lists[user, : len(songs[: lists.shape[1]])] = songs[: lists.shape[1]]
    return lists


def _only(wanted: csr_array, songs: np.ndarray) -> csr_array:
    made = csr_array(wanted @ diags_array(songs.astype(float)))
    made.eliminate_zeros()
    return made


def _print_cosines(made: World) -> None:
    """How alike songs are, of pairs drawn by chance."""
    rng = np.random.default_rng(_SEED)
    a, b = rng.integers(0, len(made.library), (2, 200_000))
    near = np.minimum(a + 1 + rng.integers(0, listening.ARTIST_SONGS - 1, len(a)), len(made.library) - 1)
    for name, pairs, same in (
        ("different genres", (a, b), made.library.genre[a] != made.library.genre[b]),
        ("one genre", (a, b), made.library.genre[a] == made.library.genre[b]),
        ("one artist", (a, near), made.library.artist[a] == made.library.artist[near]),
    ):
        cosines = (made.vectors[pairs[0][same]] * made.vectors[pairs[1][same]]).sum(axis=1)
        print(f"cosines of {name}: mean {cosines.mean():.2f}, deviation {cosines.std():.2f}, ", end="")
        print(f"{np.mean(cosines >= 0.5):.1%} from 0.5 on")


if __name__ == "__main__":
    main()
