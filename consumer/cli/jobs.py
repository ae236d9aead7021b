"""Commands about jobs in the bucket, status, watch, cancel and result, and what submit takes from them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from pathlib import Path

import typer

from consumer.cli.bucket import audited, fail, settings_or_exit, with_bucket
from consumer.cli.destination import read_destination, write_to_stdout
from consumer.cli.progress import ProgressReporter, print_warnings, reporting
from consumer.client.files import describe_os_error, put_beside, writing
from consumer.client.results import FileInTheWay, check_place
from consumer.client.submission import WrongWords
from storage import keys
from storage.errors import InvalidManifest, ObjectNotFound
from storage.inbox.puzzles import is_puzzle
from storage.inputs.download import download_object
from storage.records.status import Status
from storage.scratch import clear_scratch
from storage.stores.port import ObjectStore
from storage.upkeep.queries import follow, read_status
from storage.upkeep.stranded import end, leases_of

_CANCEL = "swapdrop cancel"
_MAX_MANIFEST_BYTES = 64 * 2**20


async def ends_of(
    store: ObjectStore, job_ids: Collection[str], reporter: ProgressReporter
) -> AsyncGenerator[Status, None]:
    """Tell how the jobs come on, and yield the record of each as it ends."""
    percent = dict.fromkeys(job_ids, 0)
    ended = 0
    reporter.move("waiting for a consumer", done=0, total=1)
    async with aclosing(follow(store, *percent)) as revisions:
        async for status in revisions:
            percent[status.job_id] = 100 if status.terminal else status.progress.percent
            ended += status.terminal
            state = _state(status) if len(percent) == 1 else f"{ended} of {len(percent)}"
            reporter.move(state, done=sum(percent.values()), total=100 * len(percent))
            reporter.event(
                "status", job_id=status.job_id, status=status.status, stage=status.stage, rev=status.rev
            )
            if status.terminal:
                yield status


def _state(status: Status) -> str:
    return "taken, waits for its turn" if status.only_claimed else f"{status.status}: {status.stage}"


async def fetch_result(store: ObjectStore, status: Status) -> bytes:
    """Read what the record of a completed job points to."""
    if status.result is None:
        raise ObjectNotFound(f"The job {status.job_id} has no result.")
    return (await store.get(status.result.key, max_bytes=status.result.size)).body


async def download_result(store: ObjectStore, status: Status, path: Path) -> None:
    """Stream what the record of a completed job points to into a file, with its manifest beside it.

    Raises OSError.
    """
    result = status.result
    if result is None:
        raise ObjectNotFound(f"The job {status.job_id} has no result.")
    manifest = None
    if result.sidecar is not None:
        manifest = (await store.get(result.sidecar, max_bytes=_MAX_MANIFEST_BYTES)).body
    await asyncio.to_thread(put_beside, path, manifest)  # before: a result that is there is not fetched again
    with writing(path):
        await download_object(store, result.key, path, max_bytes=result.size, sha256=result.sha256)


def result_name(status: Status) -> str:
    """What the result of a completed job is called here: the job's id and the extension of its kind."""
    return f"{status.job_id}.{_extension(status.result.key if status.result else '')}"


def _extension(key: str) -> str:
    return key.rpartition(".")[2]


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
        with reporting(settings_or_exit()) as reporter:
            async with aclosing(ends_of(store, [job_id], reporter)) as ends:
                return await anext(ends)

    status = with_bucket(work)
    print_warnings(status.warnings)
    if status.status == "completed" and status.result is not None:
        typer.echo(status.result.key)
        return 0
    raise fail(reason(status))


def reason(status: Status) -> str:
    """Why a job that has ended did not complete."""
    return status.error.message if status.error else f"The job was {status.status}."


def cancel_job(job_id: str) -> int:
    """Leave the cancel marker, unless the job has already ended; one that nobody works on ends at once."""

    async def work(store: ObjectStore) -> tuple[Status | None, Status | None]:
        status = await read_status(store, job_id)
        if status is None:
            await _announced(store, job_id)
        if status is not None and is_puzzle(status):
            raise InvalidManifest(f"{job_id} is no job: {status.warnings[0].message}")
        if status is not None and status.terminal:
            return status, None
        await store.put(keys.cancel(job_id), b"", content_type="text/plain")
        # A job that has begun and lies idle may have lost its entry, and with it whoever would heed the mark.
        ended = None if status is None else await end(leases_of(store, _CANCEL), job_id)
        if ended is None:
            return status, None
        await clear_scratch(store, job_id)
        await store.delete([keys.cancel(job_id)])
        if ended.here:
            await audited(store, by=_CANCEL)(ended.status)
        return status, ended.status

    before, ended = with_bucket(work)
    if before is not None and before.terminal:
        raise fail(f"The job has already ended: {before.status}.")
    if ended is not None:
        typer.echo(f"The job is {ended.status}.")
    else:
        typer.echo("Asked to stop; `swapdrop watch` shows when it has.")
    return 0


def save_result(job_id: str, output: str | None, *, force: bool) -> int:
    """Download the bytes that the status record points to; `force` replaces whatever is in their place."""
    place = read_destination(output or "./")

    async def work(store: ObjectStore) -> Path | None:
        status = await read_status(store, job_id)
        if status is None:
            await _announced(store, job_id)
        if status is None or status.result is None:
            state = status.status if status else "not started"
            raise fail(f"There is no result: the job is {state}. `swapdrop status {job_id}` says more.")
        path, has_sidecar = place.file(result_name(status)), status.result.sidecar is not None
        check_place(path, _extension(status.result.key), has_sidecar=has_sidecar, force=force)
        if path is None:
            write_to_stdout(await fetch_result(store, status))
        else:
            await download_result(store, status, path)
        return path

    try:
        path = with_bucket(work)
    except WrongWords as error:
        raise fail(str(error)) from None
    except FileInTheWay as error:
        raise fail(f"{error} ({error.code})") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    if path is not None:
        typer.echo(str(path))
    return 0
