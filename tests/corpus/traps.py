"""Files that name another file or an address: playlists, scripts, references within containers, and polyglots."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.bases import base
from tests.corpus.binary import TRACK, atom, edited, element, id3, matroska, tone, wav
from tests.corpus.upload import ANYTHING, CUT, IS_SONG, Upload, only

_NO_SOUND = only("not_audio")
_PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
    "m3u8_live": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\n{url}\n",
    "m3u8_key": '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:5,\n{url}\n',
    "m3u8_map": '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MAP:URI="{url}"\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n',
    "m3u8_master": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000\n{url}\n",
    "m3u": "#EXTM3U\n#EXTINF:5,Song\n{url}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "concat_old": "file '{url}'\n" * 50,
    "pls": "[playlist]\nFile1={url}\nLength1=-1\nNumberOfEntries=1\nVersion=2\n",
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "asf_reference": "[Reference]\nRef1={url}\nRef2={url}\n",
    "xspf": '<?xml version="1.0"?><playlist version="1"><trackList><track><location>{url}</location></track>'
    "</trackList></playlist>",
    "mpd": '<?xml version="1.0"?><MPD type="dynamic"><Period><AdaptationSet mimeType="audio/mp4">'
    '<Representation id="1">'
    "<BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "imf": '<?xml version="1.0"?><CompositionPlaylist><AssetMap>{url}</AssetMap></CompositionPlaylist>',
    "xml_entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x>&e;</x>',
    "smil": '<smil><body><audio src="{url}"/></body></smil>',
    "cue": 'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "rtsp_text": "RTSPtextrtsp://127.0.0.1:{port}/x\n",
    "ram": "rtsp://127.0.0.1:{port}/x.rm\n",
    "srt": "1\n00:00:00,000 --> 00:00:09,000\n<img src='{url}'>\n",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:09.000\n{url}\n",
    "ass": "[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: {path}\n[Events]\n"
    "Dialogue: 0,0:00:00.00,0:00:09.00,x,,0,0,0,,{url}\n",
    "sami": "<SAMI><BODY><SYNC Start=0><P>{url}</SYNC></BODY></SAMI>",
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "ffmetadata": ";FFMETADATA1\ntitle={url}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=9000\n",
    "filter_script": "amovie={path}:loop=0,anull\n",
    "avisynth": 'WavSource("{path}")\n',
    "vapoursynth": "import vapoursynth\nopen('{path}').read()\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    "html": '<html><audio src="{url}" autoplay></audio></html>',
    "lrc": "[ti:{url}]\n[00:00.00]{path}\n",
    "url_shortcut": "[InternetShortcut]\nURL={url}\n",
    "plain_path": "{path}\n",
    "icy": "ICY 200 OK\r\nLocation: {url}\r\n\r\n",
}
"""Text that leads a player elsewhere. `{url}` is one of several kinds of address, `{path}` a file."""
_MARKED = (b"#EXTM3U", b"[playlist]", b"ffconcat", b"[Reference]")
"""How a playlist begins that says what it is."""
_ADDRESSES = (
    *("file://{path}", "{path}", "http://127.0.0.1:{port}/x.ts", "tcp://127.0.0.1:{port}", "udp://127.0.0.1:{port}"),
    *(
        "concat:{path}|{path}",
        "subfile,,start,0,end,9999,,:{path}",
        "crypto:{path}",
        "async:file:{path}",
        "cache:{path}",
    ),
    *("fd:///3", "pipe:0", "rtp://127.0.0.1:{port}", "rtmp://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/x"),
    *("data:audio/mpeg;base64,SUQz", "gopher://127.0.0.1:{port}/", "tee:{path}", "md5:{path}", "ipfs://x/{path}"),
)


def uploads(decoy: Path, pipe: Path, port: int) -> Iterator[Upload]:
    """`decoy` and `pipe` must never be opened, nothing may come to `port` of this machine."""
    places = {"path": decoy, "port": port}
    addresses = [address.format(**places) for address in _ADDRESSES] + [str(pipe), f"file:{pipe}"]
    song = base("mp3")
    for number, (kind, text) in enumerate(_PLAYLISTS.items()):
        for turn in range(2):
            url = addresses[(2 * number + turn) % len(addresses)]
            said = text.format(url=url, path=pipe if turn else decoy, port=port).encode()
            ending = kind.partition("_")[0]
            says = "a playlist" if said.startswith(_MARKED) else "text"
            yield Upload(f"list_{kind}_{turn}.{ending if turn else 'mp3'}", said, _NO_SOUND, says=says)
            yield Upload(f"list_{kind}_{turn}_and_song.{ending}", said + bytes(4096) + song, CUT | {"not_audio"})
    for number, url in enumerate(addresses):
        said = _PLAYLISTS["m3u8"].format(url=url).encode()
        yield Upload(f"address_{number}.m3u8", said + song, CUT | {"not_audio"})
        yield Upload(f"address_{number}_tagged.mp3", id3([(b"WXXX", b"\0\0" + url.encode())]) + song, IS_SONG)
    yield from _references(decoy, addresses)
    yield from _polyglots(_PLAYLISTS["m3u8"].format(url=addresses[0]).encode())


def _references(decoy: Path, addresses: list[str]) -> Iterator[Upload]:
    """Containers whose sound lies in another file."""
    where = (*TRACK, b"dinf", b"dref")
    url = f"file://{decoy}".encode()
    entries = {"url": atom(b"url ", bytes(4) + url + b"\0"), "alias": atom(b"alis", bytes(4) + _alias(decoy))}
    entries["urn"] = atom(b"urn ", bytes(4) + b"x\0" + url + b"\0")
    entries["address"] = atom(b"url ", bytes(4) + addresses[2].encode() + b"\0")
    for label, entry in entries.items():
        body = edited(base("m4a"), where, lambda _, entry=entry: struct.pack(">II", 0, 1) + entry)
        yield Upload(f"dref_{label}.m4a", body, ANYTHING)
        yield Upload(
            f"dref_{label}_mov.mov",
            edited(base("mov"), where, lambda _, entry=entry: struct.pack(">II", 0, 1) + entry),
            ANYTHING,
        )
    pointed = atom(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url)) + url)
    movie = atom(b"moov", atom(b"rmra", atom(b"rmda", pointed)))
    yield Upload("reference_movie.mov", atom(b"ftyp", b"qt  \0\0\2\0") + movie, only("unreadable", "not_audio"))
    linked = element(b"\x3e\x83\xbb", decoy.name.encode()) + element(b"\x3c\x83\xab", str(decoy).encode())
    yield Upload("linked_segments.mka", matroska(tone(), info=linked), IS_SONG)
    file = element(b"\x46\x6e", str(decoy).encode()) + element(b"\x46\x60", b"application/x-truetype-font")
    attached = element(b"\x19\x41\xa4\x69", element(b"\x61\xa7", file + element(b"\x46\x5c", b"file://" + bytes(20))))
    yield Upload("attachment_that_points.mka", matroska(tone(), more=attached), IS_SONG)
    for label, address in (("file", f"file://{decoy}"), ("address", addresses[2])):
        text = address.encode("utf-16-le") + b"\0\0"
        marker = bytes.fromhex("301afb1e620bd011a39b00a0c90348f6")
        command = bytes(16) + struct.pack("<HHH", 1, 1, 3) + "URL".encode("utf-16-le")
        command += struct.pack("<IHH", 0, 0, len(text) // 2) + text
        found = base("wma")
        (size,) = struct.unpack("<Q", found[16:24])
        added = marker + struct.pack("<Q", 24 + len(command)) + command
        (count,) = struct.unpack("<I", found[24:28])
        body = found[:16] + struct.pack("<QI", size + len(added), count + 1) + found[28:30] + added + found[30:]
        yield Upload(f"script_{label}.wma", body, CUT)
    yield Upload(
        "frame_of_link.mp3", id3([(b"LINK", b"TIT2" + f"file://{decoy}".encode() + b"\0")]) + base("mp3"), IS_SONG
    )
    yield Upload(
        "object_within.mp3", id3([(b"GEOB", b"\0text/x\0" + str(decoy).encode() + b"\0\0" + bytes(99))]) + base("mp3")
    )


def _alias(path: Path) -> bytes:
    """A record of an alias as old QuickTime has it, with an absolute path."""
    record = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    name = path.name.encode()[:63]
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    for kind, text in ((2, f"disk:{path}".encode()), (18, str(path).encode())):
        record += struct.pack(">HH", kind, len(text)) + text + b"\0" * (len(text) % 2)
    return record + b"\xff\xff\0\0"


def _polyglots(playlist: bytes) -> Iterator[Upload]:
    """Files that are two things at once."""
    song, flac = base("mp3"), base("flac")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("song.mp3"), song)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + bytes(13)
        + struct.pack(">I", zlib.crc32(b"IHDR" + bytes(13)))
    )
    either = CUT | {"not_audio"}
    yield Upload("song_and_zip.mp3", song + packed.getvalue(), CUT)
    yield Upload("zip_of_song.mp3", packed.getvalue(), either)
    yield Upload("song_and_list.mp3", song + playlist, CUT)
    yield Upload("tag_of_list.mp3", id3([(b"TXXX", b"\0x\0" + playlist)]) + song, IS_SONG)
    yield Upload("tag_and_list.mp3", id3([(b"TIT2", b"\0x")]) + playlist, only("unreadable", "not_audio"))
    yield Upload("tag_and_flac.mp3", id3([(b"TIT2", b"\0x")]) + flac, IS_SONG | {"unreadable"})
    yield Upload("tag_and_wav.mp3", id3([(b"TIT2", b"\0x")]) + base("wav"), ANYTHING)
    yield Upload(
        "list_in_wav.wav",
        wav(tone(), between=b"LIST" + struct.pack("<I", len(playlist) & ~1) + playlist[: len(playlist) & ~1]),
        IS_SONG,
    )
    yield Upload("wav_then_list.wav", wav(tone(), after=playlist), IS_SONG)
    for label, head in {
        "png": png,
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        "gif": b"GIF89a\1\0\1\0\0\0\0;",
        "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj\n",
        "html": b"<html><script>/*",
        "elf": b"\x7fELF\2\1\1" + bytes(50),
        "exe": b"MZ" + bytes(60),
        "shell": b"#!/bin/sh\nid\nexit\n",
        "ebml": b"\x1a\x45\xdf\xa3",
        "riff": b"RIFF\xff\xff\xff\xffAVI LIST",
        "avi_wave": b"RIFF\xff\xff\xff\xffWAVEAVI ",
        "form": b"FORM\xff\xff\xff\xffAIFF",
        "flac": b"fLaC",
        "ogg": b"OggS\0\2",
        "ts": (b"G\x40\x00\x10" + bytes(184)) * 3,
        "flv": b"FLV\1\5\0\0\0\x09\0\0\0\0",
        "wavpack": b"wvpk\x18\0\0\0\x10\4",
        "dsd": b"DSD \x1c\0\0\0\0\0\0\0",
        "midi": b"MThd\0\0\0\6\0\0\0\1\0\x60",
        "utf16": "#EXTM3U\n".encode("utf-16"),
        "utf8": b"\xef\xbb\xbf#EXTM3U\n",
    }.items():
        yield Upload(f"{label}_then_song.mp3", head + song, ANYTHING)
        yield Upload(f"{label}_alone.mp3", head, only("not_audio", "unreadable", "unsupported_format"))
    yield Upload("film_alone.mp4", base("mp4").replace(b"soun", b"text"), ANYTHING)
