"""Duplicates, fragments and covers: candidates by vector, verdicts by fingerprint, groups by complete linkage."""
