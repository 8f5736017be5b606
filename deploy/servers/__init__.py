"""Servers that production runs in place of embedded parts, on one machine without containers: for tests, benchmarks."""
