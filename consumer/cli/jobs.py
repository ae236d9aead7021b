"""Commands about jobs in the bucket: submit, status, watch, cancel, result."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.cli.bucket import fail, settings_or_exit, with_bucket
from consumer.logs import configure_logging
from pipeline.image_io.sniff import sniff
from storage import keys
from storage.cas import read_record
from storage.errors import ObjectNotFound
from storage.manifest import read_manifest
from storage.object_store import ObjectStore
from storage.status import Status

_POLL_S = 0.5


def submit_job(source: str, target: str, options: Mapping[str, Any]) -> str:
    """Upload local files, write the manifest and return the new job's id."""
    files = _local_file(source), _local_file(target)
    return with_bucket(lambda store: announce(store, *files, options=options))


async def announce(
    store: ObjectStore, source: bytes | str, target: bytes | str, *, options: Mapping[str, Any]
) -> str:
    """Upload what is given as bytes, drop the manifest and return the new job's id.

    Raises InvalidManifest, with nothing uploaded, when an option is not one.
    """
    job_id = keys.new_job_id()
    uploads: dict[str, bytes] = {}

    def reference(file: bytes | str) -> str:
        if isinstance(file, str):
            return file
        key = keys.new_upload(sniff(file).extension)
        uploads[key] = file
        return key

    document = {
        "job_id": job_id,
        "process_type": "single-image",
        "source": reference(source),
        "target": reference(target),
        "options": options,
    }
    body = read_manifest(document).model_dump_json(exclude_none=True).encode()
    for key, file in uploads.items():
        await store.put(key, file, content_type=sniff(file).content_type)
    await store.put(keys.manifest(job_id), body, content_type="application/json", if_none_match=True)
    return job_id


def _local_file(reference: str) -> bytes | str:
    """The bytes of a local file; a bucket key or URL goes into the manifest as it is."""
    if reference.startswith(("https://", keys.UPLOADS, keys.RESULTS)):
        return reference
    path = Path(reference)
    if not path.is_file():
        raise fail(f"{reference} is not a file; give a file, a key below uploads/ or an https:// URL.")
    return path.read_bytes()


async def read_status(store: ObjectStore, job_id: str) -> Status | None:
    """The job's status record; None while no consumer has claimed it."""
    stored = await read_record(store, job_id)
    return stored.status if stored else None


async def follow(store: ObjectStore, job_id: str, poll_s: float = _POLL_S) -> AsyncGenerator[Status, None]:
    """Yield each new revision of a job's status until it has ended."""
    seen = 0
    while True:
        status = await read_status(store, job_id)
        if status is not None and status.rev != seen:
            seen = status.rev
            yield status
            if status.terminal:
                return
        await asyncio.sleep(poll_s)


def print_status(job_id: str) -> int:
    """Print the record as JSON; a job nobody has claimed yet is shown as pending."""

    async def work(store: ObjectStore) -> str:
        status = await read_status(store, job_id)
        if status is not None:
            return status.model_dump_json(indent=2)
        await _announced(store, job_id)
        return json.dumps({"version": 1, "job_id": job_id, "status": "pending", "stage": "queued"}, indent=2)

    typer.echo(with_bucket(work))
    return 0


async def _announced(store: ObjectStore, job_id: str) -> None:
    """Make sure the job is in the inbox; raises ObjectNotFound with a sentence if nobody submitted it."""
    try:
        await store.head(keys.manifest(job_id))
    except ObjectNotFound:
        raise ObjectNotFound(f"There is no job {job_id} in this bucket.") from None


def watch_job(job_id: str) -> int:
    """Show progress until the job has ended; 0 only if it completed."""

    async def work(store: ObjectStore) -> Status:
        if await read_status(store, job_id) is None:
            await _announced(store, job_id)
        console = Console(stderr=True)
        configure_logging(settings_or_exit())
        show = _on_terminal if console.is_terminal else _as_log_lines
        async with aclosing(follow(store, job_id)) as revisions:
            return await show(revisions, console)

    status = with_bucket(work)
    if status.status == "completed" and status.result is not None:
        typer.echo(status.result.key)
        return 0
    reason = status.error.message if status.error else f"The job was {status.status}."
    raise fail(reason)


async def _on_terminal(revisions: AsyncIterator[Status], console: Console) -> Status:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("waiting for a consumer", total=100)
        async for status in revisions:
            percent = 100 if status.terminal else status.progress.percent
            progress.update(task, description=f"{status.status}: {status.stage}", completed=percent)
    return status


async def _as_log_lines(revisions: AsyncIterator[Status], _console: Console) -> Status:
    log = structlog.get_logger()
    async for status in revisions:
        log.info("status", job_id=status.job_id, status=status.status, stage=status.stage, rev=status.rev)
    return status


def cancel_job(job_id: str) -> int:
    """Leave the cancel marker, unless the job has already ended."""

    async def work(store: ObjectStore) -> Status | None:
        status = await read_status(store, job_id)
        if status is None:
            await _announced(store, job_id)
        if status is None or not status.terminal:
            await store.put(keys.cancel(job_id), b"", content_type="text/plain")
        return status

    status = with_bucket(work)
    if status is not None and status.terminal:
        raise fail(f"The job has already ended: {status.status}.")
    typer.echo("Asked to stop; `swapdrop watch` shows when it has.")
    return 0


def save_result(job_id: str, output: Path | None) -> int:
    """Download the bytes that the status record points to."""

    async def work(store: ObjectStore) -> tuple[str, bytes]:
        status = await read_status(store, job_id)
        if status is None or status.result is None:
            state = status.status if status else "not started"
            raise fail(f"There is no result: the job is {state}. `swapdrop status {job_id}` says more.")
        async with store.stream(status.result.key) as stream:
            body = b"".join([chunk async for chunk in stream.chunks()])
        return status.result.key, body

    key, body = with_bucket(work)
    path = output or Path(f"{job_id}.{key.rpartition('.')[2]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    typer.echo(str(path))
    return 0
