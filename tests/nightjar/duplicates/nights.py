"""Three days of made-up songs in the real lake: copies, pieces, covers, and songs that have nothing to do with any."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from nightjar import schemas
from nightjar.duplicates.verdict import Prints
from nightjar.lake import Lake, Partition
from nightjar.settings import Settings
from nightjar.thresholds import PRINT_SPEEDS
from tests.nightjar.duplicates.made import copied, song, words

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
DIMENSION = 32
WORDS_A_WINDOW = 24


@dataclass(frozen=True)
class Upload:
    """One song: its prints, where its vectors point (the same number for songs that sound alike) and its bytes."""

    track_id: str
    day: str
    prints: Prints
    sound: int
    start: int = 0
    """The word of its original that it begins with: windows at the same place are alike."""
    same_bytes_as: str = ""
    uploader: str | None = None


ALPHA, BETA = song(1, voice=1), song(2)
UPLOADS = (
    Upload("alpha", DAYS[0], ALPHA, 1, uploader="ann"),
    Upload("beta", DAYS[0], BETA, 2, uploader="bob"),
    Upload("gamma", DAYS[0], song(3), 3),
    Upload("alpha-again", DAYS[1], copied(ALPHA), 1),
    Upload("beta-begin", DAYS[1], copied(BETA, start=24, stop=100), 2, 24),
    Upload("delta", DAYS[1], song(4, voice=4), 4),
    Upload("alpha-cover", DAYS[2], song(1, voice=5), 1),
    Upload("alpha-same", DAYS[2], ALPHA, 1, same_bytes_as="alpha"),
    Upload("beta-end", DAYS[2], copied(BETA, start=216, stop=290), 2, 216),
    Upload("epsilon", DAYS[2], song(5), 5),
)
"""`alpha` is the oldest of its three; the two pieces of `beta` have nothing in common."""

PAIRS = {
    ("alpha", "alpha-again"): "duplicate",
    ("alpha", "alpha-same"): "duplicate",
    ("alpha-again", "alpha-same"): "duplicate",
    ("alpha", "alpha-cover"): "cover",
    ("alpha-again", "alpha-cover"): "cover",
    ("alpha-cover", "alpha-same"): "cover",
    ("beta", "beta-begin"): "fragment",
    ("beta", "beta-end"): "fragment",
}
GROUPS = {
    **dict.fromkeys(("alpha", "alpha-again", "alpha-same"), "alpha"),
    **dict.fromkeys(("beta", "beta-begin", "beta-end"), "beta"),
}


def uploaded_at(upload: Upload) -> datetime:
    """Noon of its day, and a minute for each letter of its id."""
    return datetime.fromisoformat(upload.day).replace(tzinfo=UTC) + timedelta(hours=12, minutes=len(upload.track_id))


def write_day(settings: Settings, day: str, uploads: Sequence[Upload] = UPLOADS) -> None:
    """Commit what ingest and the embedder write for a day."""
    lake = Lake(settings)
    own = [upload for upload in uploads if upload.day == day]
    rows = {"tracks": [_track(upload) for upload in own], **embedded(own)}
    lake.write(Partition("rejects", day, stage="embed"), schemas.empty("rejects"))
    for name, made in rows.items():
        model = settings.model if name in schemas.BY_MODEL else None
        lake.write(Partition(name, day, model), schemas.table(name, made))


def embedded(uploads: Sequence[Upload]) -> dict[str, list[dict]]:
    """The rows that the embedder would make of uploads, by table."""
    return {
        "embeddings": [
            {"track_id": each.track_id, "day": each.day, "vector": vector(each.sound, each.track_id, 0.3)}
            for each in uploads
        ],
        "windows": [row for upload in uploads for row in _windows(upload)],
        "fingerprints": [{"track_id": each.track_id, "day": each.day, **_columns(each.prints)} for each in uploads],
        "speed_prints": [row for upload in uploads for row in _at_speeds(upload)],
    }


def _columns(prints: Prints) -> dict:
    return {
        name: value for name, value in vars(prints).items() if name in ("mix", "accompaniment", "vocals", "vocals_db")
    }


def _at_speeds(upload: Upload) -> list[dict]:
    """Prints at other speeds have nothing to do with those at its own, unless the song brings them."""
    if upload.prints.speeds:
        return [
            {"track_id": upload.track_id, "speed_percent": percent, **_columns(each)}
            for percent, each in zip(PRINT_SPEEDS, upload.prints.speeds, strict=True)
        ]
    seed = int.from_bytes(hashlib.sha256(upload.track_id.encode()).digest()[:4], "big")
    made = {percent: words(seed + percent, len(upload.prints.mix)) for percent in PRINT_SPEEDS}
    return [
        {"track_id": upload.track_id, "speed_percent": percent, "mix": print_, "accompaniment": print_, "vocals": []}
        for percent, print_ in made.items()
    ]


def take_down(settings: Settings, day: str, tracks: Collection[str] = (), users: Collection[str] = ()) -> None:
    """Commit the day's takedowns."""
    rows = [{"track_id": each, "user_id": None} for each in tracks] + [
        {"track_id": None, "user_id": each} for each in users
    ]
    Lake(settings).write(Partition("takedowns", day), schemas.table("takedowns", rows))


def vector(sound: int, name: str, noise: float) -> np.ndarray:
    """Length 1; about 0.9 from others of the same sound, about 0 from the rest."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    made = np.random.default_rng(sound).standard_normal(DIMENSION)
    made += noise * np.random.default_rng(seed).standard_normal(DIMENSION)
    return (made / np.linalg.norm(made)).astype(np.float32)


def _windows(upload: Upload) -> list[dict]:
    """One every WORDS_A_WINDOW words; what a song sounds like there depends on the place in the original."""
    count = max(1, len(upload.prints.mix) // WORDS_A_WINDOW)
    first = upload.start // WORDS_A_WINDOW
    return [
        {
            "track_id": upload.track_id,
            "day": upload.day,
            "window": number,
            "start_s": 3.0 * number,
            "vector": vector(1000 * upload.sound + first + number, f"{upload.track_id}{number}", 0.1),
        }
        for number in range(count)
    ]


def _track(upload: Upload) -> dict:
    return {
        "track_id": upload.track_id,
        "day": upload.day,
        "key": f"uploads/dt={upload.day}/{upload.track_id}.mp3",
        "sha256": hashlib.sha256((upload.same_bytes_as or upload.track_id).encode()).hexdigest(),
        "size_bytes": 1,
        "uploader": upload.uploader,
        "title": None,
        "artist": None,
        "codec": "mp3",
        "sample_rate": 44100,
        "channels": 2,
        "duration_s": upload.prints.seconds,
        "loudness_lufs": -14.0,
        "uploaded_at": uploaded_at(upload),
    }
