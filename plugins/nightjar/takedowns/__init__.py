"""Takedowns: songs and users that are to be forgotten, and how every trace of them is removed."""
