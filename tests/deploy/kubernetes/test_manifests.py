"""Manifests and charts' values, judged without a cluster: schemas, references, secrets, least privilege."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from nightjar.doctor import embedder, machine
from nightjar.doctor.examine import FAIL
from nightjar.embed.job import shard_job, told
from nightjar.embed.manifest import embedder_pod
from nightjar.settings import Settings
from tests.deploy.kubernetes.kustomize import FOLDER, OVERLAYS, built, documents, key

VERSION = "1.33"
"""Of Kubernetes, by whose schemas manifests are judged."""
HELM = FOLDER.parent / "helm"
VALUES = sorted(HELM.glob("*/*.yaml"))
TEXT = (FOLDER / "README.md").read_text()
DOCUMENTED = dict(re.findall(r"^\| [\w-]+, `([\w-]+)` \| (.+?) \|", TEXT, re.MULTILINE))
REFERENCE = re.compile(r"secretname$|existingsecret$", re.IGNORECASE)


def pairs(value: object, at: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf of a tree with its path."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from pairs(each, f"{at}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from pairs(each, f"{at}[]")
    else:
        yield at, value


def settings(overlay: str) -> Settings:
    """Nightjar's settings in an environment."""
    return Settings.load(built(overlay)["ConfigMap", "nightjar", "nightjar-settings"]["data"])


