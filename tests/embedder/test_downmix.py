"""Songs in which one channel is the negative of the other, through real decoding, prints and separation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import hilbert

from embedder import downmix, fingerprint, separate, signal, stems
from embedder.decode import Pcm, decode

SECONDS = 40


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    length = min(len(one), len(other))
    return 1 - float(np.bitwise_count(one[:length] ^ other[:length]).sum()) / (32 * length)


@pytest.fixture
def song() -> np.ndarray:
    """Stereo whose channels differ a little, (frames, 2): chords that change, wider on one side than on the other."""
    rng = np.random.default_rng(3)
    times = np.arange(SECONDS * signal.RATE) / signal.RATE
    notes = rng.integers(45, 76, (3, SECONDS * 2))
    voices = [np.sin(2 * np.pi * 440 * 2 ** ((np.repeat(each, signal.RATE // 2) - 69) / 12) * times) for each in notes]
    return 0.2 * np.stack([voices[0] + voices[1] + 0.2 * voices[2], voices[0] + voices[1] - 0.2 * voices[2]], axis=1)


@pytest.fixture
def decoded(tmp_path: Path) -> Callable[[np.ndarray], Pcm]:
    """`decoded(samples)`: (frames, channels), written as a file and decoded."""

    def make(samples: np.ndarray) -> Pcm:
        number = len(list(tmp_path.glob("*.wav")))
        soundfile.write(tmp_path / f"{number}.wav", samples, signal.RATE, subtype="FLOAT")
        return decode(tmp_path / f"{number}.wav", tmp_path / f"{number}.raw")

    return make


def turned(samples: np.ndarray, begin: float = 0, end: float = SECONDS) -> np.ndarray:
    made = samples.copy()
    made[int(begin * signal.RATE) : int(end * signal.RATE), 1] *= -1
    return made


def test_an_inverted_song_is_decoded_as_its_original(song, decoded):
    original, inverted = decoded(song), decoded(turned(song))
    assert (original.turned, inverted.turned) == (False, True)
    assert np.array_equal(inverted.read(0, inverted.frames), original.read(0, original.frames))
    assert np.array_equal(fingerprint.of_mix(inverted), fingerprint.of_mix(original))


@pytest.mark.parametrize(("begin", "end"), [(0, 12), (13.37, 29.01), (30, SECONDS), (18, 21)])
def test_an_inverted_passage_is_heard(song, decoded, begin, end):
    original, inverted = decoded(song), decoded(turned(song, begin, end))
    assert inverted.turned
    assert similarity(fingerprint.of_mix(inverted), fingerprint.of_mix(original)) > 0.97
    away = np.abs(inverted.read(0, inverted.frames) - original.read(0, original.frames)).max(axis=0) > 1e-6
    assert away.mean() < 2 * 0.25 / SECONDS  # around the two changes
    apart = np.flatnonzero(away) / signal.RATE
    assert all(min(abs(second - begin), abs(second - end)) < 0.25 for second in (apart.min(), apart.max()))


def test_a_change_of_polarity_does_not_click(song, decoded):
    inverted = decoded(turned(np.repeat(song[:, :1], 2, axis=1), 10, 25))
    jumps = np.abs(np.diff(inverted.read(0, inverted.frames).mean(axis=0)))
    smooth = np.abs(np.diff(song[:, 0]))
    assert jumps.max() < 1.05 * smooth.max()


def test_a_quiet_beginning_and_a_pause_go_with_the_rest(song, decoded):
    song[: 2 * signal.RATE] *= 1e-4
    song[15 * signal.RATE : 18 * signal.RATE] = 0
    original, inverted = decoded(song), decoded(turned(song))
    assert np.array_equal(inverted.read(0, inverted.frames), original.read(0, original.frames))


def sides(song: np.ndarray) -> dict[str, np.ndarray]:
    rng, left = np.random.default_rng(4), song[:, 0]
    return {
        "stereo": song,
        "mono": np.stack([left, left], axis=1),
        "left alone": np.stack([left, 0 * left], axis=1),
        "right alone": np.stack([0 * left, left], axis=1),
        "uncorrelated": np.stack([left, 0.2 * rng.standard_normal(len(left))], axis=1),
        "turned by 90 degrees": np.stack([left, np.imag(hilbert(left))], axis=1),
        "a short effect": turned(song, 20, 21.5),
    }


@pytest.mark.parametrize("kind", sides(np.zeros((10, 2))))
def test_whatever_keeps_its_sum_is_left_to_the_last_bit(song, decoded, tmp_path, kind):
    given = sides(song)[kind]
    pcm = decoded(given)
    written, _ = soundfile.read(tmp_path / "0.wav", dtype="float32")
    assert not pcm.turned
    assert np.array_equal(pcm.read(0, pcm.frames), written.T)


def test_front_channels_of_six_that_cancel(song, decoded):
    six = np.zeros((len(song), 6))
    six[:, :2] = np.stack([song[:, 0], -song[:, 0]], axis=1)
    pcm = decoded(six)
    assert pcm.turned
    assert np.abs(pcm.read(0, pcm.frames).mean(axis=0)).max() > 0.05


@pytest.mark.parametrize("name", ["sung-31", "sung-32"])
def test_real_songs_with_wide_passages_are_left(music, tmp_path, name):
    folder = music.parent / "sung" / "songs"
    if not folder.is_dir():
        pytest.skip("there are no sung songs beside the music")
    assert not decode(folder / f"{name}.ogg", tmp_path / "raw").turned


@pytest.mark.parametrize("name", ["003.mp3", "059.m4a"])
def test_real_music_inverted_has_its_originals_print(music, decoded, tmp_path, name):
    original = decode(music / "library" / name, tmp_path / "raw")
    assert not original.turned
    again = decoded(turned(original.read(0, original.frames).T.clip(-1, 1)))
    assert similarity(fingerprint.of_mix(again), fingerprint.of_mix(original)) > 0.99


def test_the_network_hears_an_inverted_song_as_its_original(song, decoded):
    def heard(pcm: Pcm) -> np.ndarray:
        given = []
        list(separate.separate(pcm, lambda segments: given.append(segments) or segments))
        return np.concatenate(given)

    assert np.array_equal(heard(decoded(turned(song))), heard(decoded(song)))


def test_rounding_noise_is_not_enlarged_to_music(pcm_of):
    quiet = np.random.default_rng(5).uniform(-2e-5, 2e-5, (2, 10 * signal.RATE)).astype(np.float32)
    quiet[:, 100] = 0.002  # loud enough to count as sound at all
    given = []
    list(separate.separate(pcm_of(quiet), lambda segments: given.append(segments) or segments))
    assert np.std(np.concatenate(given)) < 0.3


def test_stems_that_were_made_of_a_silent_sum_are_made_again(song, decoded, tmp_path):
    inverted = decoded(turned(song))
    (tmp_path / "before").mkdir()
    before = stems.write(separate.unseparated(inverted), tmp_path / "before")
    now = stems.write(separate.unseparated(inverted), tmp_path, inverted.turned)
    assert stems.fit(before, inverted.seconds)
    assert not stems.fit(before, inverted.seconds, inverted.turned)
    assert stems.fit(now, inverted.seconds, inverted.turned)
    assert np.array_equal(stems.read(now.accompaniment), stems.read(before.accompaniment))


def test_blocks_do_not_depend_on_the_pieces(song):
    whole = downmix.powers([song.T])
    pieces = np.array_split(song.T, range(3 * signal.POLARITY_BLOCK, len(song), 7 * signal.POLARITY_BLOCK), axis=1)
    assert np.array_equal(downmix.powers(pieces), whole)
