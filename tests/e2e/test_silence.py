"""Nothing leaves the machine but what goes to the bucket."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from consumer.children import python_command
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import ASTRONAUT, HOPPER, drop, ended, fresh_bucket, upload
from tests.support.consumers import consumer_environment, run_consumer

# ONNX Runtime's telemetry first looked up its collector's name 20 s after the start.
_LISTENED_S = 30
_PEER = re.compile(r"sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?\"([^\"]+)\"")


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
async def test_a_consumer_at_work_asks_for_no_socket_but_the_buckets(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    watched = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace))
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings, cache_dir=tmp_path / "cache")
        environment = {
            name: value for name, value in environment.items() if not name.startswith(("CI", "ORT_"))
        }
        command = (*watched, *python_command("consumer", "run"))
        with run_consumer(environment, tmp_path / "log", command):
            job = await drop(store, await upload(store, HOPPER, "jpg"), await upload(store, ASTRONAUT))
            assert (await ended(store, job, within_s=90)).status == "completed"
            await asyncio.sleep(_LISTENED_S)
        called = set(_PEER.findall(trace.read_text(errors="replace")))
    port = str(settings.endpoint_url).rpartition(":")[2]
    assert called == {(port, "127.0.0.1")}
