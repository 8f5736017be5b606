"""TCP ports on the loopback interface."""

from __future__ import annotations

import os
import random
import socket
import urllib.request
from collections.abc import Iterable, Mapping

_LOWEST, _HIGHEST = map(int, os.environ.get("NIGHTJAR_PORTS", "20000-32000").split("-"))
"""Below the range that the kernel gives to outgoing connections, so that a port stays free between choice and use.
Whoever starts servers side by side gives each a range of its own."""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens addresses on this machine, whatever proxy leads to others."""


def past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which other programs reach this machine directly too, made from those of `environ`."""
    before = environ.get("no_proxy") or environ.get("NO_PROXY")
    value = ",".join(filter(None, [before, "127.0.0.1", "localhost"]))
    return {"no_proxy": value, "NO_PROXY": value}


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose(names: Iterable[str], before: dict[str, int]) -> dict[str, int]:
    """A free port for each name: the one it had before where that is still free, so that addresses stay the same."""
    chosen: dict[str, int] = {}
    for name in names:
        port = before.get(name, 0)
        while port == 0 or port in chosen.values() or not is_free(port):
            port = random.randrange(_LOWEST, _HIGHEST)
        chosen[name] = port
    return chosen