def pod(overlay: str) -> dict:
    made = settings(overlay)
    return embedder_pod(made, shard_job(made, "2026-11-20", (0, 1)), told(made), {"day": "2026-11-20", "shard": "0"})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_schemas_accept_everything(overlay: str) -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    for made in [*built(overlay).values(), pod(overlay)]:
        validate(made, VERSION, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_real_kustomize_makes_the_same(overlay: str) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", str(FOLDER / "overlays" / overlay)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {key(each): each for each in yaml.safe_load_all(said)} == built(overlay)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_exist_and_make_sense(overlay: str) -> None:
    given = built(overlay)["ConfigMap", "nightjar", "nightjar-settings"]["data"]
    assert [each for each in machine.look_at_settings(settings(overlay), given) if each.state == FAIL] == []
    assert not [name for name in given if not hasattr(Settings(), name.removeprefix("NIGHTJAR_").lower())]
    assert all(isinstance(value, str) for value in given.values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_referred_to_is_there(overlay: str) -> None:
    made, pods = built(overlay), pod(overlay)["spec"]
    accounts = {name for kind, _, name in made if kind == "ServiceAccount"}
    assert pods["serviceAccountName"] in accounts
    airflow = yaml.safe_load((HELM / "airflow" / "values.yaml").read_text())
    assert airflow["workers"]["serviceAccount"] == {"create": False, "name": "nightjar-tasks"}
    for each in made.values():
        for subject in each.get("subjects", []):
            assert ("ServiceAccount", subject["namespace"], subject["name"]) in made
        if each["kind"] == "RoleBinding":
            assert ("Role", each["metadata"]["namespace"], each["roleRef"]["name"]) in made
        if namespace := each["metadata"].get("namespace"):
            assert ("Namespace", "", namespace) in made
    claim = pods["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert ("PersistentVolumeClaim", "nightjar", claim) in made
    assert "nightjar-settings" in airflow["extraEnvFrom"]


def test_every_secret_that_is_referred_to_is_documented_and_none_is_written_down() -> None:
    named = set(settings("prod").embedder_secrets.split(","))
    for path in VALUES:
        values = yaml.safe_load(path.read_text())
        named |= {str(value) for at, value in pairs(values) if REFERENCE.search(at)}
        for source in yaml.safe_load(values.get("extraEnvFrom", "[]")):
            named |= {source["secretRef"]["name"]} if "secretRef" in source else set()
        named |= {str(value) for at, value in pairs(values) if at.endswith("secretKeyRef.name")}
        for at, value in pairs(values):
            if re.search(r"password|secretkey|accesskey|token", at.rpartition(".")[2], re.IGNORECASE):
                assert REFERENCE.search(at) or at.endswith("passwords_file"), f"{path.name}: {at}={value}"
    assert named - {"None"} == set(DOCUMENTED)
    for path in FOLDER.rglob("*.yaml"):
        assert not [each for each in documents(path) if each["kind"] == "Secret"], path
        assert not re.search(r"(://[^/\s]*:[^/\s]*@|AKIA[0-9A-Z]{16})", path.read_text()), path


def test_images_have_versions() -> None:
    text = "\n".join(path.read_text() for path in [*VALUES, *FOLDER.rglob("*.yaml")])
    assert "latest" not in text
    found = re.findall(r"(?:image|IMAGE): (\S+/\S+)", text)
    assert len(found) >= 4
    assert all(re.search(r":\d[\w.-]*$", image) for image in found), found
    assert re.search(r"tag: v?\d", text)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_accounts_may_do_what_the_code_does_and_nothing_else(overlay: str) -> None:
    made = built(overlay)
    assert not [kind for kind, _, _ in made if kind.startswith("ClusterRole")]
    (role,) = [each for (kind, _, _), each in made.items() if kind == "Role"]
    allowed = {
        (verb, resource.removeprefix("pods").removeprefix("/"))
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert allowed == set(embedder._PERMISSIONS)
    assert made["ServiceAccount", "nightjar", "nightjar-embedder"]["automountServiceAccountToken"] is False
    (binding,) = [each for (kind, _, _), each in made.items() if kind == "RoleBinding"]
    assert [subject["name"] for subject in binding["subjects"]] == ["nightjar-tasks"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_namespace_denies_what_is_not_said(overlay: str) -> None:
    made = built(overlay)
    for namespace in [name for kind, _, name in made if kind == "Namespace"]:
        spec = made["NetworkPolicy", namespace, "default-deny"]["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for (kind, _, name), policy in made.items():
        if kind == "NetworkPolicy":
            for rule in policy["spec"].get("ingress", []):
                assert rule.get("from"), f"{name} lets everybody in"
    labels = pod(overlay)["metadata"]["labels"]
    selected = made["NetworkPolicy", "nightjar", "embedder"]["spec"]["podSelector"]["matchLabels"]
    assert selected.items() <= labels.items()
    assert made["PodDisruptionBudget", "nightjar", "nightjar-embedder"]["spec"]["selector"]["matchLabels"] == selected


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_gpus_are_asked_for_where_the_quota_has_some(overlay: str) -> None:
    quota = built(overlay)["ResourceQuota", "nightjar", "nightjar"]["spec"]["hard"]
    wanted = pod(overlay)["spec"]["containers"][0]["resources"]["limits"].get("nvidia.com/gpu", "0")
    assert int(wanted) <= int(quota["requests.nvidia.com/gpu"])
    assert (overlay == "dev") == (wanted == "0")
    assert settings(overlay).embedder_image.endswith("-gpu") == (wanted != "0")


def test_the_pod_is_closed() -> None:
    spec = pod("prod")["spec"]
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/var/cache/nightjar"}


def test_the_shell_is_like_the_tasks() -> None:
    (shell,) = documents(FOLDER / "shell.yaml")
    pytest.importorskip("kubernetes_validate").validate(shell, VERSION, strict=True)
    container = shell["spec"]["containers"][0]
    values = yaml.safe_load((HELM / "airflow" / "values.yaml").read_text())
    assert container["image"] == ":".join(values["images"]["airflow"][name] for name in ("repository", "tag"))
    assert shell["spec"]["serviceAccountName"] == values["workers"]["serviceAccount"]["name"]
    sources = [source for source in yaml.safe_load(values["extraEnvFrom"]) if "optional" not in str(source)]
    assert container["envFrom"] == sources
    policy = built("prod")["NetworkPolicy", "nightjar", "airflow"]["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= shell["metadata"]["labels"].items()
    keys = [each["valueFrom"]["secretKeyRef"] for each in container["env"]]
    assert all(f"`{each['key']}`" in DOCUMENTED[each["name"]] for each in keys)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_part_of_milvus_has_its_passwords(overlay: str) -> None:
    values, more = (yaml.safe_load((HELM / "milvus" / f"{name}.yaml").read_text()) for name in ("values", overlay))
    parts = [name for name, part in more.items() if isinstance(part, dict) and "resources" in part]
    assert parts
    for name in parts:
        keys = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in values[name]["extraEnv"]}
        assert {"COMMON_SECURITY_DEFAULTROOTPASSWORD", "MINIO_ACCESS_KEY_ID", "MINIO_SECRET_ACCESS_KEY"} <= set(keys)
        assert all(f"`{each['key']}`" in DOCUMENTED[each["name"]] for each in keys.values())


def test_milvus_is_of_one_version_on_one_host_and_in_a_cluster() -> None:
    values = yaml.safe_load((HELM / "milvus" / "values.yaml").read_text())["image"]["all"]
    services = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yaml").read_text())["services"]
    assert services["milvus"]["image"] == f"{values['repository']}:{values['tag']}"


def test_the_environments_differ_as_they_should() -> None:
    def values(chart: str, overlay: str) -> dict:
        return yaml.safe_load((HELM / chart / f"{overlay}.yaml").read_text())

    assert values("milvus", "dev")["cluster"]["enabled"] is False
    for overlay in ("fat", "prod"):
        milvus = values("milvus", overlay)
        assert (milvus["queryNode"]["replicas"], milvus["proxy"]["replicas"]) == (2, 2)
        assert "clusterLevelLoadReplicaNumber: 2" in milvus["extraConfigFiles"]["user.yaml"]
        assert "authorizationEnabled: true" in milvus["extraConfigFiles"]["user.yaml"]
    for overlay in OVERLAYS:
        valkey = values("valkey", overlay)
        assert "maxmemory-policy noeviction" in valkey["extraConfig"]
        assert "appendonly yes" in valkey["extraConfig"]
        given = re.search(r"maxmemory (\d+)gb", valkey["extraConfig"])[1]
        limit = re.fullmatch(r"(\d+)Gi", valkey["resources"]["limits"]["memory"])[1]
        assert int(limit) >= 1.3 * int(given), "rewriting the append-only file needs room"


def test_airflow_and_its_image_are_of_one_version() -> None:
    values = yaml.safe_load((HELM / "airflow" / "values.yaml").read_text())
    lock = (FOLDER.parents[1] / "requirements.txt").read_text()
    assert f"apache-airflow=={values['airflowVersion']} \\\n" in lock
    page = values["apiServer"]["extraInitContainers"][0]["image"]
    airflow = values["images"]["airflow"]
    assert page == f"{airflow['repository']}:{airflow['tag']}"
