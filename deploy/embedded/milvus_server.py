"""`python milvus_server.py FOLDER PORT`: Milvus Lite's server for those who bring its token.

Milvus Lite's own command asks nobody for one. The token is in the environment variable NIGHTJAR_MILVUS_TOKEN; clients
send it as they send it to a Milvus server, in the header `authorization`, in base64.
"""

from __future__ import annotations

import base64
import hmac
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from milvus_lite.adapter.grpc.server import _MAX_MESSAGE_SIZE, DEFAULT_MAX_WORKERS
from milvus_lite.adapter.grpc.servicer import MilvusServicer
from milvus_lite.db import MilvusLite
from pymilvus.grpc_gen.milvus_pb2_grpc import add_MilvusServiceServicer_to_server

TOKEN = "NIGHTJAR_MILVUS_TOKEN"


class _Doorkeeper(grpc.ServerInterceptor):
    """Refuses every call without the token."""

    def __init__(self, token: str) -> None:
        self._expected = base64.b64encode(token.encode())
        self._refusal = grpc.unary_unary_rpc_method_handler(_refuse)

    def intercept_service(self, continuation, handler_call_details):
        brought = dict(handler_call_details.invocation_metadata).get("authorization", "")
        said = brought if isinstance(brought, bytes) else brought.encode()
        return continuation(handler_call_details) if hmac.compare_digest(said, self._expected) else self._refusal


def _refuse(_request: bytes, context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is missing or wrong")


def main(folder: str, port: str) -> None:
    """Serve until SIGINT, which closes the files."""
    sizes = [(f"grpc.max_{way}_message_length", _MAX_MESSAGE_SIZE) for way in ("receive", "send")]
    token = os.environ.get(TOKEN, "")
    keeper = [_Doorkeeper(token)] if token else []
    database = MilvusLite(folder)
    server = grpc.server(ThreadPoolExecutor(DEFAULT_MAX_WORKERS), interceptors=keeper, options=sizes)
    add_MilvusServiceServicer_to_server(MilvusServicer(database), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop(grace=5)
        database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
