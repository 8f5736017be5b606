"""docker-compose.yaml: what can be known of it without an engine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import urllib.request
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from nightjar.settings import REPOSITORY, Settings

FILE = REPOSITORY / "docker-compose.yaml"
TEXT = FILE.read_text()
MADE = yaml.safe_load(TEXT)
SERVICES = MADE["services"]
ENDS = {"init", "embedder"}
"""Services that end by themselves, or are only built."""
NEEDED = sorted(set(re.findall(r"\$\{(\w+):\?", TEXT)))
SECRET = re.compile("PASSWORD|SECRET|TOKEN|FERNET|_KEY|SQL_ALCHEMY|KV_URL")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_have_versions_and_limits_and_say_how_they_are(name: str) -> None:
    service = SERVICES[name]
    image = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", service["image"])
    assert re.search(r":[\w.-]*\d[\w.-]*$", image), image
    assert "latest" not in image
    assert {"mem_limit", "cpus"} <= set(service)
    assert ("healthcheck" in service) == (name not in ENDS)


def test_the_runbook_asks_for_the_memory_that_the_limits_allow() -> None:
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text()
    asked, services, separation = map(
        int,
        re.search(
            r"compose, (\d+) GB of memory.*?services may take (\d+) GB together, and each separation (\d+) GB", runbook
        ).groups(),
    )
    assert services == sum(
        int(each["mem_limit"].removesuffix("g")) for name, each in SERVICES.items() if name not in ENDS
    )
    embedder_mb = SERVICES["scheduler"]["environment"]["NIGHTJAR_EMBEDDER_MEMORY_MB"]
    assert separation == int(embedder_mb) / 1024
    assert services + 2 * separation <= asked


def test_images_built_here_carry_the_version_of_the_environment() -> None:
    recipe = (REPOSITORY / "docs" / "runbook.md").read_text()
    assert "NIGHTJAR_VERSION=$(" in recipe
    built = [service["image"] for service in SERVICES.values() if "build" in service]
    assert built
    assert all("${NIGHTJAR_VERSION:-" in image for image in built)


def test_every_port_is_this_hosts_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_is_written_down() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable) and "PASSWORDS_FILE" not in variable:
                assert re.search(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {variable}"


def test_nightjars_settings_and_airflows_options_exist() -> None:
    known = {f"NIGHTJAR_{field.name.upper()}" for field in fields(Settings)}
    given = SERVICES["scheduler"]["environment"]
    assert {name for name in given if name.startswith("NIGHTJAR_")} <= known
    airflow = importlib.util.find_spec("airflow")
    folder = Path(next(iter(airflow.submodule_search_locations)))
    sections = yaml.safe_load((folder / "config_templates" / "config.yml").read_text())
    for name in given:
        if name.startswith("AIRFLOW__"):
            _, section, option = name.lower().split("__")
            assert option in sections[section]["options"], name


def test_what_services_depend_on_and_mount_is_there() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            wanted = "completed" if other == "init" else "healthy"
            assert wanted in how["condition"]
            assert other in SERVICES
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in MADE["volumes"] or source == "/var/run/docker.sock"
    assert [name for name, each in SERVICES.items() if "/var/run/docker.sock" in str(each.get("volumes"))] == [
        "scheduler"
    ]


def test_the_lists_are_never_evicted_and_survive() -> None:
    said = " ".join(SERVICES["valkey"]["command"])
    assert "--maxmemory-policy noeviction" in said
    assert "--appendonly yes" in said


def test_the_embedder_runs_in_the_network_and_the_volume_that_are_made_here() -> None:
    options = SERVICES["scheduler"]["environment"]["NIGHTJAR_EMBEDDER_OPTIONS"]
    assert f"--network {MADE['networks']['default']['name']} " in options
    assert f"--volume {MADE['volumes']['weights']['name']}:/var/cache/nightjar" in options
    assert SERVICES["scheduler"]["environment"]["NIGHTJAR_EMBEDDER_IMAGE"] == SERVICES["embedder"]["image"]


def test_seaweedfs_takes_the_options_and_answers_the_health_check(seaweedfs) -> None:
    """By the same version, which the tests run anyway."""
    from deploy.embedded.service import executable

    known = subprocess.run([executable("weed"), "mini", "-h"], capture_output=True, text=True)
    for option in SERVICES["seaweedfs"]["command"][1:]:
        name = option.partition("=")[0]
        assert re.search(rf"^\s+{re.escape(name)}\b", known.stdout + known.stderr, re.MULTILINE), name
    check = SERVICES["seaweedfs"]["healthcheck"]["test"][-1]
    there = check.replace("http://127.0.0.1:8333", seaweedfs.endpoint)
    assert urllib.request.urlopen(there, timeout=10).status == 200
    assert SERVICES["seaweedfs"]["image"].split(":")[1] in (REPOSITORY / "requirements.txt").read_text()


@pytest.mark.parametrize("left_out", [None, "POSTGRES_PASSWORD"])
def test_compose_reads_it_and_refuses_without_any_one_secret(left_out: str | None, tmp_path: Path) -> None:
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed")
    environment = {"PATH": os.environ["PATH"]} | {name: "x" for name in NEEDED if name != left_out}
    command = ["docker-compose", "--project-directory", str(tmp_path), "--file", str(FILE), "config"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if left_out is None:
        assert done.returncode == 0, done.stderr
        assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
    else:
        assert done.returncode != 0
