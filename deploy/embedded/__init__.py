"""The embedded parts: every server that Nightjar needs, as child processes on one machine, out of PyPI wheels alone."""
