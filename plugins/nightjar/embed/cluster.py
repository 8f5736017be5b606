"""Kubernetes's API, as far as the embedder's pods need it: create, read, follow the log of, and delete a pod.

These are four requests; the official client would be 120 MB and a hundred thousand lines for them. We speak as the
service account whose token and certificate Kubernetes mounts into every pod, or without any to `kubectl proxy`.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nightjar.errors import NightjarError
from nightjar.settings import Settings

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds `token`, `ca.crt` and `namespace`. The kubelet renews the token: it is read for each request."""

_TIMEOUT_S, _HURRIED_S = 30, 5
_SILENT_LOG_S = 900
"""A log may say nothing for as long as separating one long song takes; a connection that died is silent as well, so
that it is made again after this long."""
_RETRY_S = (1.0, 3.0, 10.0, 30.0)
"""Pauses before a request is repeated that failed for a reason which may pass."""
_MAY_PASS = frozenset({429, 500, 502, 503, 504})


class Gone(NightjarError):
    """There is no such pod."""


class Taken(NightjarError):
    """The pod of that name is another one."""


class Cluster:
    """One namespace of the cluster. Every method raises NightjarError where the API refuses or cannot be reached."""

    def __init__(self, settings: Settings, hurried: bool = False) -> None:
        """`hurried` asks once, for whoever asks whether the API is well."""
        self._pauses = () if hurried else _RETRY_S
        self._address = (settings.embedder_kubernetes or _in_cluster()).rstrip("/")
        self.namespace = settings.embedder_namespace or _mounted("namespace") or "default"
        self._pods = f"/api/v1/namespaces/{self.namespace}/pods"
        trusted = MOUNTED / "ca.crt"
        context = ssl.create_default_context(cafile=str(trusted) if trusted.exists() else None)
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        self._opener = urllib.request.build_opener(*handlers)

    def create(self, pod: dict) -> str:
        """The uid of the pod, which no other ever has. Raises Taken where one of that name is there."""
        return self._answer("POST", "", pod)["metadata"]["uid"]

    def read(self, name: str, uid: str = "") -> dict:
        """The pod as it is now. Raises Gone, also where there is another of that name."""
        found = self._answer("GET", f"/{name}")
        if uid not in ("", found["metadata"]["uid"]):
            raise Gone(f"the pod {name} was replaced", "Another attempt runs")
        return found

    def delete(self, name: str, uid: str = "", grace_s: int = 5) -> None:
        """Have it deleted, which takes a moment; nothing happens if there is none, or only another of that name."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": grace_s}
        try:
            self._answer("DELETE", f"/{name}", options | ({"preconditions": {"uid": uid}} if uid else {}))
        except (Gone, Taken):
            return

    def may(self, verb: str, resource: str, subresource: str = "") -> bool:
        """Whether we may do that in the namespace, as Kubernetes itself sees it."""
        asked = {"namespace": self.namespace, "verb": verb, "resource": resource, "subresource": subresource}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        with self._open("POST", path, review | {"spec": {"resourceAttributes": asked}}, _TIMEOUT_S) as answer:
            return bool(json.load(answer)["status"]["allowed"])

    def log(self, name: str, since_s: int | None = None) -> Iterator[str]:
        """The pod's lines, each with its time in front, until it ends, or the connection does. Raises Gone."""
        asked = {"follow": "true", "timestamps": "true"} | ({"sinceSeconds": str(since_s)} if since_s else {})
        with self._open(
            "GET", f"{self._pods}/{name}/log?{urllib.parse.urlencode(asked)}", None, _SILENT_LOG_S
        ) as answer:
            try:
                for line in answer:
                    yield line.decode(errors="replace").rstrip("\n")
            except (OSError, http.client.HTTPException):  # it is taken up again
                return

    def _answer(self, method: str, path: str, body: dict | None = None) -> dict:
        with self._open(method, self._pods + path, body, _TIMEOUT_S) as answer:
            try:
                return json.load(answer)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise self._silent(error) from error

    def _open(self, method: str, path: str, body: dict | None, timeout_s: float) -> IO[bytes]:
        """The answer, asked for again after each of _RETRY_S where that may help."""
        timeout_s = timeout_s if self._pauses else _HURRIED_S
        for pause in (*self._pauses, None):
            try:
                return self._opener.open(self._request(method, path, body), timeout=timeout_s)
            except urllib.error.HTTPError as error:
                if error.code not in _MAY_PASS or pause is None:
                    raise _explained(error, method, path) from error
            except (OSError, http.client.HTTPException) as error:
                if pause is None:
                    raise self._silent(error) from error
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _silent(self, error: Exception) -> NightjarError:
        return NightjarError(
            f"Kubernetes at {self._address} does not answer: {error}",
            "Check NIGHTJAR_EMBEDDER_KUBERNETES; empty it inside of a cluster",
        )

    def _request(self, method: str, path: str, body: dict | None) -> urllib.request.Request:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token := _mounted("token"):
            headers["Authorization"] = f"Bearer {token}"
        return urllib.request.Request(self._address + path, body and json.dumps(body).encode(), headers, method=method)


def _in_cluster() -> str:
    """The API's address, as each pod finds it in its environment. Raises NightjarError outside of a cluster."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise NightjarError(
            "this process runs in no Kubernetes cluster",
            "Run kubectl proxy, and set NIGHTJAR_EMBEDDER_KUBERNETES to its address, or choose another "
            "NIGHTJAR_EMBEDDER_RUNNER",
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _mounted(name: str) -> str:
    path = MOUNTED / name
    return path.read_text().strip() if path.exists() else ""


def _explained(error: urllib.error.HTTPError, method: str, path: str) -> NightjarError:
    try:
        said = json.loads(error.read()).get("message", "")
    except (OSError, ValueError, AttributeError):
        said = ""
    what = f"Kubernetes refused {method} {path.partition('?')[0]}: {error.code} {said or error.reason}"
    if error.code == 404:
        return Gone(what, "Somebody deleted it, or its node was taken away; run the task again")
    if error.code == 409:
        return Taken(what, "Another attempt runs; it is removed by the next one")
    if error.code in (401, 403):
        return NightjarError(
            what, "The task's service account needs the role nightjar-embedder-runner, see deploy/kubernetes"
        )
    return NightjarError(what, "Look at the pod's events and the namespace's quota")
