"""The connection to Milvus: errors that a person understands, and patience while one of its servers restarts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import grpc
from pymilvus import MilvusClient
from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.thresholds import (
    MILVUS_CONNECT_S,
    MILVUS_PATIENCE_S,
    MILVUS_REPLICAS,
    MILVUS_RETRY_S,
    MILVUS_TIMEOUT_S,
    SEARCH_BREADTH,
)
from nightjar.vectors.passing import passes

_Answer = TypeVar("_Answer")

GRPC_OPTIONS = {"grpc.keepalive_time_ms": 330_000, "grpc.keepalive_permit_without_calls": 0}
"""A gRPC server of default settings, as Milvus Lite's, hangs up on clients that ping more often than every 5 minutes;
pymilvus pings every 10 s, which ends a long search in its middle ("Too many pings")."""
_ALL_NODES = "__default_resource_group"
_Failures = (MilvusException, grpc.RpcError)

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback for errors that are raised as well


class Connection:
    """A client of Milvus; `lite` says that it is Milvus Lite. Raises NightjarError if nothing answers.

    Failures that pass are waited for: MILVUS_PATIENCE_S, or `timeout_s` where one is given.
    """

    def __init__(self, settings: Settings, timeout_s: float | None = None) -> None:
        self._uri = settings.milvus_uri
        connect = partial(
            MilvusClient,
            self._uri,
            token=settings.milvus_token,
            timeout=timeout_s or MILVUS_TIMEOUT_S,
            grpc_options=GRPC_OPTIONS,
        )
        self.client = self._patiently(connect, 0 if timeout_s else MILVUS_CONNECT_S)
        self._patience_s = timeout_s or MILVUS_PATIENCE_S
        self.lite = self.call(self.client.get_server_version).startswith("milvus_lite")

    def call(self, method: Callable[..., _Answer], *arguments: object, **named: object) -> _Answer:
        """The answer of a method of the client, called again while Milvus says what passes. Raises NightjarError."""
        return self._patiently(partial(method, *arguments, **named), self._patience_s)

    def answers(self, ask: Callable[[], object]) -> bool:
        """Whether Milvus has what is asked for; Lite and servers have not the same calls."""
        try:
            ask()
        except _Failures:  # not everybody may ask, too
            return False
        return True

    @property
    def calls(self) -> Any:
        """Every call of the protocol, also those that the client has no method for."""
        return self.client._get_connection()

    @property
    def query_nodes(self) -> int:
        """How many can hold a replica of a collection; 1 of a Milvus that does not say."""
        if not self.answers(partial(self.client.describe_resource_group, _ALL_NODES)):
            return 1
        return max(1, self.client.describe_resource_group(_ALL_NODES).num_available_node)

    def until(self, complete: Callable[[_Answer], bool], ask: Callable[[], _Answer], what: str) -> _Answer:
        """The first answer that is `complete`, asked for again as long as MILVUS_PATIENCE_S. Raises NightjarError."""
        for _ in _attempts(MILVUS_PATIENCE_S):
            answer = ask()
            if complete(answer):
                return answer
        raise NightjarError(
            f"{what} at {self._uri} keeps missing vectors that are loaded",
            "A query node may be joining: look at Milvus's health and run the task again. "
            "If Milvus was restored or changed by hand: nightjar rebuild vectors",
        )

    def search_params(self, limit: int) -> dict:
        """How to search for so many: Lite compares with all, a server by a graph, with SEARCH_BREADTH at least."""
        breadth = {} if self.lite else {"ef": max(limit, SEARCH_BREADTH)}
        return {"metric_type": "COSINE", "params": breadth}

    def load(self, name: str, timeout_s: float | None = None) -> None:
        """Have a collection in memory: twice where Milvus has query nodes for it. One that is loaded stays as it is."""
        state = partial(self.call, self.client.get_load_state, name)
        if state()["state"] == LoadState.NotLoad:
            replicas = min(self.query_nodes, MILVUS_REPLICAS)
            self.call(self.client.load_collection, name, replica_number=replicas, timeout=timeout_s)
        else:  # another process, or a restart, may be loading it
            self.until(lambda found: found["state"] == LoadState.Loaded, state, f"loading {name}")

    def _patiently(self, ask: Callable[[], _Answer], patience_s: float) -> _Answer:
        """The answer, asked for again while the failures are such that pass. Raises NightjarError."""
        for _ in _attempts(patience_s):
            try:
                return ask()
            except _Failures as error:
                failed = error
                if not passes(*_read(error)):
                    break
        raise NightjarError(
            f"Milvus at {self._uri} failed: {_read(failed)[1]}",
            "Check NIGHTJAR_MILVUS_URI, NIGHTJAR_MILVUS_TOKEN and that Milvus is up",
        ) from failed


def _read(error: Exception) -> tuple[object, str]:
    """The error's code, and what it says."""
    if isinstance(error, MilvusException):
        return error.code, error.message
    return error.code(), error.details()


def _attempts(patience_s: float) -> Iterator[None]:
    """As many turns, with pauses between, as there is patience for; one at least."""
    begun = time.monotonic()
    for pause in MILVUS_RETRY_S:
        yield
        if time.monotonic() - begun >= patience_s:
            return
        time.sleep(pause)
    yield
