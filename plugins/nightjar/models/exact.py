"""The nearest of some vectors by comparing with all: what a search engine's answers are measured by. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CHUNK = 16_384
_AS_NEAR = 1e-6
"""Cosines that differ by less are equal: float32, summed in another order."""


class Nearest:
    """Of each of n queries the `most` nearest among vectors that are shown bit by bit, without the query itself."""

    def __init__(self, keys: Sequence[str], queries: np.ndarray, most: int, asked: Sequence[Sequence[str]]) -> None:
        """`keys` name the queries (n, d); `asked` are keys by query whose cosines are wanted besides."""
        self._own, self._queries, self._most = list(keys), queries, most
        self._cosines = np.full((len(queries), most), -np.inf, np.float32)
        self._names = np.full((len(queries), most), "", object)
        self._asked: dict[str, list[tuple[int, int]]] = {}
        self._said = [np.full(len(each), -np.inf, np.float32) for each in asked]
        for query, wanted in enumerate(asked):
            for place, key in enumerate(wanted):
                self._asked.setdefault(key, []).append((query, place))

    def show(self, keys: Sequence[str], vectors: np.ndarray) -> None:
        """More vectors (m, d), each shown once, by their keys."""
        for start in range(0, len(keys), _CHUNK):
            self._show(keys[start : start + _CHUNK], vectors[start : start + _CHUNK])

    def _show(self, keys: Sequence[str], vectors: np.ndarray) -> None:
        at = {key: place for place, key in enumerate(keys)}
        said = self._queries @ vectors.T
        for key in at.keys() & self._asked.keys():
            for query, place in self._asked[key]:
                self._said[query][place] = said[query, at[key]]
        for query, key in enumerate(self._own):
            if key in at:
                said[query, at[key]] = -np.inf
        if said.shape[1] > self._most:
            best = np.argpartition(-said, self._most - 1, axis=1)[:, : self._most]
        else:
            best = np.broadcast_to(np.arange(said.shape[1]), said.shape)
        cosines = np.concatenate([self._cosines, np.take_along_axis(said, best, axis=1)], axis=1)
        names = np.concatenate([self._names, np.asarray(keys, object)[best]], axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, : self._most]
        self._cosines = np.take_along_axis(cosines, order, axis=1)
        self._names = np.take_along_axis(names, order, axis=1)

    def names(self) -> list[list[str]]:
        """Of each query the keys of the nearest, nearest first."""
        return [[str(key) for key in names[np.isfinite(said)]] for names, said in self._rows()]

    def recall(self, said: Sequence[np.ndarray] | None = None) -> float | None:
        """The mean share of the nearest that the `asked` keys have; one is as good as another that is just as near.
        None where there is nothing to find. `said` are the cosines by query of keys that were not known when the
        vectors were shown."""
        shares = []
        for (_, nearest), found in zip(self._rows(), self._said if said is None else said, strict=True):
            if count := int(np.isfinite(nearest).sum()):
                good = int((found >= nearest[count - 1] - _AS_NEAR).sum())
                shares.append(min(good, count) / count)
        return float(np.mean(shares)) if shares else None

    def _rows(self):
        return zip(self._names, self._cosines, strict=True)
