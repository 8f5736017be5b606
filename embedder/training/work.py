"""What a training run's folder was begun with: another run's is not gone on with by mistake."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from embedder.training.spectrograms import Song
from nightjar.errors import NightjarError

_FILE = "run.json"


def claim(folder: Path, songs: Iterable[Song], **asked: object) -> None:
    """Note in the folder which songs, of how many bytes, a run is of, and what it was asked; or compare with the note.

    Raises NightjarError if the folder is another run's: what is kept there, said of other songs or drawn by another
    seed, would be taken for this one's.
    """
    lines = "".join(f"{song.group}/{song.name} {song.bytes}\n" for song in sorted(songs, key=lambda song: song.path))
    own = {name: json.loads(json.dumps(value)) for name, value in asked.items()}
    own["songs"] = hashlib.sha256(lines.encode()).hexdigest()
    note = folder / _FILE
    try:
        noted = dict(json.loads(note.read_text())) if note.exists() else own
    except (ValueError, TypeError) as error:
        raise NightjarError(f"{note} is damaged", f"Remove {folder}, and the run begins anew") from error
    if other := [name for name in own if noted.get(name) != own[name]]:
        told = "; ".join(
            f"{name}: {noted.get(name)}, not {own[name]}" if name != "songs" else "its songs are others"
            for name in other
        )
        raise NightjarError(
            f"{folder} was begun by another run ({told})", "Name another --work, or ask for what it was begun with"
        )
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps(own, indent=1) + "\n")
    partial.rename(note)
