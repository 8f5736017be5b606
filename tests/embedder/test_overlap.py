"""Steps of songs side by side, without any song."""

from __future__ import annotations

import threading

import pytest

from embedder.overlap import in_turn


class Song:
    def __init__(self, number: int, said: list[str], together: threading.Barrier | None = None) -> None:
        self.number, self.said, self.together = number, said, together
        self.fails = ""

    def _step(self, name: str) -> None:
        self.said.append(f"{name} {self.number}")
        if self.fails == name:
            raise RuntimeError(f"{name} {self.number}")

    def prepare(self) -> None:
        self._step("prepare")
        if self.together and self.number == 2:
            self.together.wait(120)

    def separate(self) -> None:
        assert threading.current_thread() is threading.main_thread()
        self._step("separate")
        if self.together and self.number == 1:
            self.together.wait(120)

    def finish(self) -> None:
        if self.together and self.number == 0:
            self.together.wait(120)
        self._step("finish")


def test_all_songs_in_their_order_each_step_once():
    said = []
    assert [song.number for song in in_turn(Song(number, said) for number in range(5))] == [0, 1, 2, 3, 4]
    for number in range(5):
        own = [each.split()[0] for each in said if each.endswith(f" {number}")]
        assert own == ["prepare", "separate", "finish"]
    assert not list(in_turn([]))


def test_three_songs_are_under_way_at_once():
    together = threading.Barrier(3)  # only passed if song 2 is prepared, 1 separated and 0 finished at one time
    assert len(list(in_turn(Song(number, [], together) for number in range(4)))) == 4


@pytest.mark.parametrize("step", ["prepare", "separate", "finish"])
def test_a_failure_stops_after_what_was_finished(step):
    said = []
    songs = [Song(number, said) for number in range(4)]
    songs[2].fails = step
    done = []
    with pytest.raises(RuntimeError, match=f"{step} 2"):
        done.extend(song.number for song in in_turn(songs))
    assert done == ([0, 1] if step == "finish" else [0])  # song 1 was finished all the same
    assert "finish 1" in said
    assert ("separate 3" in said) == (step == "finish")
