"""`swapdrop demo`: the real thing, small: a local S3 server, two dropped jobs and one consumer."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import boto3
import cv2
import numpy as np
from rich.console import Console

from consumer.children import python_command
from consumer.cli.bucket import fail
from consumer.cli.jobs import fetch_result, result_name
from consumer.cli.local_s3 import LocalS3, LocalS3Unavailable, run_local_s3
from consumer.client.files import describe_os_error
from consumer.client.send import Sender
from consumer.client.submission import SubmittedFiles, check, describe
from consumer.telemetry.health import wait_until_ready
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.inbox.inbox import Inbox
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_store import S3Settings, open_s3_store
from storage.upkeep.queries import follow

_BUCKET = "swapdrop-demo"
_LOG = "consumer.log"
_PORTRAITS = ("astronaut.png", "grace_hopper.jpg")
_PATIENCE_S = 50.0
_CELL = (400, 400)
_FACES_WIDE = 2.2
_SETTINGS = ("SWAPDROP_", "R2_", "AWS_", "S3_")  # the demo is the same whatever is configured here


def run_demo(output: Path) -> int:
    """Run the demo and save its pictures below `output`; 0 only if both jobs completed."""
    console = Console(highlight=False)
    _make_ready(output)
    console.print("[bold]1[/bold]  starting a local S3 server")
    try:
        with run_local_s3() as server:
            _create_bucket(server)
            return asyncio.run(asyncio.wait_for(_demo(server, output, console), _PATIENCE_S))
    except LocalS3Unavailable as error:
        raise fail(str(error)) from None
    except TimeoutError:
        console.print(f"[red]The jobs did not end within {_PATIENCE_S:.0f} s; see {output / _LOG}[/red]")
        return 1


def _make_ready(output: Path) -> None:
    """Make the folder and try it, before anything is started."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / _LOG).write_bytes(b"")
    except OSError as error:
        why = describe_os_error(error).removesuffix(".")
        raise fail(f"{why}; name a folder that can be written: swapdrop demo -o FOLDER.") from None


async def _demo(server: LocalS3, output: Path, console: Console) -> int:
    settings = S3Settings(
        endpoint_url=server.endpoint_url,
        bucket=_BUCKET,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )
    portraits = [resources.files("consumer.samples").joinpath(name).read_bytes() for name in _PORTRAITS]
    async with open_s3_store(settings) as store:
        console.print("[bold]2[/bold]  dropping one job as a folder and one as a manifest")
        astronaut, hopper = portraits
        jobs = [
            await _drop_folder(store, astronaut, hopper),
            await _submit(store, source=_PORTRAITS[1], target=_PORTRAITS[0]),
        ]
        console.print("[bold]3[/bold]  starting a consumer")
        started = time.monotonic()
        with _consumer(server, output / _LOG) as (process, health_url):
            await wait_until_ready(health_url)
            ready = time.monotonic()
            statuses = await asyncio.gather(*(_ended(store, job_id) for job_id in jobs))
            done = time.monotonic()
            process.send_signal(signal.SIGTERM)
            exit_code = await asyncio.to_thread(process.wait, 30)
        results = [await _save(store, status, output) for status in statuses]
    for status in statuses:
        console.print_json(status.model_dump_json(exclude={"manifest"}))
    if exit_code != 0 or None in results:
        console.print(f"[red]Something went wrong; see {output / _LOG}[/red]")
        return 1
    _sheet(statuses, [path for path in results if path is not None], portraits, output / "before-after.png")
    console.print(
        f"[green]Both jobs completed.[/green] Ready after {ready - started:.1f} s, "
        f"both jobs {done - ready:.1f} s later."
    )
    for path in [*results, output / "before-after.png"]:
        console.print(f"  {path}")
    return 0


async def _drop_folder(store: ObjectStore, astronaut: bytes, hopper: bytes) -> str:
    """Drop two files in a folder, as a person would; returns the id the job will have."""
    folder = f"{keys.INBOX}portraits/"
    await store.put(f"{folder}source.png", astronaut, content_type="image/png")
    await store.put(f"{folder}target.jpg", hopper, content_type="image/jpeg")
    inbox = Inbox(store)
    (entry,) = (await inbox.scan()).entries
    return (await inbox.open(entry)).job_id


async def _submit(store: ObjectStore, *, source: str, target: str) -> str:
    """Send a job as `swapdrop submit` does; returns its id."""
    files, folder = SubmittedFiles(), Path(str(resources.files("consumer.samples")))
    job = check(target, describe(files.refer(source, folder), files.refer(target, folder), {}))
    return (await Sender(store, files).send(job)).job_id


@contextmanager
def _consumer(server: LocalS3, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A consumer in its own process, ended with the block."""
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)},
        "R2_ENDPOINT_URL": server.endpoint_url,
        "R2_BUCKET": _BUCKET,
        "R2_ACCESS_KEY_ID": server.access_key_id,
        "R2_SECRET_ACCESS_KEY": server.secret_access_key,
        "SWAPDROP_HEALTH_PORT": str(port),
        "SWAPDROP_ENGINE": "mesh",
    }
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own module
            python_command("consumer", "run"), env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def _ended(store: ObjectStore, job_id: str) -> Status:
    async for status in follow(store, job_id, poll_s=0.1):
        if status.terminal:
            return status
    raise AssertionError("follow() ends with a terminal status")


async def _save(store: ObjectStore, status: Status, output: Path) -> Path | None:
    if status.result is None:
        return None
    path = output / result_name(status)
    await asyncio.to_thread(path.write_bytes, await fetch_result(store, status))
    return path


def _sheet(statuses: list[Status], results: list[Path], portraits: list[bytes], path: Path) -> None:
    """Source, target and result side by side around the face, one row a job."""
    astronaut, hopper = (_pixels(data) for data in portraits)
    # Each job's target is the other's source, so the two records tell where both faces are.
    hopper_box, astronaut_box = ((status.faces or ())[0].box for status in statuses)
    rows = [
        [_close_up(astronaut, astronaut_box), _close_up(hopper, hopper_box)],
        [_close_up(hopper, hopper_box), _close_up(astronaut, astronaut_box)],
    ]
    for row, result, box in zip(rows, results, (hopper_box, astronaut_box), strict=True):
        row.append(_close_up(_pixels(result.read_bytes()), box))
    cv2.imwrite(str(path), np.vstack([np.hstack(row) for row in rows]))


def _pixels(data: bytes) -> Bgr:
    return decode(data, Limits()).bgr


def _close_up(picture: Bgr, box: tuple[float, float, float, float]) -> Bgr:
    """The square around a face, `_FACES_WIDE` faces wide where the picture reaches that far."""
    x, y, width, height = box
    side = min(round(_FACES_WIDE * max(width, height)), *picture.shape[:2])
    left = int(np.clip(x + (width - side) / 2, 0, picture.shape[1] - side))
    top = int(np.clip(y + (height - side) / 2, 0, picture.shape[0] - side))
    square = picture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, _CELL, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _create_bucket(server: LocalS3) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=_BUCKET)
