from __future__ import annotations

import numpy as np
import pytest

from embedder import signal, stems
from embedder.decode import Pcm, decode
from embedder.separate import segment_starts, separate

STRIDE = int((1 - signal.OVERLAP) * signal.SEGMENT)


@pytest.mark.parametrize(
    "frames", [1, signal.SEGMENT - 1, signal.SEGMENT, signal.SEGMENT + 1, STRIDE + signal.SEGMENT, 10**7 + 17]
)
def test_segments_cover_the_song_and_none_is_needless(frames):
    starts = segment_starts(frames)
    covered = np.zeros(frames, int)
    for start in starts:
        covered[start : start + signal.SEGMENT] += 1
    assert covered.min() == 1
    assert starts == sorted(set(starts))
    assert starts[-1] + signal.SEGMENT >= frames
    for start in starts:  # without it something would be uncovered
        assert (covered[start : start + signal.SEGMENT] == 1).any()


@pytest.mark.parametrize("seconds", [3.0, 7.8, 7.9, 30.3])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_parts_add_up_and_keep_the_length(pcm_of, noise, seconds, share):
    mix = noise(seconds)
    pieces = list(separate(pcm_of(mix), lambda segment: share * segment))
    accompaniment, vocals = (np.concatenate(part, axis=1) for part in zip(*pieces, strict=True))
    assert accompaniment.shape == vocals.shape == mix.shape
    assert np.allclose(accompaniment + vocals, mix, atol=1e-6)
    # The mean is added again whole: it is the song's offset, and not for the network to divide.
    assert np.allclose(vocals, share * (mix - mix.mean()) + mix.mean(), atol=1e-4)


def test_the_same_as_demucs_where_both_take_the_same_segments(pcm_of, noise):
    import torch
    from demucs.apply import apply_model

    ramp = np.linspace(-1, 2, signal.SEGMENT, dtype=np.float32)  # an answer that depends on the place in the segment

    class Ramp(torch.nn.Module):
        segment, samplerate, sources = 7.8, signal.RATE, ("vocals",)

        def valid_length(self, length: int) -> int:
            return signal.SEGMENT

        def forward(self, mix):
            return (mix * torch.from_numpy(ramp))[:, None]

    mix = noise((2 * STRIDE + signal.SEGMENT) / signal.RATE + 1e-6)
    scaled = torch.from_numpy((mix - mix.mean(0).mean()) / mix.mean(0).std())[None]
    theirs = apply_model(Ramp(), scaled, shifts=0, overlap=signal.OVERLAP)[0, 0].numpy()
    theirs = theirs * mix.mean(0).std() + mix.mean(0).mean()
    ours = np.concatenate([vocals for _, vocals in separate(pcm_of(mix), lambda segment: segment * ramp)], axis=1)
    same = 3 * STRIDE  # from here on demucs adds a segment that hangs over the end
    assert np.allclose(ours[:, :same], theirs[:, :same], atol=1e-4)


def test_digital_silence_is_not_computed(pcm_of, noise):
    mix = noise(60.0)
    mix[:, 10 * signal.RATE : 50 * signal.RATE] = 0
    calls = []
    pieces = list(separate(pcm_of(mix), lambda segment: calls.append(1) or segment))
    vocals = np.concatenate([piece for _, piece in pieces], axis=1)
    assert len(calls) < len(segment_starts(mix.shape[1])) - 3
    assert not vocals[:, 20 * signal.RATE : 40 * signal.RATE].any()


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from embedder import signal, stems
from embedder.decode import Pcm
from embedder.separate import separate
folder, minutes = Path(sys.argv[1]), int(sys.argv[2])
block = np.random.default_rng(1).normal(0, 0.1, (60 * signal.RATE, 2)).astype("<f4")
with (folder / "mix.raw").open("wb") as file:
    for _ in range(minutes):
        block.tofile(file)
stems.write(separate(Pcm(folder / "mix.raw", minutes * 60 * signal.RATE), lambda segment: 0.5 * segment), folder)
stems.levels(stems.Stems.within(folder))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_the_song(tmp_path, python):
    peak_mb = {minutes: float(python(MEMORY, tmp_path, minutes)) for minutes in (1, 10)}
    assert peak_mb[10] < peak_mb[1] + 20  # 10 minutes of raw audio are 212 MB


def sdr(truth: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10((truth**2).sum() / ((truth - estimate) ** 2).sum()))


def test_real_singing_is_separated(network, music, tmp_path):
    folder = sorted((music / "stems").iterdir())[0]
    files = {"mix": "mix.mp3", "vocals": "vocals_true.mp3", "accompaniment": "accompaniment_true.mp3"}
    parts = {}
    for name, file in files.items():
        pcm = decode(folder / file, tmp_path / name)
        parts[name] = pcm.read(5 * signal.RATE, 13 * signal.RATE)
    parts["mix"].T.astype("<f4").tofile(tmp_path / "excerpt")
    pieces = list(separate(Pcm(tmp_path / "excerpt", parts["mix"].shape[1]), network))
    accompaniment, vocals = (np.concatenate(part, axis=1) for part in zip(*pieces, strict=True))
    assert sdr(parts["vocals"], vocals) > 8
    assert sdr(parts["accompaniment"], accompaniment) > 10


def test_stored_stems(pcm_of, noise, tmp_path):
    mix = noise(12.0)
    halves = [(mix[:, :200_000] * 0.25, mix[:, :200_000] * 0.75), (mix[:, 200_000:] * 0.25, mix[:, 200_000:] * 0.75)]
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, pieces in ((one, halves), (two, [(mix * 0.25, mix * 0.75)])):
        folder.mkdir()
        made = stems.write(pieces, folder)
        assert stems.fit(made, 12.0)
        assert not stems.fit(made, 12.1)
    assert (one / "vocals.flac").read_bytes() == (two / "vocals.flac").read_bytes()  # however it was cut into pieces
    rms = stems.levels(made)
    assert rms.vocals == pytest.approx(3 * rms.accompaniment, rel=0.01)
    assert stems.relative_db(rms.vocals, rms.mix) == pytest.approx(20 * np.log10(0.75), abs=0.05)
    assert stems.relative_db(0.0, rms.mix) == signal.LEVEL_FLOOR_DB
    assert len(stems.read(made.vocals)) == pytest.approx(12 * signal.STEM_RATE, abs=2)
    assert np.array_equal(stems.read(made.vocals, 100, 50), stems.read(made.vocals)[100:150])
    (one / "vocals.flac").write_bytes(b"cut off")
    assert not stems.fit(stems.Stems.within(one), 12.0)
