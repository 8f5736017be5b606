"""Which failures of Milvus are waited for; the messages are a server's own."""

from __future__ import annotations

import grpc
import pytest

from nightjar.vectors.passing import passes


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (2, "Fail connecting to server on 127.0.0.1:19530, illegal connection params or server unavailable"),
        (101, "failed to query: collection not loaded[collection=470709729514629321]"),
        (503, "channel not available[channel=by-dev-rootcoord-dml_1]"),
        (901, "failed to get shard leader for shard : node not found[node=0]"),
        (
            65535,
            "failed to query: attempt #0: failed to search/query delegator 44 for channel by-dev_4v0: stack trace: "
            "internal/util/grpcclient/client.go:555 github.com/milvus-io/milvus/internal/util/grpcclient.Call",
        ),
        (65535, "attempt #2: rpc error: code = Canceled desc = grpc: the client connection is closing"),
        (65535, "no available shard leader"),
        (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"),
    ],
)
def test_a_server_that_restarts_is_waited_for(code, message):
    assert passes(code, message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (100, "can't find collection[database=default][collection=tracks]"),
        (1100, "the length (80) of string exceeds max length (64): invalid parameter"),
        (
            65535,
            "failed to search: attempt #0: failed to search/query delegator 3 for channel by-dev-_3v0: fail to Search, "
            "QueryNode ID=3, reason=worker(3) query failed: => vector dimension mismatch: service internal error",
        ),
        (1400, "auth check failure, please check username and password are correct"),
        (grpc.StatusCode.UNAUTHENTICATED, "auth check failure"),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not implemented!"),
    ],
)
def test_what_stays_wrong_is_told_at_once(code, message):
    assert not passes(code, message)
