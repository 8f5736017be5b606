"""Milvus and the key-value store: that they answer, may be written, and keep what they are given."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from nightjar.doctor import lost, tls
from nightjar.doctor.examine import Finding, fail, ok, skip, warn
from nightjar.errors import NightjarError
from nightjar.models import live
from nightjar.objects import StoreFailed
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
        nodes = "" if connection.lite else f", {_number(connection.query_nodes, 'query node')}"
        yield ok(MILVUS, f"{settings.milvus_uri} answers: {version}{nodes}")
    scratch = f"nightjar_doctor_{secrets.token_hex(6)}"
    try:
        connection.call(connection.client.create_collection, scratch, dimension=4)
        connection.call(connection.client.drop_collection, scratch)
    except NightjarError as error:
        yield fail(MILVUS, f"no collection can be made: {error.message}", "Give the token's role the right to write")
    connection.client.close()
    yield from _beside_the_lake(MILVUS, _vectors(settings))


def _vectors(settings: Settings) -> Iterator[Finding]:
    settings = live.resolved(settings)
    with VectorStore(settings) as store:
        yield from lost.of_vectors(MILVUS, settings, store)
        if store.exists() and not store.is_live():
            yield warn(
                MILVUS,
                f"the aliases do not name the collections of {settings.model}",
                "Readers from outside see another model's songs; set NIGHTJAR_MODEL to the live one",
            )


def look_at_kv(settings: Settings) -> Iterator[Finding]:
    """Reaches it, does with a key all that is ever done, and asks what it does when memory is short or it restarts."""
    tls.shake_hands(settings.kv_url)
    store = Store(settings)
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
        yield from _beside_the_lake(KV, lost.of_lists(KV, settings, store))
    finally:
        store.close()


def _beside_the_lake(check: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What comparing with the lake finds; that object storage fails is told by what looks at it."""
    try:
        yield from findings
    except StoreFailed:
        yield skip(check, "what it must hold is not known without object storage")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


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
