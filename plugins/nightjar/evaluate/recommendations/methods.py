"""Ways to rank items by plays: the nightly code's own, and what a team would otherwise take from a shelf.

Each has a `fit` that takes plays and parameters and gives a function from users (n,) to scores (n, items), -inf where
it has nothing to say. `GRIDS` are the parameters among which a validation split decides. Nothing is chosen so for
Nightjar: its constants are those of `nightjar.thresholds`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from nightjar.evaluate.recommendations import sound
from nightjar.evaluate.recommendations.sound import Sound
from nightjar.evaluate.recommendations.tables import Plays
from nightjar.recommend import behaviour
from nightjar.recommend.behaviour import Behaviour
from nightjar.recommend.neighbours import Neighbours
from nightjar.recommend.ranking import considered

Scores = Callable[[np.ndarray], np.ndarray]
Candidates = Callable[[int], tuple[np.ndarray, np.ndarray]]

NIGHTJAR, CONTENT, BLEND = "nightjar", "content", "blend"
MAX_EASE = 20_000
"""EASE needs a matrix of the people or of the items, whichever are fewer; beyond this it would take 3 GB."""


def nightjar(plays: Plays) -> Scores:
    """What `recommend` gives before filters and re-ranking, of songs whose sound is not known."""
    return _dense(candidates(plays, _behaviour(plays)), plays)


def content(plays: Plays, heard: Sound) -> Scores:
    """The nearest by sound of what is played, whoever plays it."""
    return _dense(candidates(plays, Behaviour.nobody(len(plays.item_ids)), _similar(plays, heard)), plays)


def blend(plays: Plays, heard: Sound) -> Scores:
    """What `recommend` gives before filters and re-ranking: behaviour and sound."""
    return _dense(candidates(plays, _behaviour(plays), _similar(plays, heard)), plays)


def _behaviour(plays: Plays) -> Behaviour:
    weights = behaviour.relative(plays.users, plays.tastes)
    return behaviour.fit(plays.users, plays.items, weights, np.ones(len(plays.item_ids), bool))


def _similar(plays: Plays, heard: Sound) -> csr_array:
    vectors, there = heard.of(plays.item_ids)
    return sound.similar(vectors, there)


def _dense(brought: Candidates, plays: Plays) -> Scores:
    def scores(users: np.ndarray) -> np.ndarray:
        made = np.full((len(users), len(plays.item_ids)), -np.inf, np.float32)
        for row, user in enumerate(users):
            songs, values = brought(user)
            made[row, songs] = values
        return made

    return scores


def candidates(plays: Plays, known: Behaviour, similar: csr_array | None = None) -> Candidates:
    """From a user to the items that production scoring gives them, best first, and their scores.

    `similar` (items, items) is what sounds alike, as `nightjar.recommend.neighbours` has it; nothing where it is not
    known. What was played is among them.
    """
    size = len(plays.item_ids)
    neighbours = Neighbours.of(csr_array((size, size)) if similar is None else similar, known)
    starts = np.searchsorted(plays.users, np.arange(len(plays.user_ids) + 1))

    def brought(user: int) -> tuple[np.ndarray, np.ndarray]:
        own = slice(starts[user], starts[user + 1])
        return considered(neighbours, plays.items[own], plays.tastes[own])

    return brought


def popularity(plays: Plays) -> Scores:
    """The number of people who play an item, the same for everybody."""
    return lambda users: np.tile(plays.listeners.astype(np.float32), (len(users), 1))


def user_based(plays: Plays, neighbours: int, weights: str) -> Scores:
    """Cosine of people, by implicit: what the nearest play."""
    from implicit.nearest_neighbours import CosineRecommender

    matrix = _matrix(plays, weights)
    near = _near(CosineRecommender(K=neighbours), csr_array(matrix.T))
    near.setdiag(0)
    return lambda users: (near[users] @ matrix).toarray().astype(np.float32)


def item_cosine(plays: Plays, neighbours: int, weights: str) -> Scores:
    """Cosine of items, by implicit."""
    from implicit.nearest_neighbours import CosineRecommender

    return _item_based(CosineRecommender(K=neighbours), _matrix(plays, weights))


def item_bm25(plays: Plays, neighbours: int, k1: float, b: float) -> Scores:
    """Items by BM25, by implicit."""
    from implicit.nearest_neighbours import BM25Recommender

    return _item_based(BM25Recommender(K=neighbours, K1=k1, B=b), plays.binary)


def _item_based(model, matrix: csr_array) -> Scores:
    near = _near(model, matrix)
    return lambda users: (matrix[users] @ near).toarray().astype(np.float32)


def _near(model, matrix: csr_array) -> csr_array:
    """The table of similar columns that one of implicit's models makes of a matrix."""
    from implicit.utils import ParameterWarning

    with warnings.catch_warnings():  # it converts what it has made itself, and says so each time
        warnings.simplefilter("ignore", ParameterWarning)
        model.fit(csr_matrix(matrix), show_progress=False)
    return csr_array(model.similarity)


