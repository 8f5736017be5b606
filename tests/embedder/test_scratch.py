from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

from embedder import scratch

HOLD = """
import time
from embedder import scratch
with scratch.folder() as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_only_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", HOLD], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        theirs = tmp_path / process.stdout.readline().strip()
        (theirs / "mix.raw").write_bytes(bytes(1000))
        old = time.time() - 3600
        os.utime(theirs / "lock", (old, old))
        with scratch.folder() as ours:
            assert theirs.exists()
            assert ours.parent == tmp_path
        assert not ours.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert theirs.exists()
    with scratch.folder():
        assert not theirs.exists()
