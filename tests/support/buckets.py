"""What end-to-end tests do with a bucket: make a fresh one, drop jobs, wait for their end."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from importlib import resources

from botocore.exceptions import ClientError

from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_store import S3Settings, open_s3_store
from storage.upkeep.queries import follow, read_status
from tests.support.s3_servers import plain_client

ASTRONAUT = resources.files("consumer.samples").joinpath("astronaut.png").read_bytes()
HOPPER = resources.files("consumer.samples").joinpath("grace_hopper.jpg").read_bytes()


@asynccontextmanager
async def fresh_bucket(server: S3Settings) -> AsyncIterator[tuple[ObjectStore, S3Settings]]:
    """A new, empty bucket on a running server, which removes it at the end as it removes full ones."""
    settings = replace(server, bucket=f"e2e-{secrets.token_hex(6)}")
    client = plain_client(settings)
    await asyncio.to_thread(client.create_bucket, Bucket=settings.bucket)
    async with open_s3_store(settings) as store:
        yield store, settings
    with suppress(ClientError):  # moto keeps full ones, until its server ends
        await asyncio.to_thread(client.delete_bucket, Bucket=settings.bucket)


async def upload(store: ObjectStore, body: bytes, extension: str = "png") -> str:
    """Upload a file and return its key."""
    key = keys.new_upload(extension)
    await store.put(key, body, content_type="application/octet-stream")
    return key


async def drop(store: ObjectStore, source: str | None, target: str, **fields: object) -> str:
    """Drop a manifest, as odd as `fields` make it, and return its job id."""
    job_id = keys.new_job_id()
    document: Mapping[str, object] = {
        "version": 1,
        "job_id": job_id,
        "process_type": "single-image",
        "source": source,
        "target": target,
        **fields,
    }
    body = json.dumps(document).encode()
    await store.put(keys.manifest(job_id), body, content_type="application/json", if_none_match=True)
    return job_id


async def ended(store: ObjectStore, job_id: str, within_s: float = 60) -> Status:
    """Wait for a job's terminal status."""
    async with asyncio.timeout(within_s):
        async for status in follow(store, job_id, poll_s=0.1):
            if status.terminal:
                return status
    raise AssertionError("follow() ends with a terminal status")


async def all_ended(store: ObjectStore, job_ids: Iterable[str], within_s: float = 120) -> list[Status]:
    """Wait for many jobs, looking at one after the other so as not to load the server."""
    async with asyncio.timeout(within_s):
        return [await ended(store, job_id, within_s) for job_id in job_ids]


async def wait_for_stage(store: ObjectStore, job_id: str, state: str, within_s: float = 60) -> Status:
    """Wait until a job's record is in a state."""
    async with asyncio.timeout(within_s):
        while True:
            status = await read_status(store, job_id)
            if status is not None and status.status == state:
                return status
            await asyncio.sleep(0.05)


async def keys_below(store: ObjectStore, prefix: str) -> list[str]:
    """Every key below a prefix."""
    found: list[str] = []
    while True:
        page = await store.list(prefix, start_after=found[-1] if found else "")
        found += [listed.key for listed in page.objects]
        if not page.truncated:
            return found


async def inbox_is_empty(store: ObjectStore, within_s: float = 60) -> bool:
    """Wait for the inbox to be cleaned up; it is the last step of a job."""
    for _ in range(round(within_s / 0.1)):
        if not await keys_below(store, keys.INBOX):
            return True
        await asyncio.sleep(0.1)
    return False
