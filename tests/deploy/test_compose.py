"""docker-compose.yaml: what can be known of it without an engine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import grpc
import pytest
import yaml

from deploy.embedded import ports, processes
from deploy.embedded.service import Service, executable
from nightjar.objects import ObjectChanged, Objects
from nightjar.settings import CLOUD_ACCOUNT, REPOSITORY, Settings

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
            r"compose, (\d+) GB of memory.*?may use (\d+) GB together, and each separation another (\d+) GB", runbook
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


def networks(name: str) -> set[str]:
    """Which networks a service is on."""
    return set(SERVICES[name].get("networks", ["default"]))


def reached_from(network: str) -> set[str]:
    """The services that a container on this network alone can open connections to."""
    return {name for name in SERVICES if network in networks(name) and name not in ENDS}


def test_the_embedder_reaches_the_lakes_gateway_and_nothing_else() -> None:
    """It parses whatever users upload; etcd and what is behind the gateway ask for no password."""
    options = SERVICES["scheduler"]["environment"]["NIGHTJAR_EMBEDDER_OPTIONS"].split()
    assert options.count("--network") == 1
    assert not {"--net", "--add-host", "--link", "--publish", "--privileged"} & set(options)
    name = options[options.index("--network") + 1]
    (network,) = (key for key, made in MADE["networks"].items() if made.get("name") == name)
    assert MADE["networks"][network]["internal"] is True, "nor the world"
    assert reached_from(network) == {"s3"}
    assert SERVICES["scheduler"]["environment"]["NIGHTJAR_S3_ENDPOINT"] == "http://s3:8333"


def test_what_asks_for_no_password_is_reached_by_its_own_client_alone() -> None:
    for server, client in {"etcd": "milvus", "minio": "milvus", "seaweedfs": "s3"}.items():
        (network,) = networks(server)
        assert MADE["networks"][network]["internal"] is True
        assert client in reached_from(network)
        assert "scheduler" not in reached_from(network)


def test_the_embedder_runs_with_the_volume_and_the_image_that_are_made_here() -> None:
    environment = SERVICES["scheduler"]["environment"]
    assert (
        f"--volume {MADE['volumes']['weights']['name']}:/var/cache/nightjar" in environment["NIGHTJAR_EMBEDDER_OPTIONS"]
    )
    assert environment["NIGHTJAR_EMBEDDER_IMAGE"] == SERVICES["embedder"]["image"]


class Weed(Service):
    """SeaweedFS's containers as processes: the same commands, with addresses and ports of this machine."""

    names = ("master", "volume", "filer", "admin", "s3")
    port_names = tuple(name + kind for name in names for kind in ("", "_grpc"))

    def __init__(self, data: Path, ports: dict[str, int], name: str) -> None:
        self.name = name
        super().__init__(data, ports)

    def command(self) -> list[str]:
        given = (
            " ".join(SERVICES[self.name]["command"]).replace("0.0.0.0", "127.0.0.1").replace("/data", str(self.folder))
        )
        given = given.replace("seaweedfs:8888", f"127.0.0.1:{self.ports['filer']}.{self.ports['filer_grpc']}")
        given = given.replace("-ip=seaweedfs", "-ip=127.0.0.1").replace("-port=8333", f"-port={self.ports['s3']}")
        more = [f"-port.grpc={self.ports['s3_grpc']}", f"-localSocket={self.folder}/s3.sock"]
        if self.name == "seaweedfs":
            more = [f"-filer.localSocket={self.folder}/filer.sock"]
            for each in self.names[:-1]:
                more += [f"-{each}.port={self.ports[each]}", f"-{each}.port.grpc={self.ports[each + '_grpc']}"]
        return [executable("weed"), "-logtostderr=true", *given.split(), *more]

    def environment(self) -> dict[str, str]:
        return {
            name: re.sub(r"\$\{(\w+):.*", r"of-\1", text) for name, text in SERVICES[self.name]["environment"].items()
        }

    def ready(self) -> bool:
        address = SERVICES[self.name]["healthcheck"]["test"][-1]
        address = address.replace(":8333", f":{self.ports['s3']}").replace(":8888", f":{self.ports['filer']}")
        try:
            with ports.OPENER.open(address, timeout=120) as answer:
                return answer.status == 200
        except OSError:
            return False

    def end_leftovers(self) -> None:
        super().end_leftovers()
        for each in ["s3"] if self.name == "s3" else self.names[:-1]:
            Path(f"/tmp/seaweedfs-{each}-grpc-{self.ports[each + '_grpc']}.sock").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    """SeaweedFS in its two roles, as compose starts them."""
    data, chosen = tmp_path_factory.mktemp("weed"), ports.choose(Weed.port_names, {})
    started = []
    try:
        for name in ("seaweedfs", "s3"):
            started.append(Weed(data, chosen, name))
            started[-1].start()
            started[-1].wait()
        yield started[-1]
    finally:
        for service in reversed(started):
            service.stop()


def test_the_gateway_listens_for_s3_and_for_those_who_have_its_key(gateway: Weed) -> None:
    """Who may change its users over gRPC has the whole lake, and for good."""
    listening = {
        port
        for number in {gateway.process.pid, *(each.pid for each in processes.descendants(gateway.process))}
        for port in _listening(number)
    }
    assert listening == {gateway.ports["s3"], gateway.ports["s3_grpc"]}
    with grpc.insecure_channel(f"127.0.0.1:{gateway.ports['s3_grpc']}") as channel:
        for call in ("PutIdentity", "RemoveIdentity", "PutPolicy"):
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(f"/messaging_pb.SeaweedS3IamCache/{call}")(b"", timeout=120)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED, call


def test_the_lake_is_kept_behind_the_gateway(gateway: Weed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLOUD_ACCOUNT:
        monkeypatch.delenv(name, raising=False)
    for name, text in gateway.environment().items():
        monkeypatch.setenv(name, text)
    objects = Objects(Settings(s3_endpoint=f"http://127.0.0.1:{gateway.ports['s3']}"))
    etag = objects.put("a/b", b"1" * 10_000_000, expect="")
    assert objects.get("a/b") == b"1" * 10_000_000
    with pytest.raises(ObjectChanged):
        objects.put("a/b", b"2", expect="")
    objects.put("a/b", b"2", expect=etag)
    assert [seen.key for seen in objects.list("")] == ["a/b"]


def test_seaweedfs_is_of_the_version_that_the_tests_run() -> None:
    locked = (REPOSITORY / "requirements.txt").read_text()
    assert all(SERVICES[name]["image"].split(":")[1] in locked for name in ("seaweedfs", "s3"))


def _listening(pid: int) -> set[int]:
    """The TCP ports on which a process listens, from proc(5)."""
    sockets = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets}


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
