"""The songs of the catalogue: one line each, with who uploaded it when and in which format."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.composition import Song
from deploy.demo.encoding import Encoding
from deploy.demo.theory import Score


@dataclass(frozen=True)
class Entry:
    """A song that was uploaded. `day` is 0, 1 or 2; title and artist are None where the uploader gave none."""

    day: int
    song: Song
    encoding: Encoding
    uploader: str
    title: str | None = None
    artist: str | None = None

    @property
    def name(self) -> str:
        return self.song.score.name


MP3, MP3_HIGH = Encoding("mp3", 128), Encoding("mp3", 320, 48_000)
OGG, M4A, OPUS = Encoding("ogg", 112), Encoding("m4a", 128), Encoding("opus", 96, 48_000)
FLAC, WAV, WAV_MONO = Encoding("flac", rate=48_000), Encoding("wav"), Encoding("wav", rate=32_000, channels=1)
MP3_MONO = Encoding("mp3", 64, 22_050, 1)

# Up to 13.6 s a song is two segments of the separator, up to 19.4 s three: lengths are chosen just below.
_BALLADS = (
    Song(Score("first-snow", 38, "minor", 76, (0, 5, 2, 6), 13.3), "piano_ballad", "alto"),
    Song(Score("letters-home", 43, "major", 69, (0, 4, 5, 3), 13.4), "piano_ballad", "tenor"),
    Song(Score("harbour-lights", 40, "major", 82, (5, 3, 0, 4), 12.8), "piano_ballad", "soprano"),
)
_HOUSE = (
    Song(Score("night-bus", 41, "minor", 123, (0, 3, 5, 6), 13.2), "house"),
    Song(Score("glass-floor", 39, "mixolydian", 118, (0, 6, 3, 1), 13.5), "house"),
    Song(Score("red-eye", 45, "dorian", 130, (5, 6, 0, 2), 12.4), "house"),
)
_CHIPTUNE = (
    Song(Score("pixel-run", 36, "major", 150, (0, 3, 4, 0), 12.6), "chiptune"),
    Song(Score("cavern-boss", 40, "harmonic", 168, (0, 5, 3, 4), 13.4), "chiptune"),
    Song(Score("coin-rush", 43, "mixolydian", 140, (0, 6, 3, 0), 13.1), "chiptune"),
)
_ROCK = (
    Song(Score("broken-signal", 40, "minor", 128, (0, 5, 3, 6), 19.3), "rock", "tenor"),
    Song(Score("iron-weather", 45, "dorian", 144, (0, 3, 6, 0), 13.3), "rock"),
    Song(Score("long-way-down", 43, "minor", 116, (0, 2, 6, 5), 13.4), "rock", "alto", "long"),
)
_AMBIENT = (
    Song(Score("low-tide", 38, "dorian", 66, (0, 4, 3), 13.4), "ambient"),
    Song(Score("polar-night", 41, "major", 60, (3, 0, 5), 13.2), "ambient"),
    Song(Score("dust-and-light", 45, "minor", 72, (0, 5, 1, 4), 13.5), "ambient"),
)
_WALTZ = (
    Song(Score("winter-ball", 43, "major", 156, (0, 4, 0, 3, 4), 13.2, 3), "waltz"),
    Song(Score("carousel", 38, "harmonic", 172, (0, 3, 4, 5), 12.9, 3), "waltz"),
    Song(Score("old-square", 40, "major", 138, (5, 1, 4, 0), 13.4, 3), "waltz"),
)
_BOSSA = (
    Song(Score("paper-boats", 41, "major", 132, (1, 4, 0, 5), 19.3), "bossa", "alto"),
    Song(Score("green-shutters", 42, "minor", 120, (0, 3, 6, 2), 13.2), "bossa", "baritone"),
    Song(Score("sunday-market", 45, "major", 140, (3, 1, 0, 4), 13.4), "bossa"),
)

CATALOGUE: tuple[Entry, ...] = (
    Entry(0, _BALLADS[0], MP3, "user-61", "First Snow", "Mara Lind"),
    Entry(0, _HOUSE[0], M4A, "user-62", "Night Bus", "DJ Kestrel"),
    Entry(0, _CHIPTUNE[0], FLAC, "user-03", "pixel run v3 FINAL"),
    Entry(0, _ROCK[0], MP3_HIGH, "user-64", "Broken Signal", "The Low Cables"),
    Entry(0, _AMBIENT[0], OPUS, "user-65"),
    Entry(0, _WALTZ[0], OGG, "user-66", "Winter Ball", "Stadtkapelle"),
    Entry(0, _BOSSA[0], WAV, "user-67", "Barquinhos de papel", "Inês Araújo"),
    Entry(1, _BALLADS[1], OGG, "user-61", "Letters Home", "Mara Lind"),
    Entry(1, _HOUSE[1], MP3, "user-62"),
    Entry(1, _CHIPTUNE[1], MP3_MONO, "user-03"),
    Entry(1, _ROCK[1], M4A, "user-64", "Iron Weather", "The Low Cables"),
    Entry(1, _AMBIENT[1], FLAC, "user-65", "極夜", "霧"),
    Entry(1, _WALTZ[1], WAV_MONO, "user-66"),
    Entry(1, _BOSSA[1], OPUS, "user-67", "Green Shutters"),
    Entry(2, _BALLADS[2], M4A, "user-11", "Harbour Lights"),
    Entry(2, _HOUSE[2], FLAC, "user-62", "Red Eye", "DJ Kestrel"),
    Entry(2, _CHIPTUNE[2], OGG, "user-68", "Coin Rush"),
    Entry(2, _ROCK[2], MP3, "user-69"),
    Entry(2, _AMBIENT[2], MP3, "user-65", "Dust and Light"),
    Entry(2, _WALTZ[2], OPUS, "user-66", "Am alten Platz", "Stadtkapelle"),
    Entry(2, _BOSSA[2], MP3_HIGH, "user-11"),
)
"""Seven styles, one song of each every day. user-03 and user-11 listen too."""
