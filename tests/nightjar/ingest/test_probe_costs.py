"""What a probe may cost: tags and covers that would take minutes, or gigabytes."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time

import pytest

from nightjar import decoding
from nightjar.ffmpeg import Unfit
from nightjar.ingest import judge
from tests.corpus.binary import comments, flac_with, id3, syncsafe
from tests.nightjar.ingest.made import probed, song, sound, why_not


def _flac_with_comments(count: int) -> bytes:
    return flac_with(sound("flac"), [(4, comments([b"K%d=v" % number for number in range(count)]))])


def test_tags_that_would_take_minutes_are_too_costly(tmp_path):
    assert judge.sound(probed(tmp_path, _flac_with_comments(500))) is None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = probed(tmp_path, _flac_with_comments(80_000))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert why_not(found) == "too_costly"
    said = r"ffmpeg worked for \d+\.\d s, and no sound had come yet: its tags, covers or index take that"
    assert re.fullmatch(said, found.detail)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10  # of processor; it would take 160


def test_sound_that_takes_more_work_than_it_may_is_said_to_be_the_reason(tmp_path, monkeypatch):
    """The first sound may take no work at all; it comes so slowly that ffmpeg is still at it when that is looked at."""
    monkeypatch.setattr(decoding, "_allowed", lambda given: 0.0 if given else 300.0)
    (tmp_path / "upload").write_bytes(sound("wav", source="sine=440:duration=30"))
    with pytest.raises(Unfit) as raised:
        decoding.decode(tmp_path / "upload", lambda data: time.sleep(0.3))
    assert raised.value.reason == "too_costly"
    said = r"ffmpeg worked for \d+\.\d s on the first (\d+\.\d) s of its sound: encode it anew"
    assert 0 < float(re.fullmatch(said, raised.value.detail)[1]) < 30


def test_two_hundred_covers_are_no_obstacle(tmp_path):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(200)
    assert why_not(probed(tmp_path, id3([(b"APIC", b"\0image/png\0\3\0" + picture)] * 200) + song())) is None


PROBE_ON_ITS_OWN = """
import pathlib, sys
from nightjar import ffmpeg
from nightjar.ingest import judge, probe
ended, run, ffmpeg.DECODE_MEMORY_BYTES = [], ffmpeg.run, int(sys.argv[2])
ffmpeg.run = lambda *given: ended.append(run(*given)) or ended[-1]
found = probe.probe(pathlib.Path(sys.argv[1]))
reject = found if isinstance(found, judge.Reject) else judge.sound(found)
print(reject and reject.reason, ended[0].resident)
"""


def test_tags_larger_than_the_memory_that_is_allowed(tmp_path):
    """ffmpeg does without the tag, or without the song; it never takes more.

    A process of its own looks: a child counts the memory of its parent as its own until it becomes ffmpeg.
    """
    limit = 600 * 2**20
    frame = b"TXXX" + syncsafe(250_000_000) + b"\x00\x00"
    with (tmp_path / "upload").open("wb") as file:
        file.write(b"ID3\x04\x00\x00" + syncsafe(250_000_010) + frame)
        for _ in range(250):
            file.write(b"v" * 1_000_000)
        file.write(song())
    said = subprocess.run(
        [sys.executable, "-c", PROBE_ON_ITS_OWN, tmp_path / "upload", str(limit)], capture_output=True, check=True
    )
    reason, resident = said.stdout.decode().split()
    assert reason in ("None", "too_costly")
    assert 0 < int(resident) < limit
