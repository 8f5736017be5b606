"""Failures of Milvus that pass by themselves: one of its servers restarts, or another one takes its place. Pure."""

from __future__ import annotations

_CODES = {
    2: "service unavailable, or nothing listens",
    11: "a node's clock lags",
    101: "collection not loaded, as far as a coordinator knows that has just started",
    103: "collection not fully loaded",
    400: "replica not found",
    401: "replica not available",
    500: "channel not found",
    501: "channel lacks",
    503: "channel not available",
    600: "segment not found",
    601: "segment not loaded",
    602: "segment lacks",
    901: "node not found",
    902: "node offline",
    903: "node lacks",
    904: "node not match",
    905: "node not available",
}
"""Codes of a Milvus server, whose clients of old give most failures the code of none of them. Its 1, which may be
"service not ready", is Milvus Lite's for whatever it did not expect: there the message decides."""

_STAYS = "mismatch"
"""A request that fits no node, of which a node's failure may say the rest."""

_SAYS = (
    "channel not found",
    "no available shard leader",
    "node not match",
    "node not found",
    "node offline",
    "not available",
    "fail to search on all shard leaders",
    "util/grpcclient",
    "code = unavailable",
    "failed to get shard",
    "find no available",
    "not ready",
    "connection refused",
    "server unavailable",
    "error reading from server",
    "transport is closing",
    "statuscode.unavailable",
    "client connection is closing",
    "can't change the replica number",
)


def passes(code: object, message: str) -> bool:
    """Whether the same request may succeed a little later. `code` is Milvus's number, or gRPC's status."""
    if isinstance(code, int) and code in _CODES:
        return True
    said = f"{code} {message}".lower()
    return _STAYS not in said and any(each in said for each in _SAYS)
