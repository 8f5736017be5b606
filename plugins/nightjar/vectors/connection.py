"""The connection to Milvus: errors that a person understands, and patience while a node joins."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from nightjar.errors import NightjarError
from nightjar.settings import Settings
from nightjar.thresholds import MILVUS_RETRY_S, MILVUS_TIMEOUT_S

_Answer = TypeVar("_Answer")

GRPC_OPTIONS = {"grpc.keepalive_time_ms": 330_000, "grpc.keepalive_permit_without_calls": 0}
"""A gRPC server of default settings, as Milvus Lite's, hangs up on clients that ping more often than every 5 minutes;
pymilvus pings every 10 s, which ends a long search in its middle ("Too many pings")."""

_ALL_NODES = "__default_resource_group"

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback for errors that are raised as well


class Connection:
    """A client of Milvus; `lite` says that it is Milvus Lite. Raises NightjarError if nothing answers."""

    def __init__(self, settings: Settings, timeout_s: float | None = None) -> None:
        self._uri = settings.milvus_uri
        timeout_s = timeout_s or MILVUS_TIMEOUT_S
        try:
            self.client = MilvusClient(
                self._uri, token=settings.milvus_token, timeout=timeout_s, grpc_options=GRPC_OPTIONS
            )
        except MilvusException as error:
            raise self._explained(error) from error
        self.lite = self.call(self.client.get_server_version).startswith("milvus_lite")

    def call(self, method: Callable[..., _Answer], *arguments: object, **named: object) -> _Answer:
        """The answer of a method of the client. Raises NightjarError."""
        try:
            return method(*arguments, **named)
        except MilvusException as error:
            raise self._explained(error) from error

    def answers(self, ask: Callable[[], object]) -> bool:
        """Whether Milvus has what is asked for; Lite and servers have not the same calls."""
        try:
            ask()
        except (MilvusException, grpc.RpcError):  # UNIMPLEMENTED comes as the latter
            return False
        return True

    @property
    def calls(self) -> Any:
        """Every call of the protocol, also those that the client has no method for."""
        return self.client._get_connection()

    @cached_property
    def query_nodes(self) -> int:
        """How many can hold a replica of a collection; 1 of a Milvus that does not say."""
        if not self.answers(lambda: self.client.describe_resource_group(_ALL_NODES)):
            return 1
        return self.client.describe_resource_group(_ALL_NODES).num_available_node

    def until(self, complete: Callable[[_Answer], bool], ask: Callable[[], _Answer], what: str) -> _Answer:
        """The first answer that is `complete`, asked for again after each of MILVUS_RETRY_S. Raises NightjarError.

        While a query node joins, a Milvus cluster gives empty or short answers for 16 to 29 s without any error.
        """
        for pause in (*MILVUS_RETRY_S, None):
            answer = ask()
            if complete(answer):
                return answer
            if pause is not None:
                time.sleep(pause)
        raise NightjarError(
            f"{what} at {self._uri} keeps missing vectors that are loaded",
            "A query node may be joining: look at Milvus's health and run the task again",
        )

    def _explained(self, error: MilvusException) -> NightjarError:
        return NightjarError(
            f"Milvus at {self._uri} failed: {error.message}",
            "Check NIGHTJAR_MILVUS_URI, NIGHTJAR_MILVUS_TOKEN and that Milvus is up",
        )
