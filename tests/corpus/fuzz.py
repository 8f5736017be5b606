"""`make fuzz MINUTES=10`: files that chance makes of good ones, through the probe and the embedder's decoding.

Each is one of the corpus's kinds of file after one to three of its damages, some times with a piece of another file. A
finding is what must not be: an exception, a reason that nobody has explained, a song that the embedder hears in another
way than the probe, work or memory beyond what is allowed, anything read but the file. Its file is kept, its seed, which
makes it again but for the addresses in its playlists, is printed, and the status is 1.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from embedder.decode import SongRejected, decode
from nightjar.ingest import judge, names, probe
from nightjar.ingest.judge import Reject
from nightjar.settings import REPOSITORY
from nightjar.thresholds import DECODE_MEMORY_BYTES, DECODE_PACE, DECODE_START_CPU_S
from tests.corpus import damaged, traps
from tests.corpus.bases import READ, UNREAD, base
from tests.corpus.watch import Watch

KEPT = REPOSITORY / ".nightjar" / "fuzz"
_SLACK_CPU_S = 5.0
"""Two runs of ffmpeg that begin, and what is looked at only now and then."""
_CHARACTERS = "aZ09_-. /\\\0\n\u202e%'\"$;:|*?歌é\u0301"


def made(seed: int, lists: list[bytes]) -> tuple[str, bytes]:
    """The name and the bytes of one file."""
    dice = random.Random(seed)
    kind = dice.choice([*READ, *READ, *UNREAD])
    body = base(kind)
    for _ in range(dice.randint(1, 3)):
        damage = dice.choice([_spliced, _listed(lists), *(each for each, _ in damaged.DAMAGES.values())])
        body = damage(body, dice)[: 8 * 2**20] or b"\0"
    name = "".join(dice.choices(_CHARACTERS, k=dice.randint(1, 70)))
    return name, body


def _spliced(body: bytes, dice: random.Random) -> bytes:
    """A piece of another file somewhere within."""
    other = base(dice.choice([*READ, *UNREAD]))
    start, at = dice.randrange(len(other)), dice.randrange(len(body) + 1)
    return body[:at] + other[start : start + dice.randint(1, 50_000)] + body[at:]


def _listed(lists: list[bytes]) -> damaged.Damage:
    """A playlist in front, within or behind."""

    def damage(body: bytes, dice: random.Random) -> bytes:
        at = dice.choice((0, 0, len(body) // 2, len(body)))
        return body[:at] + dice.choice(lists) + bytes(dice.choice((0, 4096))) + body[at:]

    return damage


def finding(name: str, path: Path, scratch: Path, watch: Watch, reasons: frozenset[str]) -> str | None:
    """What is wrong with how the file is taken, or None."""
    before, larger = _cpu_s(), max(DECODE_MEMORY_BYTES, _largest_bytes())
    try:
        names.track_id(f"uploads/dt=2026-11-20/{name}")
        heard = probe.probe(path)
        reject = heard if isinstance(heard, Reject) else judge.sound(heard)
        pcm = decode(path, scratch / "mix.raw", heard.container) if reject is None else None
    except SongRejected as rejected:
        return f"the probe takes it and the embedder does not: {rejected}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    spent, seconds = _cpu_s() - before, 0.0 if isinstance(heard, Reject) else heard.duration_s
    if reject is not None and (reject.reason not in reasons or not reject.detail.isprintable()):
        return f"nobody has explained {reject}"
    if pcm is not None and pcm.seconds != heard.duration_s:
        return f"the probe hears {heard.duration_s} s and the embedder {pcm.seconds} s"
    if spent > 2 * (DECODE_START_CPU_S + seconds / DECODE_PACE) + _SLACK_CPU_S:
        return f"it took {spent:.1f} s of a processor for {seconds:.1f} s of sound"
    if (largest := _largest_bytes()) > larger:
        return f"ffmpeg had {largest / 2**20:.0f} MiB"
    if touches := watch.touches():
        return f"more was read than the file: {touches}"
    return None


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _largest_bytes() -> int:
    """What the largest child had that has ended, also one that this process had before."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def run(seconds: float, seed: int, kept: Path) -> int:
    """Try files of `seed` and the numbers after it for so long; how many findings there were."""
    explained = (REPOSITORY / "docs" / "rejects.md").read_text(encoding="utf-8")
    reasons = frozenset(re.findall(r"`([a-z_]+)`", explained))
    found, tried, until = 0, 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, closing(Watch(Path(folder), base("wav"))) as watch:
        lists = [each.body for each in traps.uploads(watch.decoy, watch.pipe, watch.port) if len(each.body) < 1000]
        watch.touches()
        while time.monotonic() < until:
            name, body = made(seed + tried, lists)
            path = Path(folder) / "upload"
            path.write_bytes(body)
            if said := finding(name, path, Path(folder), watch, reasons):
                found += 1
                kept.mkdir(parents=True, exist_ok=True)
                (kept / str(seed + tried)).write_bytes(body)
                print(f"seed {seed + tried}: {said}\n  kept as {kept / str(seed + tried)}", flush=True)
            tried += 1
            if tried % 500 == 0:
                print(f"{tried} files, {found} findings", flush=True)
    print(f"{tried} files from seed {seed} on, {found} findings")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Try files that chance makes of good ones.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, help="where to begin; default: another each time")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else time.time_ns() // 1_000_000
    print(f"seed {seed}", flush=True)
    return 1 if run(given.minutes * 60, seed, KEPT) else 0


if __name__ == "__main__":
    sys.exit(main())
