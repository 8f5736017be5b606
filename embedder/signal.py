"""Every constant of the signal path, in one place. Changing one that decides a vector changes the models' versions in
`embedding.py`, one that decides a stem changes `SEPARATOR`'s: stored vectors and stems carry these names and are never
mixed."""

from __future__ import annotations

from nightjar import decoding

# --- decoding ---------------------------------------------------------------------------------------------------------
RATE = decoding.RATE
"""Hz at which uploads are decoded: what htdemucs was trained on."""
CHANNELS = decoding.CHANNELS
SILENT_PEAK = 1e-3
"""A song whose loudest sample is below this share of full scale (-60 dBFS) has nothing to hear."""

# --- inverted channels ------------------------------------------------------------------------------------------------
POLARITY_BLOCK = RATE // 10
"""Frames, 0.1 s, for which it is decided at a time whether a channel is inverted."""
LOST_SUM = ((20, 0.03), (100, 0.2), (300, 0.4))
"""Windows (blocks) and the share of a channel's power below which the channels' sum has lost the signal in them. The
least seen in 171 pieces of real music and singing: 0.042 in 2 s, 0.252 in 10 s, 0.469 in 30 s, so that none of them is
touched. Uncorrelated channels, and one that is silent or turned by 90 degrees, have 0.5."""
POLARITY_FLOOR = 1e-6
"""Power of a block (-60 dBFS) below which it says nothing about its channels."""
POLARITY_LIMIT = 0.1
"""No block's share counts as nearer than this to 0 or 1, so that none outweighs many."""
POLARITY_CHANGE = 22.0
"""What a change of polarity costs against the blocks' log odds: as much as 1 s of blocks that are quite sure."""

# --- separation -------------------------------------------------------------------------------------------------------
SEPARATOR = "htdemucs-2"
UNSEPARATED = "none"
"""The name that stands for no separation at all: the accompaniment is the mix, the vocals are silent."""
SEGMENT = 343_980
"""Frames of one pass through htdemucs: 7.8 s, the length it was trained on; it takes no other."""
OVERLAP = 0.1
"""Share of a segment that the next one computes again. On the MUSDB18 excerpts 0.25, demucs's own default, gives vocals
of 10.73 and 12.50 dB SDR, 0.1 gives 10.72 and 12.50, and a sixth fewer segments."""
LEAST_DEVIATION = 1e-4
"""A song is not normalised by less than this (-80 dBFS): anything so quiet is rounding noise."""
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
