"""What a partition of the lake is called, where its objects are, and what its manifest says. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from nightjar import schemas
from nightjar.errors import NightjarError


@dataclass(frozen=True, order=True)
class Partition:
    """One day of one table. Tables in `schemas.BY_MODEL` need `model`, those in `schemas.BY_STAGE` need `stage`."""

    table: str
    day: str
    model: str | None = None
    stage: str | None = None

    def __post_init__(self) -> None:
        if self.table not in schemas.TABLES:
            raise NightjarError(f"there is no table {self.table!r}", f"Tables: {', '.join(sorted(schemas.TABLES))}")
        if (self.table in schemas.BY_MODEL) != bool(self.model) or (self.table in schemas.BY_STAGE) != bool(self.stage):
            raise NightjarError(f"{self} does not fit how {self.table} is partitioned", "See nightjar/schemas.py")

    @property
    def prefix(self) -> str:
        """Where its objects are, with a slash at the end."""
        return f"lake/{self.table}/dt={self.day}/{self._suffix}"

    @property
    def manifest_key(self) -> str:
        """The object that commits it."""
        return f"{self.prefix}_manifest.json"

    @property
    def _suffix(self) -> str:
        return f"model={self.model}/" if self.model else f"stage={self.stage}/" if self.stage else ""

    def __str__(self) -> str:
        return self.prefix.removeprefix("lake/").rstrip("/")


@dataclass(frozen=True)
class Part:
    """One Parquet object: `name` within its partition, rows, bytes and SHA-256 of the content."""

    name: str
    rows: int
    size: int
    sha256: str

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Part:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Manifest:
    """What a committed partition consists of."""

    rows: int
    parts: list[Part] = field(default_factory=list)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        loaded = json.loads(text)
        return cls(loaded["rows"], [Part(**part) for part in loaded["parts"]])


def receipt_key(partition: Partition, shard: int) -> str:
    """Where it is said which part a shard has staged."""
    return f"{partition.prefix}_staged/{shard:04d}.json"
