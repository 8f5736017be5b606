"""Ports: the same again where they are free, others where they are taken."""

from __future__ import annotations

import socket

from deploy.embedded import ports


def test_ports_stay_the_same_until_somebody_takes_one():
    first = ports.choose(["a", "b"], {})
    assert len(set(first.values())) == 2
    assert ports.choose(["a", "b"], first) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["a"]))
        other.listen()
        assert ports.answers(first["a"])
        second = ports.choose(["a", "b"], first)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
