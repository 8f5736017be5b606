"""The demo: a small catalogue of composed songs with planted duplicates, and listeners with tastes."""
