from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from deploy.demo.catalogue import REJECTS, write_catalogue
from deploy.demo.composition import backing
from deploy.demo.encoding import Encoding, encode
from deploy.demo.songs import CATALOGUE
from deploy.demo.sound import master
from deploy.demo.truth import DAYS, Truth, Upload
from nightjar.errors import NightjarError

WORD_BITS = 32
MIN_OVERLAP = 40  # Chromaprint words, 5 seconds
AGAIN = """
import sys
from pathlib import Path
from deploy.demo.run import Plan
Plan(Path(sys.argv[1])).catalogue()
"""
ACCIDENT = 0.68  # songs that have nothing to do with each other stay below this similarity


def ffmpeg(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path), *arguments]
    return subprocess.run(command, capture_output=True, check=False)


def fingerprint(path: Path) -> np.ndarray:
    """Chromaprint's words of the whole file, uint32."""
    return np.frombuffer(ffmpeg(path, "-f", "chromaprint", "-fp_format", "raw", "-").stdout, "<u4")


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """The best 1 - bit error rate of two fingerprints over all offsets that leave MIN_OVERLAP words."""
    differ = np.unpackbits((one[:, None] ^ other[None, :]).view(np.uint8), axis=1).reshape(len(one), len(other), -1)
    errors = differ.sum(axis=2)
    lines = (errors.diagonal(offset) for offset in range(MIN_OVERLAP - len(one), len(other) - MIN_OVERLAP + 1))
    return 1 - min(line.mean() for line in lines if len(line) >= MIN_OVERLAP) / WORD_BITS


def bodies(directory: Path) -> dict[str, str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def named(truth: Truth) -> dict[str, Upload]:
    return {upload.name: upload for upload in truth.uploads}


def test_every_upload_and_its_listens_are_written(made):
    assert len(bodies(made.directory)) == len(made.truth.uploads) + len(DAYS) + 1  # listens and truth.json


@pytest.mark.services  # half a minute of composing, of which nothing depends on the process
def test_another_process_makes_the_same_bytes(made, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", AGAIN, str(tmp_path)], env=environment, check=True)
    assert bodies(made.directory) == bodies(tmp_path / "catalogue")


@pytest.mark.parametrize("days", [(), DAYS[:2], (DAYS[0], DAYS[0], DAYS[1]), (*DAYS[1:], DAYS[0])])
def test_it_takes_three_days_in_order(tmp_path, days):
    with pytest.raises(NightjarError, match="three days"):
        write_catalogue(tmp_path, days)


def test_truth_is_read_as_it_was_written(made):
    assert Truth.read(made.directory) == made.truth


def test_truth_agrees_with_the_files(made):
    truth = made.truth
    assert truth.known
    for upload in truth.uploads:
        assert (made.directory / upload.key).is_file()
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{10}", upload.track_id)
    assert len({upload.track_id for upload in truth.uploads}) == len(truth.uploads)
    assert {upload.day for upload in truth.uploads} == set(DAYS)
    assert {upload.extension for upload in truth.uploads} == {"mp3", "ogg", "m4a", "opus", "flac", "wav"}


def test_every_style_has_a_song_of_each_day(made):
    seen = {(upload.style, upload.day) for upload in made.truth.accepted}
    styles = {upload.style for upload in made.truth.accepted}
    assert len(styles) == 7
    assert seen == {(style, day) for style in styles for day in DAYS}


def test_metadata_is_partly_missing_and_partly_not_ascii(made):
    titles = [upload.metadata.get("title") for upload in made.truth.accepted]
    assert None in titles
    assert any(title and not title.isascii() for title in titles)
    assert all(upload.metadata["user-id"] for upload in made.truth.uploads)
    assert len({upload.uploader for upload in made.truth.uploads}) >= 8


def test_pairs_are_complete_and_between_uploaders_and_days(made):
    truth = made.truth
    by_id = {upload.track_id: upload for upload in truth.uploads}
    assert Counter(pair.verdict for pair in truth.pairs) == {"duplicate": 3, "fragment": 1, "cover": 1}
    for pair in truth.pairs:
        older, newer = by_id[pair.a], by_id[pair.b]
        assert older.day < newer.day
        assert older.uploader != newer.uploader
    joined = {frozenset((pair.a, pair.b)) for pair in truth.pairs if pair.verdict == "duplicate"}
    members = set().union(*joined)
    assert joined == {frozenset(two) for two in combinations(members, 2)}


def test_the_canonical_track_is_the_oldest(made):
    songs = named(made.truth)
    first, riff = songs["first-snow"].track_id, songs["broken-signal"].track_id
    assert made.truth.canonical == {
        first: first,
        songs["first-snow/reupload"].track_id: first,
        songs["first-snow/copy"].track_id: first,
        riff: riff,
        songs["broken-signal/fragment"].track_id: riff,
    }


def test_the_copy_is_exact_and_the_reupload_is_not(made):
    songs = named(made.truth)
    bytes_of = {name: (made.directory / song.key).read_bytes() for name, song in songs.items()}
    assert bytes_of["first-snow"] == bytes_of["first-snow/copy"]
    assert bytes_of["first-snow"] != bytes_of["first-snow/reupload"]


@pytest.fixture(scope="module")
def fingerprints(made) -> dict[str, np.ndarray]:
    return {upload.track_id: fingerprint(made.directory / upload.key) for upload in made.truth.accepted}


def test_only_planted_songs_sound_the_same(made, fingerprints):
    planted = {frozenset((pair.a, pair.b)): pair.verdict for pair in made.truth.pairs}
    for one, other in combinations(fingerprints, 2):
        likeness = similarity(fingerprints[one], fingerprints[other])
        if planted.get(frozenset((one, other)), "cover") == "cover":  # another voice and tune: its mix differs too
            assert likeness < ACCIDENT, (one, other)
        else:
            assert likeness > 0.9, (one, other)


def test_accompaniments_of_different_songs_differ(tmp_path):
    """What the voice covers in the mix must not match either when it is taken away."""
    found = {}
    for entry in CATALOGUE:
        path = tmp_path / f"{entry.name}.wav"
        encode(master(backing(entry.song)), path, Encoding("wav"))
        found[entry.name] = fingerprint(path)
    for one, other in combinations(found, 2):
        assert similarity(found[one], found[other]) < ACCIDENT, (one, other)


def test_songs_have_the_length_that_they_are_said_to_have(made):
    for upload in made.truth.accepted:
        sound = ffmpeg(made.directory / upload.key, "-f", "s16le", "-ac", "1", "-ar", "8000", "-").stdout
        assert len(sound) / 2 / 8000 == pytest.approx(upload.seconds, abs=0.06), upload.name
        assert upload.seconds <= 19.4
        assert np.abs(np.frombuffer(sound, "<i2").astype(int)).max() > 5000


def test_rejects_are_what_their_reasons_say(made):
    songs = named(made.truth)
    assert dict(made.truth.rejects) == {songs[name].track_id: reason for name, reason in REJECTS.items()}
    assert {songs[name].day for name in REJECTS} == set(DAYS)
    paths = {reason: made.directory / songs[name].key for name, reason in REJECTS.items()}

    silence = ffmpeg(paths["silent"], "-f", "s16le", "-").stdout
    assert len(silence) > 44_100
    assert not any(silence)

    broken = ffmpeg(paths["unreadable"], "-f", "s16le", "-")
    assert b"Audio: aac" in broken.stderr
    assert not broken.stdout

    assert b"Audio:" not in ffmpeg(paths["not_audio"], "-f", "s16le", "-").stderr
