"""ffmpeg in its cage: what it can reach, what ends it, and whose fault that is."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nightjar import decoding, ffmpeg
from nightjar.errors import NightjarError
from nightjar.ffmpeg import Ended, Unfit, check
from nightjar.ffmpeg_log import OWN, Log
from tests.nightjar.ingest.made import song, sound

PLUGINS = Path(ffmpeg.__file__).parents[1]
NOISE = ("-f", "lavfi", "-i", "anoisesrc=d=36000", "-f", "f32le", "-fd", "1", "fd:")


def _written(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def _ended(status: int, log: str = "", **how) -> Ended:
    return Ended(status, log, how.get("by_us"), how.get("cpu_s", 0.1), how.get("resident", 0))


def _run(arguments, take, **limits) -> Ended:
    with Path(os.devnull).open("rb") as nothing:
        return ffmpeg.run(ffmpeg.command("-v", "verbose", *arguments), nothing, take, **limits)


def _child() -> int:
    """The process id of the only ffmpeg that this process has started."""
    for _ in range(200):
        for task in Path("/proc/self/task").iterdir():
            for pid in (task / "children").read_text().split():
                if b"ffmpeg" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                    return int(pid)
        time.sleep(0.05)
    raise AssertionError("it never started")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_kill_from_outside_is_no_fault_of_the_file(by):
    killer = threading.Timer(0, lambda: os.kill(_child(), by))

    def take(data: bytes) -> bool:
        if not killer.ident:
            killer.start()
        return True

    ended = _run(NOISE, take)
    killer.join()
    with pytest.raises(NightjarError, match="from outside") as raised:
        check(ended, lambda: pytest.fail("it is not run again"))
    assert not isinstance(raised.value, Unfit)


def test_work_that_no_sound_explains_is_ended_and_is_due_to_the_bytes():
    ended = _run(NOISE, lambda data: True, allowed=lambda given: 0.3)
    assert ended.by_us == ffmpeg.CPU
    with pytest.raises(Unfit, match="too_costly"):
        check(ended, lambda: ended)


def test_a_machine_that_gives_no_processor_is_at_fault(monkeypatch):
    monkeypatch.setattr(ffmpeg, "DECODE_WALL_S", 0.0)
    with pytest.raises(NightjarError, match="too busy") as raised:
        _run(NOISE, lambda data: True)
    assert not isinstance(raised.value, Unfit)


def test_a_full_disk_is_no_fault_of_the_file():
    with Path("/dev/full").open("wb") as full:
        ended = _run(NOISE, full, largest=2**30)
    with pytest.raises(NightjarError, match="No space left") as raised:
        check(ended, lambda: ended)
    assert not isinstance(raised.value, Unfit)


def test_a_crash_is_tried_again():
    crashed = _ended(-signal.SIGSEGV)
    with pytest.raises(Unfit, match="SIGSEGV"):
        check(crashed, lambda: crashed)
    with pytest.raises(NightjarError, match="crashed once") as raised:
        check(crashed, lambda: _ended(0))
    assert not isinstance(raised.value, Unfit)


@pytest.mark.parametrize(
    "place",
    [
        *(f"ulimit -v {kilobytes}" for kilobytes in (5_000, 14_000, 30_000, 100_000, 500_000)),
        *(f"ulimit -n {files}" for files in (3, 5, 8)),
        "exit 1",
        "kill -SEGV $$",
    ],
)
def test_a_place_where_it_cannot_run_is_no_fault_of_the_file(monkeypatch, tmp_path, place):
    narrow = tmp_path / "python"
    narrow.write_text(f'#!/bin/sh\n{place}\nexec {sys.executable} "$@"\n')
    narrow.chmod(0o755)
    monkeypatch.setattr(ffmpeg.sys, "executable", str(narrow))
    with pytest.raises(NightjarError, match="does not start") as raised:
        _run(("-f", "lavfi", "-i", "anoisesrc=d=1", "-f", "f32le", "-fd", "1", "fd:"), lambda data: True)
    assert not isinstance(raised.value, Unfit)


def test_no_memory_is_due_to_the_limit_only_where_the_machine_has_some(monkeypatch):
    refused = _ended(244, "Exiting with exit code -12")
    with pytest.raises(Unfit, match="too_costly: ffmpeg needs more than 1024 MiB of memory to read it"):
        check(refused, lambda: refused)
    monkeypatch.setattr(ffmpeg, "DECODE_MEMORY_BYTES", 2**62)  # more than any machine has
    with pytest.raises(NightjarError, match="no memory left") as raised:
        check(refused, lambda: refused)
    assert not isinstance(raised.value, Unfit)


def test_too_few_processes_or_files_are_faults_of_the_place():
    for status, code in ((245, -11), (232, -24)):
        with pytest.raises(NightjarError) as raised:
            check(_ended(status, f"Exiting with exit code {code}"), lambda: None)
        assert not isinstance(raised.value, Unfit)


def test_what_it_says_is_kept_in_bounds_and_tags_are_not_kept():
    log = Log()
    for number in range(10_000):
        log.add(b"line %d " % number + b"x" * 5000 + b"\n    title : Exiting with exit code -12\n")
    log.end()
    assert len(str(log)) < 500_000
    assert "title" not in str(log)
    assert "line 0 " in str(log)
    assert "line 9999 " in str(log)


def test_what_the_file_is_is_kept_wherever_it_stands_in_the_log():
    log = Log()
    said = [(b"in#0/mp3 @ 0x5f", b"EOF"), (b"aist#0:7/mp3 @ 0x5f", b"[dec:mp3float @ 0x5f] "), (b"", b"tb:1/9 ")]
    noise = [b"[png] cover, [aist#0:7/aac @ 0x5f] [dec:aac @ 0x5f] ", b"tb:1/4 samplefmt:s16"] * 1000
    for prefix, text in said:
        log.add(b"\n".join(noise) + b"\n\x1b[0;35m[" + prefix + b"] \x1b[0m\x1b[0;39m" + text + b"\n\x1b[0m")
    log.add(b"\n".join(noise) + b"\n")
    assert all(f"{OWN}[{prefix.decode()}] {OWN}{text.decode()}" in str(log) for prefix, text in said)


def test_it_ends_with_its_parent(tmp_path):
    code = (
        "import os, sys\nfrom nightjar import ffmpeg\n"
        f"with open(os.devnull, 'rb') as n: ffmpeg.run(ffmpeg.command(*{NOISE!r}), n, lambda d: True)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env={"PYTHONPATH": str(PLUGINS)})
    pid = None
    while pid is None:
        assert parent.poll() is None
        for child in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split():
            if b"ffmpeg" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]:
                pid = int(child)
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.02)
    raise AssertionError("it goes on without its parent")


def test_the_cage_has_limits_and_neither_secrets_nor_a_network(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found: dict[str, object] = {}

    def take(data: bytes) -> bool:
        pid = _child()
        found["environment"] = Path(f"/proc/{pid}/environ").read_bytes()
        found["network"] = str(Path(f"/proc/{pid}/ns/net").readlink())
        for name in ("AS", "CPU", "FSIZE", "NOFILE", "CORE"):
            found[name] = resource.prlimit(pid, getattr(resource, f"RLIMIT_{name}"))[1]
        return False

    assert _run(NOISE, take).by_us == ffmpeg.ENOUGH
    assert b"secret" not in found["environment"]
    assert (found["AS"], found["FSIZE"], found["NOFILE"], found["CORE"]) == (ffmpeg.DECODE_MEMORY_BYTES, 0, 64, 0)
    assert 0 < found["CPU"] < 1000
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0:
        assert found["network"] != str(Path("/proc/self/ns/net").readlink())


PLAYLISTS = (
    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nfile://{decoy}\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nhttp://127.0.0.1:{port}/x.ts\n",
    "ffconcat version 1.0\nfile {decoy}\n",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>http://127.0.0.1:{port}/</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
)


@pytest.mark.parametrize("playlist", PLAYLISTS)
@pytest.mark.parametrize("container", [None, "mp3", "mov", "matroska"])
def test_a_playlist_that_goes_on_as_a_song_opens_nothing_else(tmp_path, playlist, container):
    """Neither a file of the machine nor an address, whatever it is named and told to be."""
    decoy = _written(tmp_path / "decoy.wav", sound("wav", source="sine=1000:duration=9"))
    os.utime(decoy, (1, 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        said = playlist.format(decoy=decoy, port=listener.getsockname()[1]).encode()
        upload = _written(tmp_path / "x.m3u8", said + bytes(4096) + song())
        got = bytearray()
        try:
            heard = decoding.decode(upload, got.extend, container)
        except Unfit:
            heard = None
        with pytest.raises(TimeoutError):
            listener.accept()
    assert decoy.stat().st_atime == 1
    if heard is not None:
        assert heard.container == "mp3"
        assert heard.seconds == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("name", ["x.g722", "x.al", "x.sw", "x.jpg", "x.png", "x.aac", "x.txt", "x.m3u8", "x.%03d.mp3"])
def test_the_name_plays_no_part(tmp_path, name):
    heard = decoding.decode(_written(tmp_path / name, song()), lambda data: None)
    assert (heard.container, heard.codec) == ("mp3", "mp3")
    assert heard.seconds == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        *(("mono", 1), ("stereo", 2), ("5.1(side)", 6), ("7.1.4", 12), ("22.2", 24), ("64 channels", 64)),
        *(("2 channels (FL+BR)", 2), ("ambisonic 1", 4), ("hexadecagonal", 16), ("quad", 4), ("odd", 0)),
    ],
)
def test_channels_of_a_layout(layout, channels):
    assert decoding.channels_of(layout) == channels


def test_a_container_that_nobody_knows_is_said():
    with pytest.raises(NightjarError, match="no container 'hls'"):
        decoding.decode(Path("/dev/null"), lambda data: None, "hls")
