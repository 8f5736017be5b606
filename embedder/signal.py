"""Every constant of the signal path, in one place. Changing one that decides a vector changes the models' versions in
`embedding.py`, one that decides a stem changes `SEPARATOR`'s: stored vectors and stems carry these names and are never
mixed."""

from __future__ import annotations

# --- decoding ---------------------------------------------------------------------------------------------------------
RATE = 44_100
"""Hz at which uploads are decoded: what htdemucs was trained on."""
CHANNELS = 2
SILENT_PEAK = 1e-3
"""A song whose loudest sample is below this share of full scale (-60 dBFS) has nothing to hear."""

# --- separation -------------------------------------------------------------------------------------------------------
SEPARATOR = "htdemucs-2"
UNSEPARATED = "none"
"""The name that stands for no separation at all: the accompaniment is the mix, the vocals are silent."""
SEGMENT = 343_980
"""Frames of one pass through htdemucs: 7.8 s, the length it was trained on; it takes no other."""
OVERLAP = 0.1
"""Share of a segment that the next one computes again. On the MUSDB18 excerpts 0.25, demucs's own default, gives vocals
of 10.73 and 12.50 dB SDR, 0.1 gives 10.72 and 12.50, and a sixth fewer segments."""
SEGMENT_SILENCE = 2.0**-15
"""A segment whose loudest sample is below one step of 16 bits is digital silence: it has no vocals."""

# --- stems as they are stored -----------------------------------------------------------------------------------------
STEM_RATE = 16_000
"""Hz of stored stems. It is the CNN's own rate, and Chromaprint listens to 28 to 3520 Hz only, so that one small mono
file serves both without resampling again."""
PART_SILENT_RMS = 1e-3
"""A stem below this RMS (-60 dBFS) is silent and has an empty fingerprint: words of numerical noise mean nothing."""
LEVEL_FLOOR_DB = -120.0
"""What `vocals_db` says of vocals that are not there at all."""

# --- mel spectrogram: MSD_musicnn's, and it must stay so --------------------------------------------------------------
N_FFT = 512
HOP = 256
N_MELS = 96
LOG_GAIN = 10_000.0
"""The network's input is log10(LOG_GAIN x power + 1)."""

# --- the CNNs ---------------------------------------------------------------------------------------------------------
PATCH_FRAMES = 187
"""Mel frames of one patch, 3 s; the next one begins where it ends. Patches that overlap by half find nothing better,
and cost twice as much (docs/models.md)."""
WINDOW_PATCHES = 2
"""Patches averaged in a window's vector, 6 s of audio; the next window begins where it ends."""
BATCH = 4
"""Patches in one pass through the network: memory grows with them, and time does not shrink."""
