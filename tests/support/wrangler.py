"""The bucket of `wrangler dev` by its S3 interface, as the local stack's consumer meets it."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from storage.stores.s3_settings import S3Settings
from tests.support.ports import free_port
from tests.support.s3_servers import BUCKET, plain_client

_MODULES = Path(__file__).parents[2] / "infra" / "worker" / "node_modules"
_NODE = _MODULES / "node" / "bin" / "node"
_WRANGLER = _MODULES / "wrangler" / "bin" / "wrangler.js"
_PATIENCE_S = 60
_QUIET = {"CI": "1", "WRANGLER_SEND_METRICS": "false", "CLOUDFLARE_CF_FETCH_ENABLED": "false"}
_CONFIG = """{
  "name": "bucket", "main": "worker.mjs", "compatibility_date": "2026-11-01",
  "r2_buckets": [{"binding": "BUCKET", "bucket_name": "%s", "local_dev": {"experimental_s3_credentials":
    {"accessKeyId": "%s", "secretAccessKey": "%s"}}}]
}"""
_WORKER = 'export default { fetch: () => new Response("a worker of no use") };'


@contextmanager
def wrangler_server() -> Iterator[S3Settings]:
    """Run wrangler with an empty bucket of its own; without it skip, or fail where CI is set."""
    if not (_NODE.exists() and _WRANGLER.exists()):
        reason = "wrangler is not installed; `npm ci` in infra/worker does it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with tempfile.TemporaryDirectory(prefix="wrangler-") as folder, ExitStack() as stack:
        port = free_port()
        settings = S3Settings(
            bucket=BUCKET,
            endpoint_url=f"http://127.0.0.1:{port}/cdn-cgi/local/r2/s3",
            access_key_id="tests",
            secret_access_key="tests-secret",  # noqa: S106 - of a server that lives for minutes
            addressing="path",
        )
        _write_worker(Path(folder), settings)
        log = stack.enter_context(Path(folder, "log").open("wb"))
        process = subprocess.Popen(
            _command(folder, port),
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it starts servers of its own, which must go with it
        )
        try:
            _wait_until_writable(process, settings, Path(folder, "log"))
            yield settings
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _command(folder: str, port: int) -> list[str]:
    return [
        str(_NODE),
        str(_WRANGLER),
        "dev",
        "--local",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--inspector-port=0",
        f"--persist-to={folder}/state",
    ]


def _environment(folder: str) -> dict[str, str]:
    path = os.pathsep.join([str(_NODE.parent), os.environ.get("PATH", "")])
    return {**os.environ, **_QUIET, "PATH": path, "XDG_CONFIG_HOME": folder}


def _write_worker(folder: Path, settings: S3Settings) -> None:
    values = (settings.bucket, settings.access_key_id, settings.secret_access_key)
    (folder / "wrangler.jsonc").write_text(_CONFIG % values, encoding="utf-8")
    (folder / "worker.mjs").write_text(_WORKER, encoding="utf-8")


def _wait_until_writable(process: "subprocess.Popen[bytes]", settings: S3Settings, log: Path) -> None:
    client = plain_client(settings)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            client.put_object(Bucket=settings.bucket, Key="ready", Body=b"?")
            client.delete_object(Bucket=settings.bucket, Key="ready")
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"wrangler did not start:\n{log.read_text()}") from error
            time.sleep(0.1)
        else:
            return
