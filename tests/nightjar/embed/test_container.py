"""The embedder in a container, with `docker_double.py` in the docker command's place: no engine runs here."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.embed.container import ContainerRunner
from nightjar.embed.mel import log_mel
from nightjar.embed.runner import runner_for
from nightjar.errors import NightjarError
from nightjar.settings import REPOSITORY, Settings
from tests.nightjar.embed.test_runner import _runs, _until

SETTINGS = Settings(
    embedder_runner="docker",
    embedder_image="nightjar-embedder:1",
    embedder_options="--network nightjar --volume weights:/var/cache/nightjar",
    embedder_memory_mb=3000,
    embedder_python="/nowhere/python",
    kv_url="redis://:a-password@kv/0",
    milvus_token="a-token",
)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a `docker` on the PATH whose images are this shell script; a function that gives the calls so far."""
    state = tmp_path / "docker"
    (state / "bin").mkdir(parents=True)
    command = state / "bin" / "docker"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("docker_double.py")} "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DOCKER", str(state))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-of-the-lake")

    class Docker:
        folder = state

        def image(self, script: str) -> None:
            (state / "image").write_text(script)

        def calls(self) -> list[list[str]]:
            return [json.loads(line) for line in (state / "calls").read_text().splitlines()]

        def containers(self) -> list[str]:
            return [path.name for path in state.iterdir() if path.name.startswith("nightjar-")]

    return Docker()


def test_one_setting_chooses_it(docker) -> None:
    assert isinstance(runner_for(SETTINGS), ContainerRunner)
    with pytest.raises(NightjarError, match="NIGHTJAR_EMBEDDER_IMAGE"):
        runner_for(replace(SETTINGS, embedder_image=""))
    with pytest.raises(NightjarError, match="subprocess, docker, kubernetes"):
        runner_for(replace(SETTINGS, embedder_runner="podman"))


def test_progress_reaches_the_log_and_the_container_is_gone(docker, caplog) -> None:
    docker.image('echo "$@"; echo "$NIGHTJAR_BUCKET $OMP_NUM_THREADS"')
    with caplog.at_level(logging.INFO):
        runner_for(SETTINGS).run("2026-11-20", 1, 2)
    assert "--day 2026-11-20 --shard 1 --shards 2" in caplog.messages
    assert "nightjar 1" in caplog.messages
    assert docker.containers() == []


def test_secrets_go_by_name_and_only_those_of_the_lake(docker, caplog) -> None:
    docker.image("env")
    with caplog.at_level(logging.INFO):
        runner_for(SETTINGS).run("2026-11-20", 0, 1)
    said = "\n".join(caplog.messages)
    assert "AWS_SECRET_ACCESS_KEY=the-secret-of-the-lake" in said
    assert not re.search("a-password|a-token|NIGHTJAR_KV_URL|NIGHTJAR_MILVUS", said)
    assert "the-secret-of-the-lake" not in json.dumps(docker.calls())


def test_the_command_has_limits_options_and_gpus(docker) -> None:
    docker.image("true")
    runner_for(replace(SETTINGS, embedder_gpus="1")).run("2026-11-20", 3, 4)
    run = " ".join(next(call for call in docker.calls() if call[0] == "run"))
    assert "--memory 3000m --cpus 1 " in run
    assert " --gpus 1 " in run
    assert " --network nightjar --volume weights:/var/cache/nightjar nightjar-embedder:1 --day" in run
    assert re.search(r"--name nightjar-embed-20261120-3-of-4-[0-9a-f]{8} ", run)


def test_real_docker_knows_all_flags() -> None:
    if not shutil.which("docker"):
        pytest.skip("no docker command")
    known = subprocess.run(["docker", "run", "--help"], capture_output=True, text=True, check=True).stdout
    job = ContainerRunner(replace(SETTINGS, embedder_gpus="1"))
    from nightjar.embed.job import errand

    command = job._command(errand(SETTINGS, ["mel"], "", "", [Path("/tmp")]), {"AWS_REGION": "x"})
    for flag in [word for word in command if word.startswith("--")]:
        assert re.search(rf"{flag}\b", known), flag


