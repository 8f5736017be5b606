"""What publishing costs: `python -m tests.bench.publish [--users N]`.

Lists are made to measure and committed to a real lake; `publish_lists` takes them from there to the moved pointer, into
a real Valkey, in a process of its own so that its peak memory is its own. It is done twice: with the append-only file
that the embedded Valkey writes, and without it. Beside it, on a sample of the same lists: redis-py's pipeline of SETs
with each list encoded entry by entry, and what the server takes when commands that lie ready are sent to it. At last a
song and a user are taken down, with the help of the lake and by searching the store.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import redis

from deploy.embedded import ports
from deploy.embedded.seaweedfs import SeaweedFS
from deploy.embedded.valkey import Valkey
from nightjar import schemas
from nightjar.lake import Lake, Partition
from nightjar.publish import encode, fill, packed, steps
from nightjar.publish import write as writing
from nightjar.publish.store import Store
from nightjar.settings import CLOUD_ACCOUNT, FIRST_MODEL, Settings
from nightjar.takedowns import listed
from nightjar.takedowns import published as takedowns
from nightjar.takedowns.forgotten import Forgotten

DAY = "2026-01-01"
SONGS, LENGTH = 200_000, 100
"""Of the library, and on a list."""
_SEEDS = 30
"""Songs that a user has heard, of which three brought each song."""
_ID_CHARACTERS = 11
_SAMPLE_USERS = 10_000


def main() -> int:
    asked = _arguments()
    if asked.measure:
        print(json.dumps(_measured(Settings.load(dict(os.environ)))))
        return 0
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        keys = {"AWS_ACCESS_KEY_ID": "nightjar-bench", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
        chosen = ports.choose((*SeaweedFS.port_names, *Valkey.port_names), {})
        objects, valkey = SeaweedFS(Path(folder), chosen, keys, "nightjar"), Valkey(Path(folder), chosen, password="")
        settings = Settings(s3_endpoint=objects.endpoint, kv_url=valkey.url, model=FIRST_MODEL)
        for name in CLOUD_ACCOUNT:
            os.environ.pop(name, None)
        os.environ.update(keys | settings.environment() | ports.past_proxies(os.environ))
        try:
            for service in (objects, valkey):
                service.start()
                service.wait()
            _bench(settings, asked.users)
        finally:
            for service in (objects, valkey):
                service.stop()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.publish", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _bench(settings: Settings, users: int) -> None:
    begun = time.perf_counter()
    size = _make(settings, users)
    print(f"{users:,} lists of {LENGTH} of {SONGS:,} songs, {size / 1e9:.2f} GB in the lake", end="")
    print(f" (made in {time.perf_counter() - begun:.0f} s)\n", flush=True)
    with closing(redis.Redis.from_url(settings.kv_url)) as client:
        for kept in ("yes", "no"):
            client.flushall()
            client.config_set("appendonly", kept)
            _until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
            Lake(settings).objects.delete(f"published/{steps.versions.version_of(DAY, _manifest(settings))}.json")
            command = [sys.executable, "-m", "tests.bench.publish", "--measure"]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            _print(f"append-only file: {kept}", users, found)
        _print_takedowns(settings, users)
        client.flushall()
        _print_alternatives(client, settings, users)


def _manifest(settings: Settings) -> bytes:
    return Lake(settings).manifest(Partition("lists", DAY, settings.model)).to_json()


def _until(holds) -> None:
    while not holds():
        time.sleep(0.1)


# --- lists made to measure --------------------------------------------------------------------------------------------
def _make(settings: Settings, users: int) -> int:
    """Commit the lists of so many users; returns their bytes in the lake."""
    random = np.random.default_rng(20300101)
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", "S1")
    names = letters[random.integers(0, 64, (SONGS, _ID_CHARACTERS))].view(f"S{_ID_CHARACTERS}").ravel()
    songs = pa.array(names.astype(str))
    popular = np.cumsum(1 / np.arange(1, SONGS + 1) ** 0.6)
    lake, partition = Lake(settings), Partition("lists", DAY, settings.model)
    shards = -(-users // settings.shard_users)
    for shard in range(shards):
        own = [f"user-{number:08d}" for number in range(shard, users, shards)]
        lake.write_part(partition, shard, _rows(random, own if shard else ["", *own], songs, popular / popular[-1]))
    return sum(part.size for part in lake.commit(partition, shards).parts)


def _rows(random: np.random.Generator, users: list[str], songs: pa.Array, popular: np.ndarray) -> pa.Table:
    size = len(users) * LENGTH
    chosen = np.searchsorted(popular, random.random(size)).astype(np.int32)
    seeds = np.searchsorted(popular, random.random((len(users), _SEEDS))).astype(np.int32)
    because = np.take_along_axis(seeds, (_SEEDS * random.random((len(users), 3 * LENGTH)) ** 2).astype(int), axis=1)
    scores = -np.sort(-random.random((len(users), LENGTH), np.float32), axis=1)
    return pa.table(
        {
            "user_id": pa.array(users).take(pa.array(np.repeat(np.arange(len(users)), LENGTH))),
            "rank": np.tile(np.arange(1, LENGTH + 1, dtype=np.int32), len(users)),
            "track_id": songs.take(pa.array(chosen)),
            "score": scores.ravel(),
            "because": pa.ListArray.from_arrays(
                pa.array(np.arange(0, 3 * size + 1, 3, dtype=np.int32)), songs.take(pa.array(because.ravel()))
            ),
            "source": pa.array(["similar", "co_listened", "both"]).take(pa.array(random.integers(0, 3, size))),
        },
        schema=schemas.LISTS,
    )


# --- in a process of its own ------------------------------------------------------------------------------------------
def _measured(settings: Settings) -> dict:
    """{"seconds", "peak_mb", "record_mb"}; seconds by stage and in all: on the wall, this process's, the store's."""
    seconds: dict[str, list[float]] = {}
    _compile()
    with closing(redis.Redis.from_url(settings.kv_url)) as client:

        def now() -> np.ndarray:
            used = client.info("cpu")
            return np.array([time.perf_counter(), time.process_time(), used["used_cpu_user"] + used["used_cpu_sys"]])

        def timed(stage, function):
            def run(*arguments):
                begun = now()
                made = function(*arguments)
                seconds[stage] = (np.array(seconds.get(stage, [0, 0, 0])) + now() - begun).tolist()
                return made

            return run

        with (
            mock.patch.object(fill, "fill", timed("reading and encoding", fill.fill)),
            mock.patch.object(Store, "write", timed("writing", Store.write)),
            mock.patch.object(writing, "_lacking", timed("checking", writing._lacking)),
        ):
            begun = now()
            summary = steps.publish_lists(settings, DAY)
            seconds["total"] = (now() - begun).tolist()
    version = summary["version"]
    record = Lake(settings).objects.head(f"published/{version}.json").size
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert summary["moved"]
    return {"seconds": seconds, "peak_mb": peak_mb, "record_mb": record / 1e6}


def _compile() -> None:
    """Have numba's function in memory: compiling it takes seconds once a machine."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"user_id": ["a"], "track_id": ["b"], "score": pa.array([1], pa.float32())}), sink)
    packed.pack(pq.read_table(pa.BufferReader(sink.getvalue()), read_dictionary=["user_id", "track_id"]))


