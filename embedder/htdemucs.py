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
_GPU_BATCH = 8
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
    """The trained network, deterministic. Called with segments it gives their vocals.

    It runs on a GPU where torch sees one, else on the CPU. `batch` is how many segments one pass takes: a GPU is kept
    busy by several, a core by one. Matrix products and convolutions are computed in half precision where the processor
    does that itself: bfloat16 on the CPU, float16 on a GPU. STFTs and sums stay in float32. On the MUSDB18 excerpts it
    costs 0.007 dB SDR and takes 0.6 of the time.
    """

    def __init__(self, state: State, threads: int = 1, half: bool | None = None) -> None:
        torch.set_num_threads(threads)
        _keep_freed_memory()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.batch = _GPU_BATCH if self._device.type == "cuda" else 1
        self.half = computes_in_half(self._device) if half is None else half
        self._network = empty_network()
        self._network.load_state_dict(state)
        self._network.eval().to(self._device)
        _keep_vocals(self._network)

    def __call__(self, segments: np.ndarray) -> np.ndarray:
        """`segments` and result: (n, 2, signal.SEGMENT) float32, normalised as `separate.py` does."""
        half = torch.float16 if self._device.type == "cuda" else torch.bfloat16
        given = torch.from_numpy(np.ascontiguousarray(segments)).to(self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, half, enabled=self.half):
            return self._network(given)[:, 0].float().cpu().numpy()


def computes_in_half(device: torch.device) -> bool:
    """Whether the processor multiplies in half precision itself; where it is emulated, it costs more than float32."""
    if device.type == "cuda":
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


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
