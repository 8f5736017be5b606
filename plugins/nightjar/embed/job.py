"""One run of the embedder: what it is told, its name, and what is said when it fails. The same for all runners."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightjar.errors import NightjarError
from nightjar.settings import Settings

LAST_LINES = 15
"""Lines of the embedder's output that an error repeats."""

_OF_THE_EMBEDDER = (
    *("s3_endpoint", "bucket", "model", "separator", "second_opinion"),
    *("shard_songs", "embedder_threads"),
)
"""Settings that a container or a pod is given. Where it keeps weights is its image's affair; it talks to the lake only,
so that the addresses of others, which may hold passwords, stay here."""


@dataclass(frozen=True)
class Job:
    """`python -m embedder` with `arguments`. `what` it works on and the `remedy` go into the error if it fails."""

    name: str
    """The same for every attempt, so that one finds what another left; fit for a container and for a pod."""
    arguments: tuple[str, ...]
    what: str
    remedy: str
    folders: tuple[Path, ...] = ()
    """Folders of this machine that the arguments name."""

    def failed(self, how: str, last: Iterable[str]) -> NightjarError:
        """The error that names what failed, `how`, and the `last` lines."""
        return NightjarError(
            f"the embedder failed {self.what} with {how}; its last lines: " + " | ".join(last), self.remedy
        )


def shard_job(settings: Settings, day: str, part: tuple[int, int], like: str = "") -> Job:
    """The embedding of a shard: `part` is which of how many. It may start from what the model `like` has left of the
    day. Its name tells it from the same shard of another lake or model."""
    shard, shards = part
    return Job(
        name=f"nightjar-embed-{day.replace('-', '')}-{shard}-of-{shards}-{_mark(settings)}",
        arguments=(
            *("--day", day, "--shard", str(shard), "--shards", str(shards)),
            *(("--like", like) if like else ()),
        ),
        what=f"on shard {shard} of {shards} of {day}",
        remedy="Songs that were separated are kept; the task's retry goes on from there",
    )


def errand(settings: Settings, arguments: Sequence[str], what: str, remedy: str, folders: Iterable[Path] = ()) -> Job:
    """A small thing that a person waits for. Several of one kind may run side by side: what they do is in the name."""
    told = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:12]
    return Job(f"nightjar-{arguments[0]}-{told}-{_mark(settings)}", tuple(arguments), what, remedy, tuple(folders))


def told(settings: Settings) -> dict[str, str]:
    """The NIGHTJAR_* variables that an embedder elsewhere needs; none of them is a secret."""
    everything = settings.environment()
    return {name: everything[name] for name in (f"NIGHTJAR_{field.upper()}" for field in _OF_THE_EMBEDDER)} | threads(
        settings
    )


def threads(settings: Settings) -> dict[str, str]:
    """The variables by which the libraries are told how many threads they may start."""
    number = str(settings.embedder_threads)
    return {"OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number}


def _mark(settings: Settings) -> str:
    return hashlib.sha256(f"{settings.s3_endpoint} {settings.bucket} {settings.model}".encode()).hexdigest()[:8]
