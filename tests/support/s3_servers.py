"""Real S3 servers on loopback, started for the tests and gone with them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from consumer.cli.local_s3 import run_local_s3
from storage.stores.s3_settings import S3Settings

BUCKET = "tests-bucket"
_PATIENCE_S = 60
_SEAWEED_PORTS = tuple(
    f"{part}.port{kind}" for part in ("s3", "master", "volume", "filer") for kind in ("", ".grpc")
)


@contextmanager
def moto_server() -> Iterator[S3Settings]:
    """Run moto's server, in memory, with an empty bucket; it checks no signatures."""
    with run_local_s3() as server:
        settings = S3Settings(
            bucket=BUCKET,
            endpoint_url=server.endpoint_url,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
        )
        plain_client(settings).create_bucket(Bucket=BUCKET)
        yield settings


@contextmanager
def seaweedfs_server() -> Iterator[S3Settings]:
    """Run SeaweedFS in a temporary folder with an empty bucket; without it skip, or fail where CI is set."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("SeaweedFS (`weed`) is not installed")
    with tempfile.TemporaryDirectory(prefix="seaweedfs-") as folder, ExitStack() as stack:
        ports = dict(zip(_SEAWEED_PORTS, free_ports(len(_SEAWEED_PORTS)), strict=True))
        settings = S3Settings(
            bucket=BUCKET,
            endpoint_url=f"http://127.0.0.1:{ports['s3.port']}",
            access_key_id="tests",
            secret_access_key="tests-secret",  # noqa: S106 - of a server that lives for seconds
        )
        process = subprocess.Popen(
            [weed, *_seaweedfs_arguments(Path(folder), settings, ports)],
            cwd=folder,
            stdout=stack.enter_context(Path(folder, "log").open("wb")),
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_writable(process, settings)
            yield settings
        finally:
            process.kill()  # its orderly end takes half a minute, and nothing of it is kept
            process.wait()


def plain_client(settings: S3Settings) -> Any:  # noqa: ANN401 - botocore makes its methods at run time
    """A plain client, to look at a bucket without the code under test."""
    return _client(settings.endpoint_url, settings.access_key_id, settings.secret_access_key)


@cache  # making one takes longer than most of what is done with it
def _client(endpoint_url: str, access_key_id: str, secret_access_key: str) -> Any:  # noqa: ANN401 - as above
    return get_session().create_client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        region_name="us-east-1",
        config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def _seaweedfs_arguments(folder: Path, settings: S3Settings, ports: dict[str, int]) -> list[str]:
    credentials = {"accessKey": settings.access_key_id, "secretKey": settings.secret_access_key}
    actions = ["Admin", "Read", "Write", "List"]
    identity = {"name": "tests", "credentials": [credentials], "actions": actions}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    return [
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=400",  # a bucket takes seven at once
        *(f"-{name}={port}" for name, port in ports.items()),
    ]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_writable(process: "subprocess.Popen[bytes]", settings: S3Settings) -> None:
    client = plain_client(settings)

    def write() -> None:
        if BUCKET not in {bucket.get("Name") for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="ready", Body=b"?")
        client.delete_object(Bucket=BUCKET, Key="ready")

    wait_until(process, write)


def wait_until(process: "subprocess.Popen[bytes]", succeeds: Callable[[], object]) -> None:
    """Wait until a server does what is asked; raises what is wrong when it has ended, or after a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            succeeds()
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
