"""The composed catalogue: its songs, what is planted among them, and the files of both."""

from __future__ import annotations

import base64
import hashlib
import logging
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from deploy.demo.composition import perform
from deploy.demo.encoding import Encoding, encode
from deploy.demo.songs import CATALOGUE, Entry
from deploy.demo.sound import RATE
from deploy.demo.truth import DAYS, Pair, Truth, Upload
from nightjar.errors import NightjarError

log = logging.getLogger(__name__)

REUPLOADED, COPIED, EXCERPTED, COVERED = "first-snow", "first-snow", "broken-signal", "paper-boats"
"""The songs that come a second time: in another encoding, byte for byte, as a fragment, with another singer."""

FRAGMENT_S = (6.0, 15.6)
"""Where the fragment begins and ends in its song, in seconds."""

REJECTS = {"silent-take": "silent", "broken-take": "unreadable", "shopping-list": "not_audio"}
"""The bad uploads, one a day in this order, and the reason each must be rejected for."""

NOISE_SEED = 1999
"""Seed of the bytes in the corrupt file."""


def track_id(name: str) -> str:
    """An opaque id as an app gives one: 11 url-safe characters that start with a letter or a digit."""
    digest = hashlib.sha256(f"nightjar demo {name}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().lstrip("-_")[:11]


def write_catalogue(directory: Path, days: Sequence[str] = DAYS) -> Truth:
    """Write the uploads of three days and `truth.json` into `directory`; the same bytes every time.

    The files lie at each upload's `key`, below `uploads/dt=D/`; what else is there stays. Raises NightjarError
    unless `days` are three in order.
    """
    if len(set(days)) != 3 or list(days) != sorted(days):
        given = ", ".join(days) or "none"
        raise NightjarError(f"the catalogue is for three days, not for {given}", "Give three, in order")
    with ThreadPoolExecutor(max_workers=2) as pool:  # numpy and ffmpeg leave the interpreter free
        songs = list(pool.map(partial(_write_song, directory, days), CATALOGUE))
    made = {song.name: song for song in songs}
    uploads = [*songs, *_write_repeats(directory, days, made), *_write_rejects(directory, days)]
    reasons = tuple(sorted((track_id(name), reason) for name, reason in REJECTS.items()))
    truth = Truth(tuple(days), tuple(sorted(uploads, key=lambda u: u.key)), True, _pairs(), reasons)
    truth.write(directory)
    log.info("catalogue: %d uploads over %d days in %s", len(uploads), len(days), directory)
    return truth


def _pairs() -> tuple[Pair, ...]:
    copies = [REUPLOADED, f"{REUPLOADED}/reupload", f"{COPIED}/copy"]
    pairs = [Pair(track_id(a), track_id(b), "duplicate") for a, b in combinations(copies, 2)]
    pairs.append(Pair(track_id(EXCERPTED), track_id(f"{EXCERPTED}/fragment"), "fragment"))
    pairs.append(Pair(track_id(COVERED), track_id(f"{COVERED}/cover"), "cover"))
    return tuple(sorted(pairs, key=lambda pair: (pair.a, pair.b)))


def _upload(directory: Path, days: Sequence[str], entry: Entry, name: str) -> Upload:
    """The record of `entry` under `name`; its day's folder exists afterwards."""
    seconds = entry.song.score.seconds
    who = (entry.uploader, entry.title, entry.artist, entry.song.style, seconds, name)
    upload = Upload(track_id(name), days[entry.day], entry.encoding.extension, *who)
    (directory / upload.key).parent.mkdir(parents=True, exist_ok=True)
    return upload


def _write_song(directory: Path, days: Sequence[str], entry: Entry) -> Upload:
    upload = _upload(directory, days, entry, entry.name)
    encode(perform(entry.song), directory / upload.key, entry.encoding)
    log.info("%s: %s, %.1f s", upload.key, entry.song.style, upload.seconds)
    return upload


def _write_repeats(directory: Path, days: Sequence[str], made: dict[str, Upload]) -> list[Upload]:
    """The re-encoded re-upload, the exact copy, the fragment and the cover, each by another user on a later day."""
    songs = {entry.name: entry for entry in CATALOGUE}

    again = replace(songs[REUPLOADED], day=1, encoding=Encoding("m4a", 80, 32_000), uploader="user-70", artist=None)
    reupload = _upload(directory, days, replace(again, title="first snow (rip)"), f"{REUPLOADED}/reupload")
    encode(perform(again.song), directory / reupload.key, again.encoding)

    same = replace(songs[COPIED], day=2, uploader="user-71", title=None, artist=None)
    copy = _upload(directory, days, same, f"{COPIED}/copy")
    shutil.copyfile(directory / made[COPIED].key, directory / copy.key)

    part = replace(songs[EXCERPTED], day=1, encoding=Encoding("ogg", 96), uploader="user-72", artist=None)
    fragment = _upload(directory, days, replace(part, title="best riff ever"), f"{EXCERPTED}/fragment")
    start, end = FRAGMENT_S
    fragment = replace(fragment, seconds=round(end - start, 3))
    whole = perform(part.song)
    encode(whole[int(start * RATE) : int(end * RATE)], directory / fragment.key, part.encoding)

    other = replace(songs[COVERED].song, voice="baritone", tune="long")
    sung = replace(songs[COVERED], day=2, song=other, encoding=Encoding("mp3", 160), uploader="user-73")
    cover = _upload(directory, days, replace(sung, title="Paper Boats (karaoke)", artist="Rui"), f"{COVERED}/cover")
    encode(perform(sung.song), directory / cover.key, sung.encoding)
    return [reupload, copy, fragment, cover]


def _write_rejects(directory: Path, days: Sequence[str]) -> list[Upload]:
    """Digital silence, an MPEG-4 file whose sound was overwritten by noise, a text named .mp3: one a day."""
    silent, broken, text = (
        Upload(track_id(name), day, extension, "user-74", title, name=name)
        for name, day, extension, title in zip(
            REJECTS, days, ("mp3", "m4a", "mp3"), ("test test", "live recording", None), strict=True
        )
    )
    for upload in (silent, broken, text):
        (directory / upload.key).parent.mkdir(parents=True, exist_ok=True)
    encode(np.zeros((12 * RATE, 2)), directory / silent.key, Encoding("mp3", 64))
    rng = np.random.default_rng(NOISE_SEED)
    encode(rng.uniform(-0.1, 0.1, (12 * RATE, 2)), directory / broken.key, Encoding("m4a", 96))
    head, sound, index = _mpeg4_parts((directory / broken.key).read_bytes())
    (directory / broken.key).write_bytes(head + rng.bytes(len(sound)) + index)
    (directory / text.key).write_text("milk\nbread\ntwo strings for the guitar\n" * 40, encoding="utf-8")
    return [silent, broken, text]


def _mpeg4_parts(file: bytes) -> tuple[bytes, bytes, bytes]:
    """An MPEG-4 file cut into what is before its sound, the sound, and the index after it."""
    start, end = file.index(b"mdat") + 4, file.index(b"moov") - 4
    return file[:start], file[start:end], file[end:]
