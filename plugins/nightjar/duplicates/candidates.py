"""Which pairs are worth comparing: songs whose vectors, or any two of whose windows, are near each other in Milvus.

What makes a pair a candidate is a similarity, not a rank: so it does not matter which of the two asks for the other,
nor what else is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from nightjar.settings import FIRST_MODEL
from nightjar.thresholds import CANDIDATE_COSINE, CANDIDATE_LIMIT, CANDIDATE_MAX_LIMIT
from nightjar.vectors.store import Hit, VectorStore

log = logging.getLogger(__name__)


def find(store: VectorStore, kind: str, rows: pa.Table, day: str, later: Sequence[str]) -> set[tuple[str, str]]:
    """Pairs (a song of `day`, a song near it of a day up to it or of the `later` ones). Never a song with itself.

    `rows` are the embeddings (kind tracks) or windows of the day's songs. Raises NightjarError if Milvus does not have
    the day's own vectors.
    """
    wanted = set(later)
    found = {(own, hit.track_id) for own, hit in _near(store, kind, rows, day)}
    if later:
        found |= {(own, hit.track_id) for own, hit in _near(store, kind, rows, later[-1]) if hit.day in wanted}
    return {(own, other) for own, other in found if own != other}


def _near(store: VectorStore, kind: str, rows: pa.Table, upto_day: str) -> Iterable[tuple[str, Hit]]:
    """(song, hit) for everything up to a day that is at least as near as CANDIDATE_COSINE says of the model.

    Lists that end above the threshold are asked for again with twice the length, up to CANDIDATE_MAX_LIMIT.
    """
    if not rows.num_rows:
        return
    pending, limit = np.stack(rows["vector"].to_numpy(zero_copy_only=False)), CANDIDATE_LIMIT
    owners = np.array(rows["track_id"].to_pylist(), dtype=object)
    # A model without cosines of its own takes the first's: the embedder's tests see that each that it makes has some.
    least = CANDIDATE_COSINE.get(store.model, CANDIDATE_COSINE[FIRST_MODEL])[kind]
    while len(pending):
        lists = store.search(pending, limit, upto_day, kind, own=owners)
        full = np.array([len(hits) == limit and hits[-1].similarity >= least for hits in lists])
        if limit >= CANDIDATE_MAX_LIMIT and full.any():
            log.warning("%d %s have more than %d candidates; the farthest are left out", full.sum(), kind, limit)
            full[:] = False
        whole = ((own, hits) for own, hits, more in zip(owners, lists, full, strict=True) if not more)
        yield from chain.from_iterable(((own, hit) for hit in hits if hit.similarity >= least) for own, hits in whole)
        pending, owners, limit = pending[full], owners[full], min(2 * limit, CANDIDATE_MAX_LIMIT)
