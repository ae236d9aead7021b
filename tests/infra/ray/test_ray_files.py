"""The files for KubeRay and `ray up` are what these take, and agree with the code and the image."""

import json
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]  # it ships no types
from jsonschema import (  # type: ignore[import-untyped]  # it ships no types
    Draft202012Validator,
    ValidationError,
    validate,
)

from consumer.cli.app import app
from consumer.config.environment import load_settings
from tests.infra.test_dockerfile import ROOT, last
from tests.support.kubernetes import validate as validate_kubernetes

FOLDER = ROOT / "infra" / "ray"
MANIFESTS = ("rayjob.yaml", "rayservice.yaml")
KUBERAY_METRICS_PORT = 8080  # where `rayStartParams` has no `metrics-export-port`
_SCHEMA = json.loads((Path(__file__).parent / "kuberay.json").read_text())


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def cluster(name: str) -> dict[str, Any]:
    spec = manifest(name)["spec"]
    found: dict[str, Any] = spec["rayClusterSpec"] if "rayClusterSpec" in spec else spec["rayClusterConfig"]
    return found


def templates(name: str) -> Iterator[dict[str, Any]]:
    """The pods of a cluster: the head's first."""
    spec = cluster(name)
    yield spec["headGroupSpec"]["template"]
    yield from (group["template"] for group in spec["workerGroupSpecs"])


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_fits_kuberays_schema_and_its_pods_kubernetes_own(name: str) -> None:
    Draft202012Validator(_SCHEMA).validate(manifest(name))
    for template in templates(name):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, "spec": template["spec"]}
        validate_kubernetes(pod)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_field_that_does_not_exist_would_be_found(name: str) -> None:
    wrong = manifest(name)
    wrong["spec"]["workers"] = 2
    with pytest.raises(ValidationError, match="workers"):
        Draft202012Validator(_SCHEMA).validate(wrong)


def test_ray_up_takes_its_file() -> None:
    ray = pytest.importorskip("ray")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    config = yaml.safe_load((FOLDER / "cluster.yaml").read_text())
    validate(config, schema)
    assert config["head_node_type"] in config["available_node_types"]
    with pytest.raises(ValidationError):
        validate({**config, "workers": 2}, schema)


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_cluster_is_of_the_ray_in_the_image_and_asks_for_a_token(name: str) -> None:
    (version,) = re.findall(r"^ray==(\S+)", (ROOT / "requirements" / "ray.txt").read_text(), re.MULTILINE)
    assert cluster(name)["rayVersion"] == version
    assert cluster(name)["authOptions"] == {"mode": "token"}
    images = {template["spec"]["containers"][0]["image"] for template in templates(name)}
    assert images == {"swapdrop:ray"}
    assert last("ray", "ENV") == "RAY_USAGE_STATS_ENABLED=0"


@pytest.mark.parametrize("name", MANIFESTS)
def test_nothing_is_root_and_settings_are_known(name: str) -> None:
    for template in templates(name):
        pod = template["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        load_settings({each["name"]: each["value"] for each in container["env"]})


def test_the_services_consumer_leaves_the_port_that_kuberay_gives_to_rays_metrics() -> None:
    for template in templates("rayservice.yaml"):
        [container] = template["spec"]["containers"]
        settings = load_settings({each["name"]: each["value"] for each in container["env"]})
        assert settings.health_port != KUBERAY_METRICS_PORT


def test_the_job_is_a_command_that_there_is() -> None:
    words = shlex.split(manifest("rayjob.yaml")["spec"]["entrypoint"])
    assert words[0] == "env"
    name, _, value = words[1].partition("=")
    assert str(load_settings({name: value}).work_dir).startswith("/data/")
    assert words[2] == "swapdrop"
    command = typer.main.get_command(app)
    with command.make_context("swapdrop", words[3:4]) as context:
        swap = command.get_command(context, "swap")  # type: ignore[attr-defined]
        parsed = swap.make_context("swap", words[4:])
    assert parsed.params["ray"] == "auto"


def test_the_service_names_what_the_code_has() -> None:
    (application,) = yaml.safe_load(manifest("rayservice.yaml")["spec"]["serveConfigV2"])["applications"]
    module, _, name = application["import_path"].partition(":")
    assert callable(getattr(import_module(module), name))
    source = (ROOT / "consumer" / "ray_service.py").read_text()
    assert [f'name="{each["name"]}"' in source for each in application["deployments"]] == [True]
