"""What is asked of RunPod is what its SDK takes, and agrees with the image and with a consumer's settings."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pytest
import runpod  # type: ignore[import-untyped]  # it ships no types

from consumer.config.environment import load_settings
from consumer.config.settings import Settings
from infra.runpod.__main__ import main, read_plan
from models.store.places import search_path
from tests.infra.test_dockerfile import lineage

_IMAGE = "registry.example.org/swapdrop:runpod"
_CREATES = {
    "template": runpod.create_template,
    "endpoint": runpod.create_endpoint,
    "pod": runpod.create_pod,
}
_LOGS_BYTES = 2**30


def settings_of(plan: dict[str, dict[str, Any]]) -> Settings:
    """A consumer's settings with secrets of one word each."""
    env = {
        name: re.sub(r"{{ RUNPOD_SECRET_\w+ }}", "secret", value)
        for name, value in plan["template"]["env"].items()
    }
    return load_settings({"SWAPDROP_PROVIDER": "cuda"} | env)


@pytest.fixture(params=["endpoint", "pod"])
def kind(request: pytest.FixtureRequest) -> str:
    told: str = request.param
    return told


@pytest.fixture
def plan(kind: str) -> dict[str, dict[str, Any]]:
    return read_plan(kind, image=_IMAGE, volume="volume-1")


class RunPod(http.server.BaseHTTPRequestHandler):
    """Answers mutations as RunPod's GraphQL does, or refuses each with `refusal`."""

    queries: list[str]
    refusal: str | None = None

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        self.queries.append(query)
        name = re.findall(r"\b(saveTemplate|saveEndpoint|podFindAndDeployOnDemand|gpuTypes|myself)\b", query)[
            0
        ]
        data: Any = {"id": f"{name}-1"}
        if name == "gpuTypes":
            data = [data]
        elif name == "myself":
            data = {"networkVolumes": [{"id": "volume-1", "dataCenterId": "EU-1"}]}
        answer = {"errors": [{"message": self.refusal}]} if self.refusal else {"data": {name: data}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[RunPod]]:
    handler = type("Account", (RunPod,), {"queries": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        monkeypatch.setenv("RUNPOD_API_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(runpod, "api_key", "key")
        yield handler
        server.shutdown()


def test_the_sdk_takes_every_argument(kind: str, plan: dict[str, dict[str, Any]]) -> None:
    assert set(plan) == {"template", kind}
    for name, arguments in plan.items():
        signature(_CREATES[name]).bind(**arguments, **({} if name == "template" else {"template_id": "1"}))


def test_the_environment_is_one_that_a_consumer_takes_and_names_secrets_only(
    plan: dict[str, dict[str, Any]],
) -> None:
    assert settings_of(plan).s3().bucket == "secret"
    secrets = [value for name, value in plan["template"]["env"].items() if name.startswith("R2_")]
    assert all(re.fullmatch(r"{{ RUNPOD_SECRET_\w+ }}", value) for value in secrets)


def test_models_lie_on_the_volume_and_where_every_consumer_looks_for_them(
    kind: str, plan: dict[str, dict[str, Any]]
) -> None:
    settings = settings_of(plan)
    (volume,) = {
        str(place.volume)
        for place in search_path(None, settings.cache_folder)
        if place.folder == settings.models_dir
    }
    assert volume == (plan["pod"]["volume_mount_path"] if kind == "pod" else "/runpod-volume")


def test_the_disk_has_room_for_the_files_of_jobs(plan: dict[str, dict[str, Any]]) -> None:
    room = plan["template"]["container_disk_in_gb"] * 10**9
    assert room >= settings_of(plan).disk_budget_bytes + _LOGS_BYTES


def test_drivers_are_asked_for_that_know_the_images_cuda(kind: str, plan: dict[str, dict[str, Any]]) -> None:
    (cuda,) = [
        found
        for stage in lineage("runpod")
        for argument in stage.arguments("ENV")
        for found in re.findall(r"cuda>=([\d.]+)", argument)
    ]
    assert cuda in plan[kind]["allowed_cuda_versions"]


def test_the_template_comes_first_and_what_runs_it_names_it(kind: str, account: type[RunPod]) -> None:
    assert main([kind, "--image", _IMAGE, "--volume", "volume-1"]) == 0
    template, running = account.queries[0], account.queries[-1]
    assert f'imageName: "{_IMAGE}"' in template
    assert 'value: "{{ RUNPOD_SECRET_r2_bucket }}"' in template
    assert f"isServerless: {str(kind == 'endpoint').lower()}" in template
    assert 'templateId: "saveTemplate-1"' in running
    assert 'networkVolumeId: "volume-1"' in running


def test_a_dry_run_asks_for_nothing(
    kind: str, account: type[RunPod], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([kind, "--image", _IMAGE, "--dry-run"]) == 0
    assert not account.queries
    assert json.loads(capsys.readouterr().out) == read_plan(kind, image=_IMAGE, volume=None)


def test_a_refusal_is_told_with_what_to_do(
    account: type[RunPod], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.refusal = "Template name must be unique."
    assert main(["endpoint", "--image", _IMAGE]) == 1
    assert "Template name must be unique. Names must be new" in capsys.readouterr().err
    monkeypatch.setattr(runpod, "api_key", None)
    assert main(["endpoint", "--image", _IMAGE]) == 1
    assert "RUNPOD_API_KEY is not set" in capsys.readouterr().err
