"""The Kubernetes manifests are what the API takes, and agree with what a consumer does."""

import re
from pathlib import Path
from typing import Any

import pytest

from consumer.config.environment import load_settings
from consumer.config.settings import Settings
from consumer.supervisor import kill_after_s
from consumer.telemetry.health import HealthServer
from infra.local.programs import ROOT
from tests.infra.test_dockerfile import SHIPPED, last
from tests.infra.test_monitoring import METRIC, exported  # noqa: F401 -- a fixture
from tests.support.kubernetes import Manifest, quantity_bytes, render, validate

FOLDER = ROOT / "infra" / "kubernetes"
EXAMPLES = [FOLDER / "examples" / name for name in ("cpu", "gpu")]
_SECRETS = {"R2_ACCESS_KEY_ID": "key", "R2_SECRET_ACCESS_KEY": "secret"}
_MODELS_BYTES = 2**30  # more than an engine and the libraries hold beside the pictures: docs/video.md, Memory
_PROCESS_BYTES = 200 * 2**20  # docs/operations.md, Videos on CPUs
_LOGS_BYTES = 2**30


def one(manifests: tuple[Manifest, ...], kind: str) -> Manifest:
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


@pytest.fixture(params=EXAMPLES, ids=lambda folder: folder.name)
def manifests(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    folder: Path = request.param
    return render(folder)


@pytest.fixture
def pod(manifests: tuple[Manifest, ...]) -> dict[str, Any]:
    spec: dict[str, Any] = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


@pytest.fixture
def settings(manifests: tuple[Manifest, ...]) -> Settings:
    return load_settings(one(manifests, "ConfigMap")["data"] | _SECRETS)


def test_every_manifest_fits_the_schema_of_its_kind(manifests: tuple[Manifest, ...]) -> None:
    for manifest in manifests:
        validate(manifest)


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject"])
def test_a_field_that_does_not_exist_would_be_found(kind: str) -> None:
    manifest = one(render(EXAMPLES[0]), kind)
    with pytest.raises(Exception, match="minReplicas"):
        validate({**manifest, "spec": {**manifest["spec"], "minReplicas": 1}})


def test_every_folder_with_manifests_is_part_of_an_example() -> None:
    kustomizations = {path.parent for path in FOLDER.rglob("kustomization.yaml")}
    used, reached = list(EXAMPLES), set[Path]()
    while used:
        folder = used.pop().resolve()
        reached.add(folder)
        text = (folder / "kustomization.yaml").read_text()
        used += [folder / found for found in re.findall(r"^  - (\.\./\S+)$", text, re.MULTILINE)]
    assert reached == kustomizations


def test_a_pod_is_given_the_time_that_a_drain_may_take(pod: dict[str, Any], settings: Settings) -> None:
    assert pod["terminationGracePeriodSeconds"] >= kill_after_s(settings) + 5


def test_the_probes_and_prometheus_ask_where_a_consumer_answers(
    manifests: tuple[Manifest, ...], container: dict[str, Any], settings: Settings
) -> None:
    server = HealthServer(lambda: None, bytes, host="", port=0)  # type: ignore[arg-type,return-value] # not asked
    routes = {route.resource.canonical for route in server._runner.app.router.routes() if route.resource}
    (port,) = container["ports"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    told = one(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert settings.health_host == "0.0.0.0"  # noqa: S104 -- the kubelet is not in the pod
    assert port["containerPort"] == settings.health_port == int(told["prometheus.io/port"])
    assert {probe["port"] for probe in probes} == {port["name"]}
    assert {probe["path"] for probe in probes} | {told["prometheus.io/path"]} == routes


def test_nothing_is_root_and_nothing_but_volumes_can_be_written(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    user = last("cpu", "USER").split(":")
    security = pod["securityContext"]
    assert [str(security["runAsUser"]), str(security["runAsGroup"])] == user
    assert security["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert not pod["automountServiceAccountToken"]
    assert not pod["enableServiceLinks"]


def test_there_is_room_for_the_files_and_the_memory_that_a_consumer_allows_itself(
    pod: dict[str, Any], container: dict[str, Any], settings: Settings
) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    room = mounts["/tmp"]["emptyDir"]["sizeLimit"]  # noqa: S108 -- where the image's user may write
    assert settings.work_folder.is_relative_to("/tmp")  # noqa: S108 -- as above
    assert quantity_bytes(room) >= settings.disk_budget_bytes + _LOGS_BYTES
    assert container["resources"]["requests"]["ephemeral-storage"] == room
    assert settings.disk_budget_bytes >= 4 * settings.max_video_bytes  # docs/operations.md, Disk
    memory = quantity_bytes(container["resources"]["limits"]["memory"])
    processes = settings.video_processes * _PROCESS_BYTES
    assert 0.9 * memory >= settings.decoded_budget_bytes + _MODELS_BYTES + processes
    if settings.models_dir is not None:
        assert "persistentVolumeClaim" in mounts[str(settings.models_dir)]


def test_networks_take_the_processors_that_the_pod_asks_for(
    container: dict[str, Any], settings: Settings
) -> None:
    cores = int(container["resources"]["requests"]["cpu"])
    assert (settings.model_threads, settings.video_processes) == (cores, cores)


def test_the_image_is_one_that_is_built_and_its_provider_the_one_that_it_is_for(
    container: dict[str, Any], settings: Settings
) -> None:
    target = container["image"].rpartition(":")[2]
    assert target in SHIPPED
    assert (
        (target == "gpu")
        == (settings.provider == "cuda")
        == ("nvidia.com/gpu" in str(container["resources"]))
    )


def test_secrets_are_only_referred_to(manifests: tuple[Manifest, ...], container: dict[str, Any]) -> None:
    assert "Secret" not in {manifest["kind"] for manifest in manifests}
    assert {"secretRef": {"name": "swapdrop"}} in container["envFrom"]
    assert not [name for name in one(manifests, "ConfigMap")["data"] if "KEY" in name or "TOKEN" in name]


def test_scaler_and_budget_mean_the_pods_of_the_deployment(manifests: tuple[Manifest, ...]) -> None:
    deployment = one(manifests, "Deployment")
    budget, scaler = one(manifests, "PodDisruptionBudget"), one(manifests, "ScaledObject")
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]
    assert scaler["spec"]["scaleTargetRef"] == {"name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]
    assert scaler["spec"]["minReplicaCount"] >= 1  # somebody must look into the inbox


def test_the_scaler_asks_for_metrics_that_exist(
    manifests: tuple[Manifest, ...],
    exported: set[str],  # noqa: F811 -- the fixture
) -> None:
    triggers = one(manifests, "ScaledObject")["spec"]["triggers"]
    (query,) = [trigger["metadata"]["query"] for trigger in triggers if trigger["type"] == "prometheus"]
    asked = set(METRIC.findall(query))
    assert {"swapdrop_inbox_oldest_seconds", "swapdrop_inbox_entries"} == asked <= exported


def test_the_scaler_counts_the_queue_that_consumers_hear() -> None:
    manifests = render(FOLDER / "examples" / "gpu")
    data = one(manifests, "ConfigMap")["data"]
    triggers = one(manifests, "ScaledObject")["spec"]["triggers"]
    (queue,) = [trigger for trigger in triggers if trigger["type"] == "aws-sqs-queue"]
    address = load_settings(data | _SECRETS).queue_address
    assert address is not None
    assert address.kind == "sqs"
    assert data[queue["metadata"]["queueURLFromEnv"]].split(".")[1] == queue["metadata"]["awsRegion"]
    authentication = one(manifests, "TriggerAuthentication")
    assert queue["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert {ref["name"] for ref in authentication["spec"]["secretTargetRef"]} == {"swapdrop"}
