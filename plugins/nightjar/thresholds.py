"""Every threshold of the library, with its meaning and where its value comes from. Pure constants: no imports."""

# --- ingest -------------------------------------------------------------------------------------------------------

# --- the night's gate -----------------------------------------------------------------------------------------------
MAX_REJECT_SHARE = 0.25
"""A night that rejects more than this share of its uploads does not publish: something upstream is broken."""
MIN_REJECTS_TO_STOP = 10
"""Fewer rejects than this never stop a night, so that a small day is not stopped by two bad songs."""

# --- duplicates -----------------------------------------------------------------------------------------------------

# --- recommendations ------------------------------------------------------------------------------------------------
