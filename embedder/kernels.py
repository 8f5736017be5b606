"""`python -m embedder.kernels`: have everything compiled that the embedder needs, librosa's functions too.

`make install` and the recipe of the image run it, the latter with NUMBA_CACHE_DIR=BUILT.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

BUILT = Path(__file__).resolve().parents[1] / "compiled"
"""Where the image has it, in which its user may not write."""


def bring() -> None:
    """Copy what the image has compiled to NUMBA_CACHE_DIR, before numba looks there."""
    own = os.environ.get("NUMBA_CACHE_DIR")
    if own and BUILT.is_dir():
        from nightjar import compiled

        compiled.bring(BUILT, Path(own))


def main() -> None:
    begun = time.process_time()
    import numpy as np

    from embedder import fingerprint, mel, signal  # with signatures, the functions of our own compile as they load

    assert fingerprint
    mel.log_mel(np.zeros(signal.N_FFT, np.float32))
    print(f"compiled what the embedder computes: {time.process_time() - begun:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
