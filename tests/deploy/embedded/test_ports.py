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


def test_this_machine_is_reached_past_a_proxy():
    made = ports.past_proxies({"no_proxy": "intern.example"})
    assert made == dict.fromkeys(("no_proxy", "NO_PROXY"), "intern.example,127.0.0.1,localhost")
    assert ports.past_proxies({})["NO_PROXY"] == "127.0.0.1,localhost"
