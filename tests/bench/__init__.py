"""Benchmarks: figures with a named alternative in the same run. Never run by the tests."""
