"""Measuring recommendations on recorded plays: what people play later, ranked by the nightly code and by others."""
