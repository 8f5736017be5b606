"""The server's own reading of Parquet from object storage: by the call of 2.3 servers, or by the one of later servers.

Which of them a server has is asked of it, not read from its version: Milvus Lite has neither.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol

from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.vectors.connection import Connection

_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Progress:
    """How far an import is. `failed` says why it will never be done; "" as long as it may."""

    done: bool
    rows: int
    failed: str = ""


class Importer(Protocol):
    """Imports of a server. Both methods raise NightjarError."""

    def start(self, collection: str, key: str) -> str:
        """Begin to import the object `key` of the server's bucket; returns the import's number."""

    def progress(self, number: str) -> Progress:
        """How far that import is."""


def importer(milvus: Connection, settings: Settings) -> Importer | None:
    """The server's imports; None if it has none."""
    by_rest = ByRest(settings)
    if by_rest.answers():
        return by_rest
    return ByCall(milvus) if milvus.answers(lambda: milvus.calls.list_bulk_insert_tasks(1, "")) else None


class ByCall:
    """As servers of 2.3 have it."""

    def __init__(self, milvus: Connection) -> None:
        self._milvus = milvus

    def start(self, collection: str, key: str) -> str:
        return str(self._milvus.call(self._milvus.calls.do_bulk_insert, collection, "", [key]))

    def progress(self, number: str) -> Progress:
        seen = self._milvus.call(self._milvus.calls.get_bulk_insert_state, int(number))
        failed = seen.failed_reason or seen.state_name if "Failed" in seen.state_name else ""
        return Progress(seen.state_name == "Completed", seen.row_count, failed)


class ByRest:
    """As servers of 2.4 and later have it. **Not tried**: no such server was to be had where this was written.

    The key of the object names the import, so that servers of 2.6.24 or 3.0.2 and later begin it only once.
    """

    def __init__(self, settings: Settings) -> None:
        self._address = f"{settings.milvus_uri.rstrip('/')}/v2/vectordb/jobs/import/"
        self._headers = {"Content-Type": "application/json"}
        if settings.milvus_token:
            self._headers["Authorization"] = f"Bearer {settings.milvus_token}"

    def answers(self) -> bool:
        """Whether the server has them."""
        try:
            self._ask("list", {})
        except NightjarError:
            return False
        return True

    def start(self, collection: str, key: str) -> str:
        return str(self._ask("create", {"collectionName": collection, "files": [[key]]}, key)["jobId"])

    def progress(self, number: str) -> Progress:
        seen = self._ask("describe", {"jobId": number})
        failed = seen.get("reason") or "no reason given" if seen["state"] == "Failed" else ""
        return Progress(seen["state"] == "Completed", int(seen.get("importedRows", 0)), failed)

    def _ask(self, what: str, body: dict, once: str = "") -> dict:
        headers = self._headers | ({"Idempotency-Key": once} if once else {})
        request = urllib.request.Request(self._address + what, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                said = json.load(answer)
        except (OSError, HTTPException, ValueError) as error:
            raise NightjarError(f"Milvus's import at {self._address}{what} failed: {error}", "Is Milvus up?") from error
        if said.get("code") != 0:
            raise NightjarError(f"Milvus refused to {what} an import: {said.get('message')}", "See Milvus's log")
        return said.get("data") or {}
