"""The embedder as a Kubernetes pod: made for a shard, followed to its end, deleted.

However the task ends, its pod does not stay. An orderly end, SIGTERM included, deletes it. Where the task's own pod is
killed, Kubernetes does: that pod is the owner of this one. What is left all the same (a task killed alone, in the
scheduler's pod) is found by the next attempt, which has the same name, and by the deadline.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator

from nightjar.embed.cluster import Cluster, Gone, Taken
from nightjar.embed.job import LAST_LINES, Job, shard_job, told
from nightjar.embed.manifest import embedder_pod
from nightjar.errors import NightjarError
from nightjar.settings import Settings

log = logging.getLogger(__name__)

_POLL_S = 2.0
_START_S = 1800.0
"""So long a pod may wait for a node: one with a GPU may have to be bought first."""
_TROUBLE_S = 120.0
"""So long a pod may wait for its image after the first failure: registries have moments."""
_REMOVE_S = 120.0
_HOPELESS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"}
"""Reasons for waiting that waiting does not mend: a name that is none, a secret that is not there."""
_PULLING = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"}
_OVERLAP_S = 5
"""A log that is taken up again is read from a little earlier; lines that are known are left out."""


class PodRunner:
    """A pod for each shard. `poll_s` is how often it is looked at where nothing tells of a change."""

    def __init__(self, settings: Settings, poll_s: float = _POLL_S) -> None:
        self._settings, self._poll_s = settings, poll_s
        self._cluster = Cluster(settings)

    def run(self, day: str, shard: int, shards: int, like: str = "") -> None:
        job = shard_job(self._settings, day, (shard, shards), like)
        labels = {"day": day, "shard": str(shard), "attempt": secrets.token_hex(8)}
        pod = embedder_pod(self._settings, job, told(self._settings), labels, self._owner())
        with _asked_to_end_is_an_exception():
            self._remove(job.name)  # what an earlier attempt left
            uid = ""
            try:
                uid = self._create(pod)
                self._follow(job, uid)
            except Taken:
                raise
            except BaseException:
                self._delete(job.name, uid)
                raise
            self._delete(job.name, uid)

    def _create(self, pod: dict) -> str:
        """Create the pod; its uid. Raises Taken where another attempt was faster."""
        try:
            return self._cluster.create(pod)
        except Taken:  # also where the answer to our own first request got lost
            there = self._cluster.read(pod["metadata"]["name"])["metadata"]
            if there.get("labels") != pod["metadata"]["labels"]:
                raise
            return there["uid"]

    def _follow(self, job: Job, uid: str) -> None:
        """Log what the pod says until it ends. Raises NightjarError unless it ends well."""
        self._wait_for_start(job, uid)
        last: deque[str] = deque(maxlen=LAST_LINES)
        seen, heard = "", time.monotonic()
        while True:
            begun = time.monotonic()
            since_s = int(begun - heard) + _OVERLAP_S if seen else None
            seen, heard = self._take_lines(job.name, since_s, seen, heard, last)
            status = self._read(job, uid)["status"]
            if status.get("phase") in ("Succeeded", "Failed"):
                break
            if time.monotonic() - begun < self._poll_s:
                time.sleep(self._poll_s)
        if status["phase"] == "Failed":
            raise job.failed(self._how(status), last)

    def _take_lines(
        self, name: str, since_s: int | None, seen: str, heard: float, last: deque[str]
    ) -> tuple[str, float]:
        """Log the lines whose time is after `seen`; the time of the newest, and when on our clock it was `heard`."""
        known = seen
        with contextlib.suppress(Gone):  # what became of it is asked next
            for line in self._cluster.log(name, since_s):
                stamp, _, text = line.partition(" ")
                if stamp > known:
                    log.info("%s", text)
                    last.append(text)
                    seen, heard = stamp, time.monotonic()
        return seen, heard

    def _wait_for_start(self, job: Job, uid: str) -> None:
        begun, troubled = time.monotonic(), None
        while True:
            status = self._read(job, uid)["status"]
            if status.get("phase") not in (None, "Pending"):
                return
            reason, message = _waits_for(status)
            if reason in _PULLING:
                troubled = troubled or time.monotonic()
            late = time.monotonic() - begun > _START_S
            no_image = troubled is not None and time.monotonic() - troubled > _TROUBLE_S
            if late or no_image or reason in _HOPELESS:
                why = f"{reason or 'it waits'} {message}".strip()
                raise NightjarError(
                    f"the embedder's pod {job.name} does not start {job.what}: {why}",
                    "Check NIGHTJAR_EMBEDDER_IMAGE and _SECRETS, the namespace's quota, and that a node has room (and "
                    "the GPUs) for it: kubectl describe pod",
                )
            time.sleep(self._poll_s)

    def _read(self, job: Job, uid: str) -> dict:
        try:
            return self._cluster.read(job.name, uid)
        except Gone as error:
            raise job.failed("its pod gone: somebody deleted it, or its node was taken away", []) from error

    def _how(self, status: dict) -> str:
        """How a failed pod ended, in words."""
        ended = next(iter(status.get("containerStatuses", [])), {}).get("state", {}).get("terminated", {})
        reason = status.get("reason") or ended.get("reason") or ""
        if reason == "OOMKilled":
            reason += f": NIGHTJAR_EMBEDDER_MEMORY_MB is {self._settings.embedder_memory_mb}"
        said = " ".join(filter(None, [reason, status.get("message")]))
        code = f"exit status {ended['exitCode']}" if "exitCode" in ended else "no exit status"
        return f"{code} ({said})" if said and reason != "Error" else code

    def _delete(self, name: str, uid: str) -> None:
        """Have it gone. That this fails must hide neither how the job went nor that it went well."""
        try:
            self._cluster.delete(name, uid)
        except NightjarError as error:
            log.warning("the pod %s stays, until its deadline at most: %s", name, error)

    def _remove(self, name: str) -> None:
        """Delete a pod and wait until it is gone; its name is free then."""
        self._cluster.delete(name)
        overdue = time.monotonic() + _REMOVE_S
        while time.monotonic() < overdue:
            try:
                self._cluster.read(name)
            except Gone:
                return
            time.sleep(self._poll_s)
        raise NightjarError(
            f"the pod {name} of an earlier attempt does not go away", f"kubectl delete pod {name} --force"
        )

    def _owner(self) -> dict | None:
        """The pod in which we run, if it is one of the same namespace."""
        name = os.environ.get("HOSTNAME", "")
        if self._settings.embedder_kubernetes or not name:
            return None
        try:
            found = self._cluster.read(name)
        except NightjarError:
            return None
        return {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": found["metadata"]["uid"]}


def _waits_for(status: dict) -> tuple[str, str]:
    """Why a pod has not begun: a reason and a message, empty where there is none."""
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason"):
            return waiting["reason"], waiting.get("message", "")
    for condition in status.get("conditions", []):
        if condition.get("status") == "False" and condition.get("reason"):
            return condition["reason"], condition.get("message", "")
    return "", ""


@contextlib.contextmanager
def _asked_to_end_is_an_exception() -> Iterator[None]:
    """Inside, SIGTERM raises SystemExit, so that what is open is closed. Only the main thread may arrange that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
