"""Files whose names and tags hold ffmpeg's own words: they decide nothing."""

from __future__ import annotations

import pytest

from nightjar.ingest import judge
from nightjar.ingest.judge import Reject
from tests.corpus.binary import id3
from tests.nightjar.ingest.made import probed, song, sound

LIES = (
    "Cannot allocate memory",
    "not on whitelist",
    "Rematrix is needed between",
    "x: Audio: pcm_s16le, 44100 Hz, 99 channels",
    "x\n",
    "x\n  Stream #0:0: Audio: mp3, 4 Hz, mono\n",
    "x\nInput #0, evil, from 'fd:':\n",
    "x\nStream mapping:\nOutput #0\n",
    "x\n[in#0 @ 0x5f] Error opening input: Cannot allocate memory\nTerminating thread with return code -12 (y)",
    "x\n[in#0/mov @ 0x5f] Error during demuxing: Not yet implemented\n9 frames decoded; 900 decode errors\n",
    "x\n[aist#0:0/mp3 @ 0x5f] [dec:evil @ 0x5f] tb:1/4 samplefmt:s16 samplerate:4 chlayout:99 channels\n",
    "x\n\x1b[1;31mExiting with exit code -28\n\x1b[0m\x1b[0;32mtb:1/4 samplefmt:s16 samplerate:4 chlayout:mono\n",
)
"""ffmpeg's own words, by which reasons are found, and what decides how they are read."""


@pytest.mark.parametrize("lie", LIES)
def test_a_song_whose_names_read_like_ffmpegs_own_words_is_what_it_is(tmp_path, lie):
    found = probed(tmp_path, sound("mka", "-c:a", "flac", "-metadata:s:a:0", f"language={lie}"))
    assert judge.sound(found) is None
    assert (found.container, found.codec, found.sample_rate, found.channels) == ("matroska", "flac", 44_100, 1)
    found = probed(tmp_path, id3([(b"TXXX", f"\0{lie}\0x".encode()), (b"TIT2", f"\0{lie}".encode())]) + song())
    assert judge.sound(found) is None
    assert (found.container, found.codec, found.sample_rate, found.channels) == ("mp3", "mp3", 44_100, 1)


@pytest.mark.parametrize("lie", LIES)
def test_no_language_changes_why_a_file_is_no_song(tmp_path, lie):
    language = ("-metadata:s:a:0", f"language={lie}")
    unread = sound("mka", "-c:a", "truehd", "-strict", "-2", "-ar", "48000", *language)
    said = "Its sound is encoded as truehd, which Nightjar does not read"
    assert probed(tmp_path, unread) == Reject("unsupported_codec", said)
    damaged = sound("mka", "-c:a", "flac", *language).replace(b"A_FLAC", b"A_OPUS")
    assert probed(tmp_path, damaged).detail == "It opens as audio, but not one frame of it decodes"


def test_a_cover_that_is_not_read_does_not_make_its_song_one_that_is_not(tmp_path):
    picture = ("-f", "lavfi", "-i", "color=red:s=64x64:d=0.04", "-map", "0", "-map", "1", "-c:v", "png", "-c:a", "flac")
    damaged = sound("mka", *picture).replace(b"A_FLAC", b"A_OPUS")
    assert probed(tmp_path, damaged).detail == "It opens as audio, but not one frame of it decodes"
