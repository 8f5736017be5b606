"""What a file is that Nightjar does not read, from its first bytes. Pure: the name in the key plays no part."""

from __future__ import annotations

from nightjar import leading

READ = "wav, aiff, flac, mp3, ogg, opus, m4a, aac, wma"
"""The formats that are read, in the words of a user."""

_AUDIO_STARTS = (b"ID3", b"APETAGEX", b"FORM", b"ADIF", b"riff", b"\x30\x26\xb2\x75")
"""First bytes of audio files besides whole signatures: of tagged MP3, AIFF, AAC, Wave64 and ASF files."""

_UNREAD = {
    b"wvpk": "WavPack",
    b"TTA1": "TTA",
    b"TTA2": "TTA",
    b".snd": "AU",
    b"\x0b\x77": "AC-3",
    b"FLV\x01": "FLV",
    b"DSD ": "DSD (DSF)",
    b"FRM8": "DSD (DSDIFF)",
    b"MAC ": "Monkey's Audio",
    b"MPCK": "Musepack",
    b"MP+": "Musepack",
    b"tBaK": "TAK",
    b"OFR ": "OptimFROG",
    b"ajkg": "Shorten",
    b"\x7f\xfe\x80\x01": "DTS",
    b".RMF": "RealMedia",
    b"#!AMR": "AMR",
    b"#!SILK": "SILK",
    b"qoaf": "QOA",
    b"MThd": "MIDI",
    b"Extended Module: ": "a tracker module (XM)",
    b"IMPM": "a tracker module (IT)",
    b"\x00\x00\x01\xba": "MPEG program stream",
    b"\x00\x00\x01\xb3": "MPEG video",
    b"NSVf": "NSV",
    b"Creative Voice File\x1a": "VOC",
    b".SoX": "SoX",
    b"XoS.": "SoX",
    b"NIST_1A": "NIST SPHERE",
    b"\x64\xa3": "IRCAM",
    b"\x06\x0e\x2b\x34": "MXF",
    b"nut/multimedia container": "NUT",
    b"MMMD": "SMAF",
    b"TWIN": "VQF",
    b"FWS": "Flash",
    b"CWS": "Flash",
}
_NO_SOUND = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive, or a document that is one",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet table",
    b"#EXTM3U": "a playlist, which only names other files",
    b"[playlist]": "a playlist, which only names other files",
    b"ffconcat": "a playlist, which only names other files",
    b"[Reference]": "a playlist, which only names other files",
}
_TS_PACKETS = ((188, 0), (192, 4))
"""Bytes of a packet of MPEG-TS, and where its sync byte is: as broadcast, and as cameras write it."""


def unread(head: bytes) -> str | None:
    """The name of a format of sound or video that is not read, or None."""
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "AVI"
    if head[:4] == b"FORM" and head[8:12] in (b"8SVX", b"16SV"):
        return "IFF 8SVX"
    if any(len(head) > 2 * size and all(head[at + n * size] == 0x47 for n in range(2)) for size, at in _TS_PACKETS):
        return "MPEG-TS"
    return _named(head, _UNREAD)


def without_sound(head: bytes) -> str | None:
    """What a file without sound is, with its article, or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP picture"
    return _named(head, _NO_SOUND)


def says_audio(head: bytes) -> bool:
    """Whether it begins as a format does that is read."""
    frame_sync = len(head) > 1 and head[0] == 0xFF and 0xE0 <= head[1] < 0xFE  # FF FE begins UTF-16 text
    return leading.marked(head) or frame_sync or head.startswith(_AUDIO_STARTS)


def _named(head: bytes, names: dict[bytes, str]) -> str | None:
    return next((name for start, name in names.items() if head.startswith(start)), None)
