"""Names of all kinds: keys, endings, titles; and every ending on every format."""

from __future__ import annotations

from collections.abc import Iterator

from tests.corpus.bases import READ, UNREAD, base
from tests.corpus.upload import IS_SONG, LEFT_OUT, Upload, only

ENDINGS = (
    *("wav", "aiff", "flac", "mp3", "ogg", "opus", "m4a", "aac", "wma", "webm", "mkv", "caf"),
    *("m3u8", "pls", "ffconcat", "sdp", "jpg", "png", "txt", "srt", "g722", "al", "sw", "avi", "wv", "ts", "exe"),
)
NO_NAMES = (
    *("not an id.mp3", "a/b.mp3", "ä.mp3", "歌.mp3", "a.b.c.mp3", ".mp3", "-i\n.mp3", "x\u202ecod.mp3", "\x1b[2Jx.mp3"),
    *(
        "$(touch x).mp3",
        "a;b.mp3",
        "a'b.mp3",
        'a"b.mp3',
        "%s%n.mp3",
        "concat:a|b.mp3",
        "C:song.mp3",
        "~.mp3",
        "*.mp3",
    ),
    *(
        f"{'x' * 65}.mp3",
        f"{'y' * 240}.mp3",
        f"{'folder-of-many-letters/' * 40}x.mp3",
        "e\u0301.mp3",
        "\u00e9.mp3",
        "a\tb.mp3",
        "a b",
        "😀.mp3",
        "&lt;.mp3",
    ),
)
"""Keys that hold no track id."""
ODD_NAMES = (
    *("-i.mp3", "-y.mp3", "--help.mp3", "_.mp3", "0.mp3", "null.mp3", "None.mp3", "nan.mp3", "CON.mp3", "1e9.mp3"),
    *(
        f"{'z' * 64}.mp3",
        "no_ending",
        "ends_in_dot.",
        "upper.MP3",
        f"long_ending.{'x' * 243}",
        "odd.%03d",
        "odd2.m p 3",
    ),
    *("odd3.歌", "odd4.\u202e3pm", "odd5.$(id)", "odd6.mp3?x=1&y", "odd7.mp3#t=5", "odd8.mp3;sh", "odd9.'\""),
)
"""Keys that hold one."""
LEAVINGS = (".DS_Store", "Thumbs.db", "desktop.ini", "._song.mp3", "__MACOSX/._song.mp3", ".localized")
TITLES = {
    "title_plain": ("Plain", "Plain"),
    "title_utf8": ("%E6%AD%8C", "歌"),
    "title_word": ("=?UTF-8?B?w4lsw6lvbm9yZQ==?=", "Éléonore"),
    "title_bad_percent": ("%FF%FE", None),
    "title_bad_word": ("=?UTF-8?Q?=FF?=", None),
    "title_turned": ("%E2%80%AEexe.3pm", "exe.3pm"),
    "title_escape": ("%1B%5B2Jx", "[2Jx"),
    "title_lines": ("a%0Ab%0D%0Ac", "a b c"),
    "title_of_ffmpeg": ("Stream map '0:a:0' matches no streams. Cannot allocate memory",) * 2,
    "title_sql": ("'); DROP TABLE tracks; --",) * 2,
    "title_html": ("<script>alert(1)</script>",) * 2,
    "title_format": ("%25s%25n{0}{{}}", "%s%n{0}{{}}"),
    "title_long": ("x" * 201, None),
    "title_emoji": ("%F0%9F%91%A9%E2%80%8D%F0%9F%8E%A4", "👩\u200d🎤"),
    "title_nul": ("a%00b", "a b"),
    "title_hidden": ("%E2%80%8B%EF%BB%BF", None),
}
"""Metadata of the object as the store has it, and the title that a song gets."""


def uploads() -> Iterator[Upload]:
    for number, name in enumerate(NO_NAMES):
        yield Upload(name, base("mp3") + bytes([number]), only("bad_name"), says="track id")
    for name in ODD_NAMES:
        yield Upload(name, base("mp3"))
    for name in LEAVINGS:
        yield Upload(name, b"\0\x05\x16\x07", frozenset({LEFT_OUT}))
    for label, (raw, title) in TITLES.items():
        yield Upload(f"{label}.mp3", base("mp3"), metadata={"title": raw, "user-id": "u%201"}, title=title)
    yield Upload("same_id.mp3", base("mp3"))
    yield Upload("same_id.wav", base("wav"), only("duplicate_track_id"), says="same_id.mp3")


def endings() -> Iterator[Upload]:
    """Every ending on every format: the content decides."""
    for kind in READ:
        for ending in ENDINGS:
            yield Upload(f"{kind}_as_{ending}.{ending}", base(kind), IS_SONG)
    for kind, (_, name) in UNREAD.items():
        for ending in ("mp3", "wav", "m3u8", "jpg", "txt"):
            yield Upload(f"{kind}_as_{ending}.{ending}", base(kind), only("unsupported_format"), says=name)
