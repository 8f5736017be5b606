"""A proxy on the loopback in front of an HTTP server, that spoils answers as a network or a busy server does.

`FaultyProxy.spoil` says what befalls the next requests that fit; all others pass as they are.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


@dataclass
class Fault:
    """What is done to so many requests of a method whose path and query hold a text."""

    method: str
    path: str = ""
    times: int = 1
    status: int | None = None
    """Answered at once with this status; the server does not see the request."""
    code: str = "Injected"
    """S3's code of that error."""
    cut_after: int | None = None
    """So many bytes of the body are passed on, then the connection is closed."""
    lost: bool = False
    """The server gets the request and does it; its answer does not arrive."""
    delay_s: float = 0.0
    """The answer comes so much later."""
    seen: int = 0
    """Requests that it befell."""


@dataclass
class FaultyProxy:
    """`endpoint` stands for the server's address."""

    endpoint: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method, and path with query, of all that came."""
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spoil(self, method: str, path: str = "", **how) -> Fault:
        """Have this befall the next requests of the method whose path and query hold `path`. `Fault` has the kinds."""
        fault = Fault(method, path, **how)
        with self._lock:
            self._faults.append(fault)
        return fault

    def befalls(self, method: str, path: str) -> Fault | None:
        """What befalls this request; it is counted."""
        with self._lock:
            self.requests.append((method, path))
            for fault in self._faults:
                if fault.seen < fault.times and fault.method == method and fault.path in path:
                    fault.seen += 1
                    return fault
        return None


@contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """A running proxy to the server at `target`, as in http://127.0.0.1:8333."""
    there = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body, fault = self._body(), proxy.befalls(self.command, self.path)
            if fault and fault.status:
                self._refuse(fault)
                return
            connection = http.client.HTTPConnection(there.hostname, there.port, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                        connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                answer = connection.getresponse()
                found = answer.read()
            finally:
                connection.close()
            self._answer(answer, found, fault or Fault(self.command))

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while length := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(length))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _refuse(self, fault: Fault) -> None:
            said = f"<Error><Code>{fault.code}</Code><Message>by the test</Message></Error>".encode()
            said = b"" if self.command == "HEAD" else said
            self.send_response(fault.status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def _answer(self, answer: http.client.HTTPResponse, found: bytes, fault: Fault) -> None:
            time.sleep(fault.delay_s)
            if fault.lost:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP | {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(found)))
            self.end_headers()
            self.wfile.write(found[: fault.cut_after])
            if fault.cut_after is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = FaultyProxy(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
