"""The embedder as a pod, with `cluster_double.py` in the place of Kubernetes's API: a cluster cannot be had here."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.embed import cluster, pod
from nightjar.embed.pod import PodRunner
from nightjar.embed.runner import runner_for
from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings
from tests.nightjar.embed.cluster_double import ClusterDouble
from tests.nightjar.embed.test_runner import _runs, _until

DAY = "2026-11-20"


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch):
    server = ClusterDouble()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    monkeypatch.setattr(cluster, "_RETRY_S", (0.05, 0.05))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-a-manifest")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(kubernetes) -> Settings:
    return Settings(
        embedder_runner="kubernetes",
        embedder_image="nightjar-embedder:1",
        embedder_kubernetes=kubernetes.address,
        embedder_namespace="songs",
        embedder_secrets="lake, more",
        embedder_service_account="nightjar-embedder",
        embedder_memory_mb=3000,
        kv_url="redis://:a-password@kv/0",
    )


def run(settings: Settings, shard: int = 0) -> None:
    PodRunner(settings, poll_s=0.05).run(DAY, shard, 4)


def fails(settings: Settings) -> threading.Thread:
    """A run in the background that must fail."""

    def run_it() -> None:
        with pytest.raises(NightjarError, match="its pod gone"):
            run(settings)

    thread = threading.Thread(target=run_it, daemon=True)
    thread.start()
    return thread


def test_one_setting_chooses_it(settings: Settings) -> None:
    assert isinstance(runner_for(settings), PodRunner)


def test_progress_reaches_the_log_and_the_pod_is_gone(kubernetes, settings: Settings, caplog) -> None:
    kubernetes.script = 'echo "$@"; sleep 0.2; echo "$AWS_ACCESS_KEY_ID in $NIGHTJAR_BUCKET with $OMP_NUM_THREADS"'
    kubernetes.secrets = {"lake": {"AWS_ACCESS_KEY_ID": "key"}, "more": {}}
    with caplog.at_level(logging.INFO):
        run(settings, 1)
    assert f"--day {DAY} --shard 1 --shards 4" in caplog.messages
    assert "key in nightjar with 1" in caplog.messages
    assert kubernetes.pods == {}


def test_the_manifest_has_no_secret_but_their_names(kubernetes, settings: Settings) -> None:
    kubernetes.secrets = {"lake": {}, "more": {}}
    kubernetes.script = "sleep 600"
    done = fails(settings)
    _until(lambda: kubernetes.pods)
    manifest = next(iter(kubernetes.pods.values())).manifest
    kubernetes.pods.pop(manifest["metadata"]["name"]).end()
    done.join(120)
    said = json.dumps(manifest)
    assert "not-for-a-manifest" not in said
    assert "a-password" not in said
    assert manifest["spec"]["serviceAccountName"] == "nightjar-embedder"
    assert manifest["spec"]["automountServiceAccountToken"] is False
    assert manifest["metadata"]["labels"]["nightjar/day"] == DAY
    wanted = {"cpu": "1", "memory": "3000Mi"}
    assert manifest["spec"]["containers"][0]["resources"] == {"requests": wanted, "limits": wanted}


def test_gpus_by_a_setting(settings: Settings) -> None:
    from nightjar.embed.job import shard_job, told
    from nightjar.embed.manifest import embedder_pod

    one = replace(settings, embedder_gpus="1", embedder_cache_claim="weights")
    made = embedder_pod(one, shard_job(one, DAY, (0, 1)), told(one), {})["spec"]
    assert made["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert made["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert made["volumes"][0]["persistentVolumeClaim"] == {"claimName": "weights"}
    without = embedder_pod(settings, shard_job(one, DAY, (0, 1)), told(one), {})["spec"]
    assert "tolerations" not in without
    assert "emptyDir" in without["volumes"][0]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no weights here; exit 2", "shard 0 of 4 of 2026-11-20 with exit status 2; its last lines: no weights h"),
        ("kill -9 $$", "exit status 137 \\(OOMKilled: NIGHTJAR_EMBEDDER_MEMORY_MB is 3000\\)"),
    ],
)
def test_failures_are_named(kubernetes, settings: Settings, script: str, said: str) -> None:
    kubernetes.script = script
    with pytest.raises(NightjarError, match=said):
        run(replace(settings, embedder_secrets=""))
    assert kubernetes.pods == {}


def test_a_pod_that_cannot_start_says_why(kubernetes, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    kubernetes.stuck = "CreateContainerConfigError"
    with pytest.raises(NightjarError, match=r"does not start on shard 0 .* CreateContainerConfigError as the test"):
        run(settings)
    kubernetes.stuck = "ImagePullBackOff"
    monkeypatch.setattr(pod, "_TROUBLE_S", 0.2)
    with pytest.raises(NightjarError, match="ImagePullBackOff"):
        run(settings)
    kubernetes.stuck = "Unschedulable"
    monkeypatch.setattr(pod, "_START_S", 0.2)
    with pytest.raises(NightjarError, match=r"Unschedulable.*NIGHTJAR_EMBEDDER_IMAGE and _SECRETS"):
        run(settings)
    assert kubernetes.pods == {}


def test_a_log_that_breaks_off_is_taken_up_again(kubernetes, settings: Settings, caplog) -> None:
    kubernetes.script = "for n in 1 2 3 4 5 6; do echo line $n; sleep 0.1; done"
    kubernetes.break_log_after = 3
    with caplog.at_level(logging.INFO):
        run(replace(settings, embedder_secrets=""))
    assert [line for line in caplog.messages if line.startswith("line")] == [f"line {n}" for n in range(1, 7)]


def test_an_api_that_stumbles_is_asked_again(kubernetes, settings: Settings) -> None:
    kubernetes.refuse = [503, 500]
    run(replace(settings, embedder_secrets=""))
    kubernetes.refuse = [503] * 3
    with pytest.raises(NightjarError, match="503 not now"):
        run(replace(settings, embedder_secrets=""))


def test_a_retry_removes_the_pod_of_the_attempt_before(kubernetes, settings: Settings) -> None:
    settings = replace(settings, embedder_secrets="")
    kubernetes.script = "sleep 600"
    first = fails(settings)
    _until(lambda: kubernetes.pods)
    left = next(iter(kubernetes.pods.values())).process
    kubernetes.script = "sleep 1"
    run(settings)  # and the attempt before, which finds its own gone, leaves this one alone
    assert left.wait(timeout=120) == -signal.SIGKILL
    first.join(120)
    assert not first.is_alive()


def test_refusals_name_the_role_and_a_dead_api_the_setting(kubernetes, settings: Settings) -> None:
    with pytest.raises(NightjarError, match="service account needs the role"):
        run(replace(settings, embedder_namespace="elsewhere"))
    with pytest.raises(NightjarError, match="NIGHTJAR_EMBEDDER_KUBERNETES"):
        run(replace(settings, embedder_kubernetes="http://127.0.0.1:1"))


def test_outside_of_a_cluster_the_remedy_is_a_proxy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NightjarError, match="kubectl proxy"):
        PodRunner(replace(settings, embedder_kubernetes=""))


def test_inside_of_a_cluster_the_mounted_account_is_used(
    kubernetes, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a-token\n")
    (tmp_path / "namespace").write_text("songs")
    monkeypatch.setattr(cluster, "MOUNTED", tmp_path)
    monkeypatch.setattr(cluster, "_in_cluster", lambda: kubernetes.address)
    monkeypatch.setenv("HOSTNAME", "worker-1")
    kubernetes.token = "a-token"
    kubernetes.pods["worker-1"] = _Worker()
    inside = replace(settings, embedder_kubernetes="", embedder_namespace="", embedder_secrets="")
    seen = []
    monkeypatch.setattr(ClusterDouble, "finish_request", _noting(ClusterDouble.finish_request, kubernetes, seen))
    kubernetes.script = "sleep 0.5"
    run(inside)
    assert {"apiVersion": "v1", "kind": "Pod", "name": "worker-1", "uid": "u-1"} in seen
    (tmp_path / "token").write_text("another")
    with pytest.raises(NightjarError, match="401 Unauthorized"):
        run(inside)


class _Worker:
    """The pod of the task itself."""

    uid = "u-1"
    manifest = {"metadata": {"name": "worker-1", "uid": "u-1"}}  # noqa: RUF012

    def seen(self) -> dict:
        return self.manifest | {"status": {"phase": "Running"}}

    def end(self) -> None:
        return


def _noting(finish, kubernetes, seen: list):
    def noting(self, *arguments):
        for each in list(kubernetes.pods.values()):
            seen.extend(each.manifest["metadata"].get("ownerReferences", []))
        return finish(self, *arguments)

    return noting


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_no_pod_outlives_a_task_that_is_asked_to_end(kubernetes, settings, tmp_path: Path, how: signal.Signals) -> None:
    kubernetes.script = f"echo $$ > {tmp_path}/pid; exec sleep 600"
    code = (
        "from nightjar.embed.runner import runner_for; from nightjar.settings import Settings; "
        "runner_for(Settings.load()).run('2026-11-20', 0, 1)"
    )
    environment = os.environ | replace(settings, embedder_secrets="").environment()
    environment["PYTHONPATH"] = str(REPOSITORY / "plugins")
    task = subprocess.Popen([sys.executable, "-c", code], env=environment)
    _until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    task.send_signal(how)
    assert task.wait(timeout=120) != 0
    assert kubernetes.pods == {}
    _until(lambda: not _runs(int((tmp_path / "pid").read_text())))
