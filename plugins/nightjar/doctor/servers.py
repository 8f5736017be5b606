"""Milvus and the key-value store: that they answer, may be written, and keep what they are given."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from nightjar.doctor import lost
from nightjar.doctor.examine import Finding, fail, ok, warn
from nightjar.errors import NightjarError
from nightjar.models import live
from nightjar.publish.store import Store
from nightjar.settings import Settings
from nightjar.vectors.connection import Connection
from nightjar.vectors.store import VectorStore

MILVUS, KV = "Milvus", "key-value store"

_TIMEOUT_S = 5.0
_OLDEST_MILVUS = (2, 3)
_FULL = 0.9


def look_at_milvus(settings: Settings) -> Iterator[Finding]:
    """Reaches it, asks for its version, makes and drops a collection, and looks at the model's own."""
    connection = Connection(settings, timeout_s=_TIMEOUT_S)
    version = connection.call(connection.client.get_server_version)
    known = [int(part) for part in version.removeprefix("v").split("-")[0].split(".")[:2] if part.isdigit()]
    if not connection.lite and known and tuple(known) < _OLDEST_MILVUS:
        yield warn(MILVUS, f"version {version} at {settings.milvus_uri}", "Upgrade to 2.3 or later")
    else:
        yield ok(MILVUS, f"{settings.milvus_uri} answers: {version}")
    scratch = f"nightjar_doctor_{secrets.token_hex(6)}"
    try:
        connection.call(connection.client.create_collection, scratch, dimension=4)
        connection.call(connection.client.drop_collection, scratch)
    except NightjarError as error:
        yield fail(MILVUS, f"no collection can be made: {error.message}", "Give the token's role the right to write")
    connection.client.close()
    try:
        settings = live.resolved(settings)
    except NightjarError:
        yield warn(MILVUS, "which model is live is not known without object storage", "See what is said of it")
        return
    with VectorStore(settings) as store:
        yield from lost.of_vectors(MILVUS, settings, store)
        if store.exists() and not store.is_live():
            yield warn(
                MILVUS,
                f"the aliases do not name the collections of {settings.model}",
                "Readers from outside see another model's songs; set NIGHTJAR_MODEL to the live one",
            )


def look_at_kv(settings: Settings) -> Iterator[Finding]:
    """Reaches it, writes and reads a key, and asks what it does when memory is short and when it is restarted."""
    store = Store(settings.kv_url)
    try:
        nodes = store.nodes()
        first = nodes[0]
        cluster = f", a cluster of {len(nodes)} primaries" if len(nodes) > 1 else ""
        yield ok(KV, f"it answers: {first['server']} {first['version']}{cluster}")
        if any(node["role"] != "master" for node in nodes):
            yield fail(KV, "it is a replica, which cannot be written", "Set NIGHTJAR_KV_URL to the primary")
            return
        store.try_key()
        yield ok(KV, "a key can be written, read and removed")
        yield _policy({node["policy"] for node in nodes})
        yield from _room(nodes)
        if not all(node["appends"] for node in nodes):
            yield warn(
                KV,
                "its append-only file is off: a restart may lose the newest lists",
                "CONFIG SET appendonly yes, and in its configuration; else run nightjar rebuild lists after a restart",
            )
        yield from lost.of_lists(KV, settings, store)
    finally:
        store.close()


def _policy(policies: set[str]) -> Finding:
    if policies == {"noeviction"}:
        return ok(KV, "maxmemory-policy is noeviction")
    wrong = sorted(policies - {"noeviction"})[0]
    return fail(
        KV,
        f"maxmemory-policy is {wrong}: it may throw lists away without a word",
        "CONFIG SET maxmemory-policy noeviction, and in its configuration; who needs eviction needs another store",
    )


def _room(nodes: list[dict]) -> Iterator[Finding]:
    """A publish needs a third version beside the two that are kept."""
    full = [node for node in nodes if node["maxmemory"] and node["used"] > _FULL * node["maxmemory"]]
    if full:
        share = full[0]["used"] / full[0]["maxmemory"]
        yield warn(KV, f"{share:.0%} of its memory is used", "Raise maxmemory: see capacity in docs/runbook.md")
