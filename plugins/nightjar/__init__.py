"""Nightjar: a day's song uploads become tomorrow's recommendations. See docs/design.md for the map."""
