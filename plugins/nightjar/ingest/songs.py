"""The uploads of one track id become one row of tracks, or rows of rejects: an upload is always in exactly one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from nightjar import refusals
from nightjar.ingest import judge, metadata, names
from nightjar.ingest.claims import Claims
from nightjar.ingest.judge import Reject, Sound
from nightjar.ingest.probe import probe
from nightjar.objects import ObjectInfo, ObjectMissing, ObjectRefused, Objects
from nightjar.takedowns.forgotten import Forgotten

log = logging.getLogger(__name__)

STAGE = "ingest"
TAKEN_DOWN = "taken_down"
NOT_READ = {TAKEN_DOWN, refusals.REASON, "bad_name", "duplicate_track_id", "empty", "too_large", "missing"}
"""Reasons for which an upload's bytes need not have been seen."""


@dataclass
class Outcome:
    """Rows for the tables tracks and rejects."""

    tracks: list[dict] = field(default_factory=list)
    rejects: list[dict] = field(default_factory=list)

    def reject(self, key: str, reject: Reject) -> None:
        row = {"key": key, "track_id": names.track_id(key), "stage": STAGE}
        self.rejects.append(row | {"reason": reject.reason, "detail": reject.detail})


def examine(
    objects: Objects,
    claims: Claims,
    day: str,
    forgotten: Forgotten,
    uploads: list[dict],
    kept: Mapping[str, dict] | None = None,
    heard: dict[str, Sound | Reject] | None = None,
) -> Outcome:
    """Judge `uploads`, the rows of one track id (or one key that names none) of the frozen day, by key.

    What is `forgotten` is not read, and gets no claim. `kept` has, by key, the rows of tracks that the day has already:
    those are taken as they are. `heard` keeps, by SHA-256, what files sound like: many upload the same one.
    The first that is a song gets the id, if no other day has it. Raises NightjarError if object storage fails.
    """
    outcome = Outcome()
    for upload in uploads:
        key, track_id = upload["key"], names.track_id(upload["key"])
        if track_id is None:
            named = "The name is not {track_id}.{ext} with a track id of 1 to 64 of A-Z a-z 0-9 _ -"
            outcome.reject(key, Reject("bad_name", named))
            continue
        if outcome.tracks:
            taken = f"The id is taken by {outcome.tracks[0]['key']} of the same day"
            outcome.reject(key, Reject("duplicate_track_id", taken))
            continue
        row = (kept or {}).get(key) or _song(
            objects, upload, track_id, day, forgotten, heard if heard is not None else {}
        )
        if isinstance(row, Reject):
            theirs = row.reason == TAKEN_DOWN and track_id not in forgotten.tracks
            owner = claims.owner(track_id) if theirs else None
            outcome.reject(key, row if owner in (None, day) else _taken_on(owner))
        elif (owner := claims.claim(track_id)) != day:
            outcome.reject(key, _taken_on(owner))
        else:
            outcome.tracks.append(row)
    return outcome


def _taken_on(day: str) -> Reject:
    return Reject("duplicate_track_id", f"The id was taken on {day} by another upload")


def _song(
    objects: Objects,
    upload: dict,
    track_id: str,
    day: str,
    forgotten: Forgotten,
    known: dict[str, Sound | Reject],
) -> dict | Reject:
    """The row of tracks for an upload, or why it is no song."""
    if track_id in forgotten.tracks:
        return Reject(TAKEN_DOWN, "The song is to be forgotten")
    if unfit := judge.size(upload["size_bytes"]):
        return unfit
    with TemporaryDirectory(prefix="nightjar-probe-") as folder:
        path = Path(folder) / "upload"
        try:
            info = objects.head(upload["key"])
            said = metadata.decode(info.metadata)
            if said.uploader in forgotten.users:
                return Reject(TAKEN_DOWN, "Its uploader is to be forgotten")
            objects.download(upload["key"], path)
            after = objects.head(upload["key"])
        except ObjectMissing:
            return Reject("missing", "The object was deleted after the day was frozen")
        except ObjectRefused as error:
            return Reject(refusals.REASON, refusals.sentence(error))
        if not _frozen(info, upload) or not _frozen(after, upload):
            return Reject("changed_after_freeze", f"Replaced after the day was frozen: nightjar rerun {day}")
        with path.open("rb") as file:  # first: a disk that cannot be read must not look like a broken song
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        heard = known[sha256] = known.get(sha256) or probe(path)
        if isinstance(heard, Reject):
            return heard
        if unfit := judge.sound(heard):
            return unfit
    for problem in said.problems:
        log.warning("%s: metadata %s", upload["key"], problem)
    return {
        "track_id": track_id,
        "day": day,
        "key": upload["key"],
        "sha256": sha256,
        "size_bytes": upload["size_bytes"],
        "uploader": said.uploader,
        "title": said.title,
        "artist": said.artist,
        "container": heard.container,
        "codec": heard.codec,
        "sample_rate": heard.sample_rate,
        "channels": heard.channels,
        "duration_s": heard.duration_s,
        "loudness_lufs": heard.loudness_lufs,
        "uploaded_at": upload["uploaded_at"],
    }


def _frozen(info: ObjectInfo, upload: dict) -> bool:
    """Whether the object is still the one that the day's frozen table names."""
    return info.etag == upload["etag"] and info.size == upload["size_bytes"]
