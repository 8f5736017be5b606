"""The separation network: htdemucs (Rouard, Massa, Defossez 2023) from the `demucs` package, reduced to its vocals.

Importing this imports torch and demucs (2 CPU-s): the pipeline does so only when a song needs separating.
"""

from __future__ import annotations

import ctypes
import hashlib
from fractions import Fraction

import numpy as np
import torch
from demucs.htdemucs import HTDemucs

from embedder import signal

SOURCES = ["drums", "bass", "other", "vocals"]
PARAMETERS_SHA256 = "e06244a92bf298836b8ad4df4a3da40255e403a4b5882d3b07d89115d99ed753"
"""Of every parameter as float16, in the order of their names: the same whatever file they came in."""
State = dict[str, torch.Tensor]
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of mallopt(3)


def empty_network() -> HTDemucs:
    """The network with the published arguments of `htdemucs` (signature 955717e8) and random parameters."""
    return HTDemucs(
        SOURCES, channels=48, depth=4, bottom_channels=512, t_layers=5, dconv_mode=3, segment=Fraction(39, 5)
    )


def parameters_hash(state: State) -> str:
    """SHA-256 of names, shapes and float16 values: it tells the trained parameters from any others."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name} {list(state[name].shape)}\n".encode())
        digest.update(state[name].detach().to(torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()


class Htdemucs:
    """The trained network, on the CPU, deterministic. Called with a segment it gives the segment's vocals."""

    def __init__(self, state: State, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        _keep_freed_memory()
        self._network = empty_network()
        self._network.load_state_dict(state)
        self._network.eval()
        _keep_vocals(self._network)

    def __call__(self, segment: np.ndarray) -> np.ndarray:
        """`segment` and result: (2, signal.SEGMENT) float32, normalised as `separate.py` does."""
        with torch.inference_mode():
            return self._network(torch.from_numpy(np.ascontiguousarray(segment))[None])[0, 0].numpy()


def _keep_freed_memory() -> None:
    """Tell glibc to use freed memory again instead of returning it to the kernel, where there is a glibc.

    A segment takes and frees hundreds of large blocks; fresh pages for each cost a sixth of the time and save nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _keep_vocals(network: HTDemucs) -> None:
    """Cut the last layers of both branches down to the vocals' channels, which changes nothing about the vocals.

    Sources are consecutive blocks of output channels of the last transposed convolution, and nothing follows it that
    mixes them; the inverse STFT of three sources that nobody needs is saved too.
    """
    vocals = SOURCES.index("vocals")
    for layer in (network.decoder[-1].conv_tr, network.tdecoder[-1].conv_tr):
        channels = layer.out_channels // len(SOURCES)
        kept = slice(vocals * channels, (vocals + 1) * channels)
        layer.weight = torch.nn.Parameter(layer.weight[:, kept].detach().clone(), requires_grad=False)
        layer.bias = torch.nn.Parameter(layer.bias[kept].detach().clone(), requires_grad=False)
        layer.out_channels = channels
    network.sources = ["vocals"]
    if int(network.segment * network.samplerate) != signal.SEGMENT:
        raise ValueError(f"htdemucs takes segments of {network.segment} s, not of {signal.SEGMENT} frames")
