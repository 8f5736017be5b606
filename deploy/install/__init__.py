"""How Nightjar gets onto a machine: uv, Python 3.11, two locked environments.

Any Python from 3.8 on runs it, with nothing installed.
"""
