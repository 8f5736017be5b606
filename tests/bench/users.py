"""User-based against item-based as users grow:
`python -m tests.bench.users [--users N,N,...] [--picture PNG] [--kept JSONL]`.

Each size has people who listen to songs made to measure (see `listening`), half as many songs as people up to
MOST_SONGS. Each method is fitted on all of them in a process of its own, so that its peak memory is its own, and makes
lists of 100 for a sample of people, whose withheld plays say how good they are; the time of lists is scaled up to all
people. Seconds are the processor's, of all threads: what one core would take.

Comparing all people with each other is done in full up to WHOLE people; beyond, for a sample of them with all others,
scaled up. The sample is measured at all sizes, to show how well it agrees. Both kinds of cosine are implicit's and
compiled; of NEIGHBOURS they use the number that is better on the withheld plays, which is in their favour.

With `--kept` what is measured is written there, and what is there already is not measured again.
`--check EVENTS` compares the made listening with a real table user_id,item_id,play_count instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from nightjar.evaluate.recommendations import methods, metrics
from nightjar.evaluate.recommendations.tables import Plays
from nightjar.recommend import behaviour
from tests.bench import listening, users_check, users_report

MOST_SONGS = 200_000
NEIGHBOURS = (100, 400)
"""Of people and of songs by cosine."""
WHOLE = 100_000
"""People up to whom all are compared with all."""
LISTED = 5000
"""People whose lists are made."""
COMPARED = 2000
"""People who are compared with all others where it is a sample."""
LENGTH = max(metrics.CUTS)
_BLOCK = 250
_SEED = 7


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", default="10000,100000,1000000")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--check", type=Path)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(_measure(*asked.measure)))
        return 0
    if asked.check:
        users_check.check(asked.check)
        return 0
    found = _kept(asked.kept)
    for size in sorted(int(size) for size in asked.users.split(",")):
        there = {each["method"] for each in found if each["people"] == size}
        found += _size(size, [name for name in asked.methods.split(",") if name not in there], asked.kept)
        users_report.show(found, size)
    if asked.picture:
        users_report.draw(found, asked.picture)
    return 0


def _kept(file: Path | None) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file and file.exists() else []


def _size(size: int, names: list[str], kept: Path | None) -> list[dict]:
    """What these methods come to with so many people."""
    found = []
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        file = Path(folder) / f"{size}.npz"
        for name in names:
            if not file.exists():
                _child("make", file)
            found.append(_child(name, file))
            if kept:
                with kept.open("a") as lines:
                    lines.write(json.dumps(found[-1]) + "\n")
    return found


def _child(what: str, file: Path) -> dict:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "tests.bench.users", "--measure", what, str(file)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# --- in processes of their own ----------------------------------------------------------------------------------------
def _measure(what: str, file: str) -> dict:
    path = Path(file)
    people = int(path.stem)
    if what == "make":
        return _make(path, people)
    kept = np.load(path)
    plays = csr_array((kept["weights"], kept["songs"], kept["starts"]), shape=(people, int(kept["size"])))
    listed = kept["listed"]
    wanted = csr_array(
        (np.ones(len(kept["later"])), kept["later"], kept["later_starts"]), shape=(len(listed), plays.shape[1])
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = METHODS[what](plays, listed, wanted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return made | {
        "method": what,
        "people": people,
        "songs": plays.shape[1],
        "plays": plays.nnz,
        "peak_mb": peak / 1024,
        "data_mb": before / 1024,
    }


def _make(path: Path, people: int) -> dict:
    library = listening.songs(min(people // 2, MOST_SONGS), _SEED)
    train, later = listening.listen(library, people, _SEED).split(_SEED)
    weights = behaviour.relative(train.users, np.log2(1 + train.counts))
    listed = np.sort(np.random.default_rng(_SEED).choice(people, min(LISTED, people), replace=False))
    later = later.only(np.isin(later.users, listed))
    np.savez(
        path,
        weights=weights.astype(np.float32),
        songs=train.songs.astype(np.int32),
        starts=np.searchsorted(train.users, np.arange(people + 1)).astype(np.int32),
        size=len(library),
        listed=listed,
        later=later.songs.astype(np.int32),
        later_starts=np.searchsorted(later.users, np.append(listed, people)).astype(np.int32),
    )
    return {}


def _user_based(plays: csr_array, listed: np.ndarray, wanted: csr_array) -> dict:
    people, most = plays.shape[0], max(NEIGHBOURS)
    sample = listed[np.linspace(0, len(listed) - 1, COMPARED).astype(int)]
    some, once, each = _nearest_people(_unit(plays), sample)
    estimate = once + each * people / len(sample)
    if people > WHOLE:
        at = np.searchsorted(listed, sample)
        made = _best(lambda k: _lists(_first(some, k), plays, plays[sample]), wanted[at], people)
        return made | {"fit": estimate, "estimate": estimate, "whole": False}
    near, seconds = _cosines(csr_matrix(plays.T), most)
    near.setdiag(0)
    near = near[listed]
    made = _best(lambda k: _lists(_first(near, k), plays, plays[listed]), wanted, people)
    return made | {"fit": seconds, "estimate": estimate, "whole": True}


def _nearest_people(unit: csr_array, sample: np.ndarray) -> tuple[csr_array, float, float]:
    """(sample, people) cosines of the nearest, by the compiled product of one row that implicit recommends with; the
    seconds for all people once, and those for the sample."""
    from implicit.nearest_neighbours import ItemItemRecommender, NearestNeighboursScorer

    begun, people = time.process_time(), unit.shape[0]
    by_song = csr_matrix(unit.T)  # its rows are songs; the product wants a square
    starts = np.concatenate([by_song.indptr, np.full(people - by_song.shape[0], by_song.indptr[-1])])
    square = csr_matrix((by_song.data, by_song.indices, starts), shape=(people, people))
    model = ItemItemRecommender(K=max(NEIGHBOURS) + 1)
    model.similarity, model.scorer = square, NearestNeighboursScorer(square)
    once = time.process_time() - begun
    rows, columns, values = [], [], []
    for row, user in enumerate(sample):
        own = csr_matrix(unit[[user]])
        near, cosines = model.recommend(0, own, N=max(NEIGHBOURS) + 1, filter_already_liked_items=False)
        kept = near != user
        columns.append(near[kept])
        values.append(cosines[kept])
        rows.append(np.full(kept.sum(), row))
    seconds = time.process_time() - begun - once
    value, row, column = (np.concatenate(parts) for parts in (values, rows, columns))
    return csr_array((value, (row, column)), shape=(len(sample), people)), once, seconds


def _item_based(plays: csr_array, listed: np.ndarray, wanted: csr_array) -> dict:
    near, seconds = _cosines(csr_matrix(plays), max(NEIGHBOURS))
    own = plays[listed]
    return _best(lambda k: _lists(own, _first(near, k), own), wanted, plays.shape[0]) | {"fit": seconds}


def _nightjar(plays: csr_array, listed: np.ndarray, wanted: csr_array) -> dict:
    people, size = plays.shape
    users = np.repeat(np.arange(people), np.diff(plays.indptr))
    songs = plays.indices.astype(np.int64)
    everything = np.ones(size, bool)
    begun = time.process_time()
    known = behaviour.fit(users, songs, plays.data, everything)
    fitted = time.process_time()
    ids = (np.arange(number).astype(object) for number in plays.shape)
    table = Plays(users, songs, np.exp2(plays.data.astype(float)) - 1, None, None, *ids)
    candidates = methods.candidates(table, known)
    lists = np.full((len(listed), LENGTH), metrics.NONE, np.int64)
    listing = time.process_time()
    for row, user in enumerate(listed):
        found, _ = candidates(user)
        found = found[~np.isin(found, songs[plays.indptr[user] : plays.indptr[user + 1]])][:LENGTH]
        lists[row, : len(found)] = found
    seconds = (time.process_time() - listing) * people / len(listed)
    return _quality(lists, wanted) | {"fit": fitted - begun, "lists": seconds}


METHODS = {"user-based": _user_based, "item-based": _item_based, "nightjar": _nightjar}


def _unit(plays: csr_array) -> csr_array:
    norms = np.sqrt(np.asarray(plays.multiply(plays).sum(axis=1)).ravel())
    return csr_array((plays.data / np.repeat(norms, np.diff(plays.indptr)), plays.indices, plays.indptr), plays.shape)


def _cosines(columns_of: csr_matrix, most: int) -> tuple[csr_array, float]:
    """The table of the most similar columns, and the seconds it took."""
    from implicit.nearest_neighbours import CosineRecommender
    from implicit.utils import ParameterWarning

    model = CosineRecommender(K=most + 1)
    begun = time.process_time()
    with warnings.catch_warnings():  # it converts what it has made itself, and says so each time
        warnings.simplefilter("ignore", ParameterWarning)
        model.fit(columns_of, show_progress=False)
    return csr_array(model.similarity), time.process_time() - begun


def _first(near: csr_array, most: int) -> csr_array:
    """The `most` largest of each row."""
    rows = np.repeat(np.arange(near.shape[0]), np.diff(near.indptr))
    order = np.lexsort((-near.data, rows))
    kept = order[np.arange(len(order)) - near.indptr[rows] < most]
    return csr_array((near.data[kept], (rows[kept], near.indices[kept])), shape=near.shape)


def _lists(weights: csr_array, table: csr_array, heard: csr_array) -> tuple[np.ndarray, float]:
    """(rows, LENGTH) of the largest of `weights @ table` that are not heard, and the seconds it took."""
    begun = time.process_time()
    made = np.full((weights.shape[0], LENGTH), metrics.NONE, np.int64)
    for start in range(0, len(made), _BLOCK):
        scores = csr_array(weights[start : start + _BLOCK] @ table)
        for row in range(scores.shape[0]):
            songs, values = (
                part[scores.indptr[row] : scores.indptr[row + 1]] for part in (scores.indices, scores.data)
            )
            own = heard.indices[heard.indptr[start + row] : heard.indptr[start + row + 1]]
            if len(songs) > LENGTH + len(own):
                some = np.argpartition(-values, LENGTH + len(own))[: LENGTH + len(own)]
                songs, values = songs[some], values[some]
            free = ~np.isin(songs, own)
            found = songs[free][np.argsort(-values[free], kind="stable")][:LENGTH]
            made[start + row, : len(found)] = found
    return made, time.process_time() - begun


def _best(lists: Callable[[int], tuple[np.ndarray, float]], wanted: csr_array, people: int) -> dict:
    """Of the numbers of neighbours the one of the best NDCG@10."""
    found = []
    for most in NEIGHBOURS:
        made, seconds = lists(most)
        found.append(_quality(made, wanted) | {"lists": seconds * people / len(made), "neighbours": most})
    return max(found, key=lambda each: each["ndcg@10"]["mean"])


def _quality(lists: np.ndarray, wanted: csr_array) -> dict:
    measured = metrics.per_user(lists, wanted, np.zeros(len(lists), np.int64))
    return {name: metrics.mean(measured[name]) for name in ("ndcg@10", "recall@50")}


if __name__ == "__main__":
    sys.exit(main())