# --- takedowns --------------------------------------------------------------------------------------------------------
def _print_takedowns(settings: Settings, users: int) -> None:
    """Songs that stand on about one list in a hundred, and users."""
    lake, partition = Lake(settings), Partition("lists", DAY, settings.model)
    part = lake.manifest(partition).parts[0]
    counted = lake.part(partition, part, ["track_id"])["track_id"].value_counts()
    counts = counted.field("counts").to_numpy()
    near = np.argsort(np.abs(counts - part.rows / LENGTH / 100))[:2]
    songs = counted.field("values").take(pa.array(near)).to_pylist()
    print("taking down, of one version:")
    for how, song, user in (("by the lake", songs[0], 7), ("searching the store", songs[1], 8)):
        for what, named in (
            ("a song", Forgotten(frozenset({song}))),
            ("a user", Forgotten(users=frozenset({f"user-{user:08d}"}))),
        ):
            plain = listed.users_with if how == "by the lake" else lambda *_: None
            with closing(Store(settings)) as store, mock.patch.object(listed, "users_with", plain):
                begun, used = time.perf_counter(), time.process_time()
                changed = takedowns.remove(lake, store, named)
                wall, own = time.perf_counter() - begun, time.process_time() - used
            print(f"  {what} {how:<22}{changed:8,} of {users:,} lists{wall:9.2f} s, of which {own:.2f} s here")


# --- the alternatives -------------------------------------------------------------------------------------------------
def _print_alternatives(client: redis.Redis, settings: Settings, users: int) -> None:
    lake, partition = Lake(settings), Partition("lists", DAY, settings.model)
    part = lake.manifest(partition).parts[-1]
    rows = lake.part(partition, part).slice(0, LENGTH * min(users, _SAMPLE_USERS))
    begun = time.perf_counter()
    lists: dict[str, list[tuple[str, float]]] = {}
    columns = (rows[name].to_pylist() for name in ("user_id", "track_id", "score"))
    for user_id, track_id, score in zip(*columns, strict=True):
        lists.setdefault(user_id, []).append((track_id, score))
    begin = f"{settings.kv_prefix}{DAY}.00000000:list:"
    bodies = {begin + user_id: encode.encode(entries) for user_id, entries in lists.items()}
    encoded = time.perf_counter()
    names = list(bodies)
    for at in range(0, len(names), 1000):
        pipe = client.pipeline(transaction=False)
        for name in names[at : at + 1000]:
            pipe.set(name, bodies[name])
        pipe.execute()
    written = time.perf_counter()
    ready = [_mset(list(bodies.items())[at : at + 500]) for at in range(0, len(bodies), 500)]
    began = time.perf_counter()
    connection = client.connection_pool.get_connection()
    for command in ready:
        connection.send_packed_command([command])
    for _ in ready:
        connection.read_response()
    client.connection_pool.release(connection)
    served = time.perf_counter()
    print("entry by entry and by a pipeline of SETs (without the append-only file):")
    print(
        f"  encoding {len(lists) / (encoded - begun):,.0f} lists/s, writing {len(lists) / (written - encoded):,.0f}",
        end="",
    )
    print(f"; {users:,} lists in {users / len(lists) * (written - begun):.0f} s, unchecked")
    print(f"the store, sent commands that lie ready: {len(lists) / (served - began):,.0f} lists/s")


def _mset(items: list[tuple[str, bytes]]) -> bytes:
    parts = [b"MSET", *(part for name, body in items for part in (name.encode(), body))]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def _print(title: str, users: int, found: dict) -> None:
    print(f"{title:<28}{'seconds':>9}{'lists/s':>12}{'processor s':>13}{'the store':>13}")
    for stage, (wall, own, server) in found["seconds"].items():
        print(f"  {stage:<26}{wall:9.2f}{users / wall:12,.0f}{own:13.2f}{server:13.2f}")
    print(f"  {found['peak_mb']:,.0f} MB at most; the record has {found['record_mb']:.1f} MB\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
