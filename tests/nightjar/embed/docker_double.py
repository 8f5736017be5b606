#!/usr/bin/env python3
"""What `docker run` and `docker rm` do, as far as the runner uses them, with a shell script in the image's place.

There is no container engine where the tests run, but what matters is here: a container is nobody's child, it goes on
when the command that started it is killed, it sees only the variables that were named, and two of one name cannot be.
FAKE_DOCKER names a folder with the script `image`; `calls` is a line of JSON for each call.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_DOCKER"])
WITH_VALUE = {"--name", "--label", "--memory", "--cpus", "--cap-drop", "--security-opt", "--env", "--gpus", "--user"}
WITH_VALUE |= {"--volume", "--network"}
ALONE = {"--rm", "--init"}


def run(words: list[str]) -> int:
    given: list[tuple[str, str]] = []
    while words[0].startswith("--"):
        flag = words.pop(0)
        assert flag in WITH_VALUE | ALONE, flag
        given.append((flag, words.pop(0) if flag in WITH_VALUE else ""))
    image, *arguments = words
    if image == "registry.invalid/none:1":
        print("docker: Error response from daemon: pull access denied", file=sys.stderr)
        return 125
    place = STATE / dict(given)["--name"]
    if place.exists():
        print(f"docker: Error: the container name {place.name} is in use", file=sys.stderr)
        return 125
    named = [value for flag, value in given if flag == "--env"]
    environment = {name: os.environ[name] for name in named} | {"PATH": "/usr/bin:/bin"}
    output, into = os.pipe()
    container = subprocess.Popen(
        ["sh", "-c", 'echo $$ > "$0"; exec sh "$@"', place, STATE / "image", *arguments],
        env=environment,
        stdout=into,
        stderr=into,
        start_new_session=True,
    )
    os.close(into)
    with os.fdopen(output, "rb", buffering=0) as lines:
        while text := lines.read(1000):
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
    status = container.wait()
    place.unlink(missing_ok=True)
    return status if status >= 0 else 128 - status


def remove(words: list[str]) -> int:
    assert words[0] == "--force"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.killpg(int((STATE / words[1]).read_text()), signal.SIGKILL)
    (STATE / words[1]).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(sys.argv[1:]) + "\n")
    sys.exit({"run": run, "rm": remove}[sys.argv[1]](sys.argv[2:]))
