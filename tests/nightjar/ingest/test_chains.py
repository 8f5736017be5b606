"""Ogg streams one after the other: decoded whole, also where the codec, the rate or the channels change."""

from __future__ import annotations

import numpy as np
import pytest

from nightjar import decoding
from nightjar.ingest import judge
from nightjar.ingest.judge import Reject
from tests.corpus.binary import ogg_pages
from tests.nightjar.ingest.made import probed, sound, why_not

HIGH = "sine=880:duration=4"
OTHERS = {
    "channels": ("ogg", "-c:a", "libvorbis", "-ac", "2"),
    "rate": ("ogg", "-c:a", "libvorbis", "-ar", "22050"),
    "codec": ("opus", "-ac", "1"),
    "flac": ("oga", "-c:a", "flac", "-ar", "32000"),
}


@pytest.mark.parametrize("extension", ["ogg", "opus"])
def test_a_chain_in_which_nothing_changes(tmp_path, extension):
    assert probed(tmp_path, sound(extension) * 2).duration_s == pytest.approx(8.0, abs=0.1)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("lead", [b"", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)], ids=["plain", "tagged"])
def test_what_follows_a_change_is_decoded_too(tmp_path, other, lead):
    first, second = sound("ogg", "-c:a", "libvorbis"), sound(*other, source=HIGH)
    found = probed(tmp_path, lead + first + second + second + first)
    assert judge.sound(found) is None
    assert (found.container, found.codec, found.channels) == ("ogg", "vorbis", 1)
    assert found.duration_s == pytest.approx(16.0, abs=0.2)
    samples = bytearray()
    heard = decoding.decode(tmp_path / "upload", samples.extend, "ogg")
    assert len(samples) == round(heard.seconds * decoding.RATE) * decoding.FRAME_BYTES
    mono = np.frombuffer(bytes(samples), "<f4").reshape(-1, 2).mean(axis=1)
    second = decoding.RATE
    pitches = [_pitch(mono[at * second : (at + 1) * second]) for at in (1, 5, 9, 13)]
    assert pitches == pytest.approx([440, 880, 880, 440], abs=3)
    assert heard.frames > 4 * probed(tmp_path, first).frames / 2


def test_a_chain_that_changes_all_the_time_is_not_read(tmp_path):
    two = sound("ogg", "-c:a", "libvorbis") + sound("ogg", "-c:a", "libvorbis", "-ac", "2")
    said = "Its codec, rate or channels change more than 15 times"
    assert probed(tmp_path, two * 20) == Reject("unsupported_format", said)


def test_what_cannot_be_read_behind_a_change_is_said(tmp_path):
    broken = sound("ogg", "-c:a", "libvorbis", "-ac", "2")
    head = sum(27 + len(lacing) + len(body) for body, lacing, *_ in list(ogg_pages(broken))[:1])
    found = probed(tmp_path, sound("ogg", "-c:a", "libvorbis") + broken[:head])
    assert found.reason == "unreadable"
    assert found.detail.startswith("After 4.0 s: ")


def test_the_longest_song_is_counted_over_all_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_DURATION_S", 6.0)
    monkeypatch.setattr(judge, "MAX_DURATION_S", 6.0)
    found = probed(tmp_path, sound("ogg", "-c:a", "libvorbis") + sound("ogg", "-c:a", "libvorbis", "-ac", "2"))
    assert (found.duration_s, why_not(found)) == (pytest.approx(7.0), "too_long")


def _pitch(samples: np.ndarray) -> float:
    """Hz of the strongest frequency of a second."""
    return float(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * decoding.RATE / len(samples))
