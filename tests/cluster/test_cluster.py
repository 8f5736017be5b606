"""The cluster itself: where it listens, and that it starts again after a power cut."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from deploy.embedded import processes
from nightjar.vectors.store import VectorStore
from tests.cluster.readers import DAYS, DIMENSION, Songs

_LISTENS = "0A"
_LOOPBACK = {socket.inet_aton("127.0.0.1"), bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1")}


def listening(pids: set[int]) -> Iterator[bytes]:
    """The addresses that these processes listen on, as in /proc/net/tcp."""
    own = set()
    for pid in pids:
        with suppress(FileNotFoundError):
            own |= {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTENS and f"socket:[{inode}]" in own:
                words = local.split(":")[0]
                yield b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))


def test_every_process_listens_on_the_loopback_interface_alone(cluster):
    ours = {process.pid for process in processes.marked(f"{cluster.data}:")}
    assert len(ours) >= len(cluster.services)
    found = list(listening(ours))
    assert len(found) >= len(cluster.services)
    assert set(found) <= _LOOPBACK


def test_after_a_power_cut_it_starts_again_with_all_that_it_had(settings, milvus, whole):
    songs = Songs(per_day=20)
    with VectorStore(settings) as store:
        store.ensure(DIMENSION)
        for day in DAYS:
            store.upsert("tracks", songs.rows(day))
    for process in processes.marked(f"{whole.data}:"):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    begun = time.monotonic()
    whole.up()
    ready = time.monotonic() - begun
    with VectorStore(settings) as store:
        found = store.vectors_of(songs.names)
        assert store.count() == len(songs.names)
    print(f"ready again after {ready:.1f} s, with all vectors after {time.monotonic() - begun:.1f} s")
    assert np.allclose(np.stack([found[each] for each in songs.names]), songs.vectors, atol=1e-6)
