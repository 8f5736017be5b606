"""The CNN's input: log mel spectrogram patches of a stored stem, as `musicnn.extractor.batch_data` makes them (Pons
2018).

Only the rounding to float16 is left out that musicnn does on the way: its range ends at loud music. The stem is read
piece by piece; a patch has the same values as if the whole song had been transformed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from embedder import signal, stems


def patches(stem: Path) -> Iterator[np.ndarray]:
    """All patches of a stem in order, in batches of (up to signal.BATCH, signal.PATCH_FRAMES, signal.N_MELS), float32.

    There is at least one: a stem that is a little shorter than a patch is followed by silence.
    """
    samples = soundfile.info(stem).frames
    starts = patch_starts(samples)
    for batch in (starts[first : first + signal.BATCH] for first in range(0, len(starts), signal.BATCH)):
        mel = log_mel(_around(stem, samples, batch[0], batch[-1] - batch[0] + signal.PATCH_FRAMES))
        yield np.stack([mel[at : at + signal.PATCH_FRAMES] for at in (start - batch[0] for start in batch)])


def spectrogram(stem: Path, block: int) -> Iterator[np.ndarray]:
    """The log mel spectrogram of a whole stem, `block` frames at a time: (up to block, signal.N_MELS), float32."""
    samples = soundfile.info(stem).frames
    total = 1 + samples // signal.HOP
    for first in range(0, total, block):
        yield log_mel(_around(stem, samples, first, min(block, total - first)))


def patch_starts(samples: int) -> list[int]:
    """The frames where the patches of a stem of so many samples begin: one after the other, and where more than half of
    one is left then, a last one that ends with the song. There is at least one."""
    frames = 1 + samples // signal.HOP
    whole, left = divmod(frames, signal.PATCH_FRAMES)
    starts = [number * signal.PATCH_FRAMES for number in range(max(1, whole))]
    return [*starts, frames - signal.PATCH_FRAMES] if whole and left > signal.PATCH_FRAMES // 2 else starts


def log_mel(samples: np.ndarray) -> np.ndarray:
    """log10(10000 x mel power + 1) of every whole FFT window in `samples`, shape (frames, signal.N_MELS), float32."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=samples, sr=signal.STEM_RATE, n_fft=signal.N_FFT, hop_length=signal.HOP, n_mels=signal.N_MELS, center=False
    )
    return np.log10(np.float32(signal.LOG_GAIN) * power.T + np.float32(1))


def _around(stem: Path, samples: int, first_frame: int, frames: int) -> np.ndarray:
    """The samples that mel frames `first_frame` and following are computed from: frames are centred, silence lies
    around."""
    begin = first_frame * signal.HOP - signal.N_FFT // 2
    end = begin + (frames - 1) * signal.HOP + signal.N_FFT
    inside = stems.read(stem, max(begin, 0), min(end, samples) - max(begin, 0))
    return np.pad(inside, (max(-begin, 0), max(end - samples, 0)))
