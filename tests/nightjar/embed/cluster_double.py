"""A server that speaks the few endpoints of Kubernetes's API that the pod runner uses: pods, and their logs.

A pod is a shell script that runs as a child of the server, with the variables that its manifest gives and the keys of
the secrets that it names. There is no cluster where the tests run; what this cannot show is a real scheduler, kubelet
or admission controller. The manifest itself is checked against Kubernetes's own schemas in tests/deploy/kubernetes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Pod:
    """One pod and its process. `stuck` is a reason for which it never starts."""

    def __init__(self, manifest: dict, script: str, secrets: dict[str, dict[str, str]], stuck: str) -> None:
        self.uid = uuid.uuid4().hex
        self.manifest, self.stuck = manifest | {"metadata": manifest["metadata"] | {"uid": self.uid}}, stuck
        self.lines: list[tuple[str, str]] = []
        self.process = None
        if stuck:
            return
        container = manifest["spec"]["containers"][0]
        environment = {"PATH": "/usr/bin:/bin"} | {each["name"]: each["value"] for each in container["env"]}
        for source in container["envFrom"]:
            environment |= secrets[source["secretRef"]["name"]]
        self.process = subprocess.Popen(
            ["sh", "-c", script, "pod", *container["args"]],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
            self.lines.append((stamp, line.rstrip("\n")))

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None and not self._reader.is_alive()

    def seen(self) -> dict:
        """The manifest with the status that it has now."""
        state, phase = {"running": {}}, "Running"
        if self.stuck:
            state, phase = {"waiting": {"reason": self.stuck, "message": "as the test has it"}}, "Pending"
        elif self.ended():
            code = self.process.returncode
            reason = "OOMKilled" if code == -signal.SIGKILL else "Completed" if code == 0 else "Error"
            state = {"terminated": {"exitCode": code if code >= 0 else 128 - code, "reason": reason}}
            phase = "Failed" if code else "Succeeded"
        return self.manifest | {"status": {"phase": phase, "containerStatuses": [{"state": state}]}}

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class ClusterDouble(ThreadingHTTPServer):
    """Set `script`, `secrets`, `stuck` and `token` before a request; `requests` are those that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pods: dict[str, Pod] = {}
        self.script, self.stuck, self.token = "true", "", ""
        self.secrets: dict[str, dict[str, str]] = {}
        self.requests: list[str] = []
        self.refuse: list[int] = []
        """Statuses that the next requests get."""
        self.forbidden: set[str] = set()
        """Verbs that the account may not."""
        self.break_log_after = 0
        """The first connection to a log is cut after so many lines."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def server_close(self) -> None:
        for pod in self.pods.values():
            pod.end()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ClusterDouble

    def log_message(self, *_: object) -> None:
        return

    def _handle(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        path, asked = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        start = "/api/v1/namespaces/songs/pods"
        name, _, rest = path.removeprefix(start).strip("/").partition("/")
        if self.server.refuse:
            return self._say(self.server.refuse.pop(0), {"message": "not now"})
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self._say(401, {"message": "Unauthorized"})
        if path.startswith("/apis/authorization.k8s.io/"):
            asked_for = body["spec"]["resourceAttributes"]
            allowed = asked_for["namespace"] == "songs" and asked_for["verb"] not in self.server.forbidden
            return self._say(201, {"status": {"allowed": allowed}})
        if not path.startswith(start):
            return self._say(403, {"message": "pods is forbidden"})
        if self.command == "POST":
            return self._create(body)
        if name not in self.server.pods:
            return self._say(404, {"message": f'pods "{name}" not found'})
        if self.command == "DELETE":
            if (body or {}).get("preconditions", {}).get("uid", "") not in ("", self.server.pods[name].uid):
                return self._say(409, {"message": "the uid in the precondition does not match"})
            self.server.pods[name].end()
            return self._say(200, self.server.pods.pop(name).seen())
        return self._log(name, asked) if rest == "log" else self._say(200, self.server.pods[name].seen())

    do_GET = do_POST = do_DELETE = _handle

    def _create(self, manifest: dict) -> None:
        name = manifest["metadata"]["name"]
        if name in self.server.pods:
            return self._say(409, {"message": f'pods "{name}" already exists'})
        server = self.server
        server.pods[name] = Pod(manifest, server.script, server.secrets, server.stuck)
        return self._say(201, server.pods[name].seen())

    def _log(self, name: str, asked: dict[str, list[str]]) -> None:
        pod, sent = self.server.pods[name], 0
        assert asked["follow"] == ["true"]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not (pod.ended() and sent == len(pod.lines)) and self.server.pods.get(name) is pod:
            for stamp, text in pod.lines[sent:]:
                self._chunk(f"{stamp} {text}\n")
                sent += 1
                if sent == self.server.break_log_after:
                    self.server.break_log_after = 0
                    self.close_connection = True
                    return
            time.sleep(0.02)
        self._chunk("")

    def _chunk(self, text: str) -> None:
        body = text.encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))
        self.wfile.flush()

    def _say(self, status: int, body: dict) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