@pytest.mark.parametrize(
    ("script", "image", "said"),
    [
        ("echo no weights here >&2; exit 2", "nightjar-embedder:1", "shard 0 of 4 of 2026-11-20 with exit status 2"),
        ("kill -9 $$", "nightjar-embedder:1", "maybe for memory: NIGHTJAR_EMBEDDER_MEMORY_MB is 3000"),
        ("true", "registry.invalid/none:1", "docker could not run .* pull access denied. Check NIGHTJAR_EMBEDDER_"),
    ],
)
def test_failures_are_named(docker, script: str, image: str, said: str) -> None:
    docker.image(script)
    with pytest.raises(NightjarError, match=said):
        runner_for(replace(SETTINGS, embedder_image=image)).run("2026-11-20", 0, 4)
    assert docker.containers() == []


def test_options_that_cannot_be_read_are_named(docker) -> None:
    with pytest.raises(NightjarError, match=r"NIGHTJAR_EMBEDDER_OPTIONS.*No closing quotation"):
        runner_for(replace(SETTINGS, embedder_options="--label 'x")).run("2026-11-20", 0, 1)


def test_no_docker_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NightjarError, match="no docker command"):
        runner_for(SETTINGS).run("2026-11-20", 0, 1)


def test_a_retry_removes_what_an_attempt_left(docker) -> None:
    docker.image("true")
    runner_for(SETTINGS).run("2026-11-20", 0, 1)
    name = docker.calls()[0][-1]
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (docker.folder / name).write_text(str(left.pid))
    runner_for(SETTINGS).run("2026-11-20", 0, 1)
    assert left.wait(timeout=120) == -signal.SIGKILL


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_container_outlives_a_task_that_is_ended(docker, tmp_path: Path, how: signal.Signals) -> None:
    docker.image(f"echo $$ > {tmp_path}/pid; exec sleep 600")
    code = (
        "from nightjar.embed.runner import runner_for; from nightjar.settings import Settings; "
        "runner_for(Settings(embedder_runner='docker', embedder_image='e:1')).run('2026-11-20', 0, 1)"
    )
    task = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")})
    _until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    inside = int((tmp_path / "pid").read_text())
    task.send_signal(how)
    task.wait()
    _until(lambda: not _runs(inside))
    _until(lambda: docker.containers() == [])
    guard = ["pgrep", "-f", f"guard {docker.folder}"]
    _until(lambda: not subprocess.run(guard, capture_output=True).stdout.strip())


def test_an_errand_gets_its_folder_and_our_user(docker, tmp_path: Path) -> None:
    docker.image(
        'for each; do case "$each" in --out=*) out="${each#--out=}";; esac; done\n'
        f"exec {sys.executable} -c 'import numpy, sys; numpy.save(sys.argv[1], [[1.0, 2.0]])' \"$out\""
    )
    assert log_mel(SETTINGS, "abc", "2026-11-20", 0.0, 1.0, "mix").tolist() == [[1.0, 2.0]]
    run = next(call for call in docker.calls() if call[0] == "run")
    folder = run[run.index("--volume") + 1].partition(":")[0]
    assert any(word.startswith(f"--out={folder}/") for word in run)
    assert run[run.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"
    docker.image("true")
    with pytest.raises(NightjarError, match="left nothing in"):
        log_mel(SETTINGS, "abc", "2026-11-20", 0.0, 1.0, "mix")


def test_an_errand_prefers_the_environment_on_this_machine(docker, tmp_path: Path, caplog) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho here\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(NightjarError, match="exit status 3"):
        log_mel(replace(SETTINGS, embedder_python=str(program)), "abc", "2026-11-20", 0.0, 1.0, "mix")
    in_a_pod = replace(SETTINGS, embedder_runner="kubernetes")
    with pytest.raises(NightjarError, match="cannot write files here, at the mel spectrogram of abc"):
        log_mel(in_a_pod, "abc", "2026-11-20", 0.0, 1.0, "mix")
