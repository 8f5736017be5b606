"""A server that would listen on every interface listens on 127.0.0.1."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from deploy.embedded import loopback, processes

_SERVER = """
import socket, time
for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"), (socket.AF_INET, "127.0.0.2")):
    server = socket.socket(family)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind((host, 0))
    server.listen()
    print(server.getsockname()[0], flush=True)
time.sleep(600)
"""


def test_all_interfaces_become_the_loopback_one_and_other_addresses_stay():
    command = [sys.executable, loopback.__file__, sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        said = [server.stdout.readline().strip() for _ in range(3)]
        [watcher] = processes.descendants(processes.identify(server.pid))
        server.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while watcher.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert said == ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"]
    assert not watcher.alive
