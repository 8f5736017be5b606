"""Exported files as an app writes them, and what is read of them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from nightjar import schemas
from nightjar.ingest import events
from nightjar.ingest.judge import Reject

DAY = "2026-11-21"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def listen(**changes) -> dict:
    return {"user_id": "u1", "track_id": "t1", "listened_at": NOON, "played_s": 30.0, "kind": "play"} | changes


def listens(*rows: dict) -> pa.Table:
    loose = pa.schema([column.with_nullable(True) for column in schemas.LISTENS])
    return pa.Table.from_pylist(list(rows), schema=loose)


def read(table: pa.Table | bytes, name: str = "listens", day: str = DAY) -> events.Taken | Reject:
    body = parquet(table) if isinstance(table, pa.Table) else table
    return events.read(name, io.BytesIO(body), len(body), day)


def kept(table: pa.Table, **where: str) -> tuple[list[dict], dict[str, int]]:
    found = read(table, **where)
    return found.rows.to_pylist(), found.dropped


def takedowns(*rows: tuple[str | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"track_id": track, "user_id": user} for track, user in rows], schema=schemas.TAKEDOWNS
    )