def ials(plays: Plays, factors: int, penalty: float, confidence: float) -> Scores:
    """Implicit-feedback matrix factorization (Hu, Koren and Volinsky 2008), by implicit."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=factors, regularization=penalty, alpha=confidence, random_state=1)
        model.fit(csr_matrix(plays.relative, dtype=np.float32), show_progress=False)
    return lambda users: model.user_factors[users] @ model.item_factors.T


def ease(plays: Plays, penalty: float, weights: str) -> Scores:
    """EASE (Steck 2019), in closed form. No kept library has it without a framework around it.

    With X the plays and P = (X'X + penalty)^-1, item i speaks for j with -P_ij / P_jj. By Woodbury's identity P needs
    the inverse of a matrix of the people only, where they are fewer than the items.
    """
    matrix = _matrix(plays, weights).toarray().astype(np.float32)
    people, items = matrix.shape
    if people < items:
        inner = np.linalg.inv(matrix @ matrix.T + penalty * np.eye(people, dtype=np.float32))
        half = inner @ matrix
        own = 1 - np.einsum("ui,ui->i", matrix, half)  # the diagonal of P, times the penalty
        return lambda users: (matrix[users] @ matrix.T) @ half / own
    inverse = np.linalg.inv(matrix.T @ matrix + penalty * np.eye(items, dtype=np.float32))
    says = -inverse / np.diag(inverse)
    np.fill_diagonal(says, 0)
    return lambda users: matrix[users] @ says


def _matrix(plays: Plays, weights: str) -> csr_array:
    return {"binary": plays.binary, "relative": plays.relative}[weights]


def _grid(**values: tuple) -> list[dict]:
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


_WEIGHTS = ("binary", "relative")
GRIDS: dict[str, tuple[Callable[..., Scores], list[dict]]] = {
    NIGHTJAR: (nightjar, [{}]),
    "popularity": (popularity, [{}]),
    "user-based": (user_based, _grid(neighbours=(50, 100, 200, 400), weights=_WEIGHTS)),
    "item cosine": (item_cosine, _grid(neighbours=(50, 100, 200, 500), weights=_WEIGHTS)),
    "item BM25": (item_bm25, _grid(neighbours=(100, 500), k1=(0.4, 1.2, 3.0), b=(0.2, 0.5, 0.8))),
    "iALS": (ials, _grid(factors=(32, 64, 128), penalty=(3.0, 10.0, 30.0), confidence=(3.0, 10.0))),
    "EASE": (ease, _grid(penalty=(20.0, 50.0, 100.0, 200.0, 400.0), weights=_WEIGHTS)),
}
"""By name what fits it, and the parameters to choose from."""


def known_by(heard: Sound | None) -> dict[str, tuple[Callable[..., Scores], list[dict]]]:
    """GRIDS; and where the sound of items is known first the methods that use it, while the others, which know plays
    alone, say nothing of items that nobody plays."""
    if heard is None:
        return GRIDS
    by_sound = {BLEND: (partial(blend, heard=heard), [{}]), CONTENT: (partial(content, heard=heard), [{}])}
    return by_sound | {name: (partial(_of_played, fit), grid) for name, (fit, grid) in GRIDS.items()}


def _of_played(fit: Callable[..., Scores], plays: Plays, **parameters) -> Scores:
    scores, unplayed = fit(plays, **parameters), np.flatnonzero(plays.listeners == 0)

    def played(users: np.ndarray) -> np.ndarray:
        made = scores(users)
        made[:, unplayed] = -np.inf
        return made

    return played
