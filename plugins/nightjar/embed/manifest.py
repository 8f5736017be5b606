"""The embedder's pod, written down for Kubernetes. Computes from its arguments alone."""

from __future__ import annotations

from nightjar.embed.job import Job
from nightjar.settings import Settings

USER = 10001
"""The user of the image, see deploy/images/embedder."""
CACHE = "/var/cache/nightjar"
"""Where the image keeps fetched weights."""
DEADLINE_S = 6 * 3600
"""No shard runs longer than its task may, see dags/embed_tracks.py."""
_CLOSED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def embedder_pod(
    settings: Settings, job: Job, told: dict[str, str], labels: dict[str, str], owner: dict | None = None
) -> dict:
    """The pod of a job. `told` are its variables, none of them a secret: those come by reference."""
    known = {"app.kubernetes.io/name": "nightjar-embedder", "app.kubernetes.io/part-of": "nightjar"}
    metadata = {"name": job.name, "labels": known | {f"nightjar/{name}": text for name, text in labels.items()}}
    if owner:
        metadata["ownerReferences"] = [owner]
    container = {
        "name": "embedder",
        "image": settings.embedder_image,
        "args": list(job.arguments),
        "env": [{"name": name, "value": text} for name, text in sorted(told.items())],
        "envFrom": [{"secretRef": {"name": name}} for name in _names(settings.embedder_secrets)],
        "resources": _resources(settings),
        "securityContext": _CLOSED,
        "volumeMounts": [{"name": "cache", "mountPath": CACHE}, {"name": "scratch", "mountPath": "/tmp"}],
    }
    claim = settings.embedder_cache_claim
    cache = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
    spec = {
        "restartPolicy": "Never",  # the task retries
        "activeDeadlineSeconds": DEADLINE_S,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "cache", **cache}, {"name": "scratch", "emptyDir": {}}],
    }
    if settings.embedder_service_account:
        spec["serviceAccountName"] = settings.embedder_service_account
    if settings.embedder_gpus:
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _resources(settings: Settings) -> dict:
    """What it asks for is what it may use: a separation is busy from its first second to its last."""
    wanted = {"cpu": str(settings.embedder_threads), "memory": f"{settings.embedder_memory_mb}Mi"}
    if settings.embedder_gpus:
        wanted["nvidia.com/gpu"] = settings.embedder_gpus
    return {"requests": wanted, "limits": dict(wanted)}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
