"""Measuring the pipeline on songs with a known truth: altered copies, the real stages, precision and recall."""
