"""The picture of a pair: its numbers on prints made to measure, and that a picture is there and has content."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nightjar.duplicates import picture
from nightjar.duplicates.match import WORD_S
from nightjar.duplicates.picture_data import (
    CHANCE_BITS,
    LINES,
    PARTS,
    Excerpt,
    PictureData,
    matrix,
    part_shown,
    rate_of,
    spans_of,
    words_at,
)
from nightjar.errors import NightjarError
from nightjar.thresholds import PRINT_SPEEDS
from tests.nightjar.duplicates.made import song, words, worse

A = words(1, 200)
DATA = PictureData(
    a="alpha",
    b="beta",
    title="beta is a duplicate of alpha ($5 to $6)",
    part="mix",
    matrix=matrix(A, worse(A[20:], 0.05)),
    spans=spans_of([{"a_s": 2.5, "b_s": 0.0, "seconds": 20.0, "similarity": 0.95}], 1.0),
    scores={"mix": 0.95, "accompaniment": 0.7, "vocals": None},
    decided_by=frozenset({"mix"}),
)


def excerpt(seed: int, start_s: float) -> Excerpt:
    return Excerpt(np.random.default_rng(seed).random((600, 96), np.float32), start_s, 10.0)


def pixels(path) -> np.ndarray:
    from matplotlib import image

    return image.imread(path, format="png")[..., :3]


def test_a_cell_has_the_wrong_bits_of_two_words():
    a, b = np.array([0b0000, 0b1111, 0xFFFFFFFF], np.uint32), np.array([0b0001, 0b0111], np.uint32)
    made = matrix(a, b)
    assert made.errors.tolist() == [[1, 3, 31], [3, 1, 29]]
    assert (made.a_s, made.b_s) == (pytest.approx(3 * WORD_S), pytest.approx(2 * WORD_S))


def test_a_copy_is_a_diagonal_at_its_offset():
    errors = matrix(A, A[50:120]).errors
    assert errors.shape == (70, 200)
    assert not np.diagonal(errors, 50).any()
    assert errors.mean() > 12


@pytest.mark.parametrize("offset", [0, 1, 2, 501, 1003])
def test_blocks_of_a_long_song_keep_the_diagonal_wherever_it_begins(offset):
    a = words(2, 3001)
    b = worse(a[offset:], 0.1)
    errors = matrix(a, b, most=300).errors
    block = 11
    assert errors.shape == (-(-len(b) // block), -(-len(a) // block))
    assert max(errors.shape) <= 300
    rows = np.arange(len(errors) - 1)
    there = errors[rows, rows + offset // block]
    there = np.minimum(there, errors[rows, np.minimum(rows + -(-offset // block), errors.shape[1] - 1)])
    assert there.max() < 9
    assert np.median(errors) > 10


def test_the_end_of_a_is_neither_agreement_nor_disagreement():
    a = np.zeros(5, np.uint32)
    errors = matrix(a, np.full(4, 0xFFFFFFFF, np.uint32), most=2).errors
    assert errors.shape == (2, 2)
    assert errors[0].tolist() == [32, CHANCE_BITS]


def test_nothing_to_compare_is_an_empty_matrix():
    assert matrix(A, A[:0]).errors.size == matrix(A[:0], A).errors.size == 0


def test_a_faster_song_lies_on_its_own_seconds():
    slowed = matrix(A, A, 1.25)
    assert slowed.b_s == pytest.approx(slowed.a_s / 1.25)
    [span] = spans_of([{"a_s": 10.0, "b_s": 4.0, "seconds": 5.0, "similarity": 0.9}], 1.25)
    assert (span.a_end_s, span.b_end_s) == (15.0, 8.0)


def test_a_rate_is_told_by_the_pitch_alone():
    assert [rate_of(pitch) for pitch in (0.0, 0.84, -0.54, 0.01)] == [1.0, 1.05, 0.97, 1.0]


def test_the_words_at_another_pitch_are_asked_for_where_there_are_any():
    plain = song(1, 100)
    fast = replace(plain, speeds=[song(2 + number, 100) for number in range(len(PRINT_SPEEDS))])
    assert words_at(fast, "mix", 1.0)[0] is fast.mix
    assert words_at(plain, "mix", 1.05) == (plain.mix, 1.0)
    found, rate = words_at(fast, "accompaniment", 1.05)
    assert (found is fast.speeds[PRINT_SPEEDS.index(5)].accompaniment, rate) == (True, 1.05)
    assert words_at(fast, "mix", 1.5) == (fast.mix, 1.0)


@pytest.mark.parametrize(
    ("decided", "part"),
    [({"accompaniment"}, "accompaniment"), ({"mix", "accompaniment"}, "mix"), (set(), "mix")],
)
def test_what_is_shown_is_what_decided(decided, part):
    assert part_shown(frozenset(decided)) == part


def test_every_part_has_a_threshold():
    assert list(LINES) == list(PARTS)
    assert all(0.5 < line < 1 for lines in LINES.values() for line in lines.values())


def test_a_picture_is_written_with_and_without_sound(tmp_path):
    target = tmp_path / "pair.png"
    picture.draw(replace(DATA, note="without spectrograms: there is $no$ environment"), target)
    small = pixels(target)
    picture.draw(replace(DATA, excerpts=[excerpt(1, 2.5), excerpt(2, 0.0)]), target)
    large = pixels(target)
    assert large.shape[0] > small.shape[0] >= 600
    assert small.shape[1] >= 1000
    assert min(small.std(), large.std()) > 0.1
    red = (large[..., 0] > 0.75) & (large[..., 1] < 0.4) & (large[..., 2] < 0.5)
    assert red[: small.shape[0] // 2].sum() > 500, "the span is drawn"
    assert [each.name for each in tmp_path.iterdir()] == ["pair.png"]


def test_the_same_pair_gives_the_same_bytes(tmp_path):
    for name in ("one.png", "other.png"):
        picture.draw(DATA, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_songs_without_a_print_have_a_picture_that_says_so(tmp_path):
    scores = dict.fromkeys(PARTS)
    picture.draw(replace(DATA, matrix=matrix(A, A[:0]), spans=[], scores=scores), tmp_path / "pair.png")
    assert pixels(tmp_path / "pair.png").std() > 0.01


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    with pytest.raises(NightjarError, match=r"cannot be written to .*missing.*--out"):
        picture.draw(DATA, tmp_path / "missing" / "pair.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(NightjarError, match="cannot be written"):
        picture.draw(DATA, tmp_path / "folder.png")
    assert [each.name for each in tmp_path.iterdir()] == ["folder.png"]

    def fails(figure, target, **options):
        target.write_bytes(b"half a picture")
        raise RuntimeError("no memory")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fails)
    with pytest.raises(RuntimeError):
        picture.draw(DATA, tmp_path / "pair.png")
    assert [each.name for each in tmp_path.iterdir()] == ["folder.png"]
