"""What a RunPod Serverless worker does with a request: announce it as a job, follow that job to its end.

The job is done by the consumer of this worker, or by any other that works on the same bucket, so a worker
that is taken away costs the request's sender nothing but the answer: the job goes on. Nothing here needs
RunPod's SDK.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import structlog

from consumer.cli.jobs import follow
from consumer.triggers.local_queue import LocalQueue
from consumer.triggers.queue_port import QueueUnavailable
from storage import keys
from storage.cas import read_record
from storage.errors import InputTooLarge, InvalidManifest, StorageError
from storage.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from storage.object_store import ObjectStore
from storage.status import Result, Status

_MAX_INLINE_BYTES = 10_000_000  # RunPod takes answers of 20 MB, and base64 makes a third more of them
_POLL_S = 0.5
_ASKS_FOR_BASE64 = "return_base64"
_OUTPUT = ("job_id", "status", "faces", "warnings", "engine", "timings_ms", "attempt")

_log = structlog.get_logger()

OnProgress = Callable[[Mapping[str, Any]], None]


class RunpodHandler:
    """Answers requests; `link` signs a key's URL, `health` tells how the consumer is.

    A job that has not ended after `timeout_s` is answered as an error; it goes on nevertheless.
    """

    def __init__(
        self,
        store: ObjectStore,
        queue: LocalQueue,
        *,
        link: Callable[[str], Awaitable[str]],
        health: Callable[[], Mapping[str, Any]],
        timeout_s: float,
        poll_s: float = _POLL_S,
    ) -> None:
        self._store = store
        self._queue = queue
        self._link = link
        self._health = health
        self._timeout_s = timeout_s
        self._poll_s = poll_s

    async def answer(self, request: Mapping[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        """Do what a request asks for and return what its sender is told; RunPod takes `error` as failure.

        `request` has an `id` and an `input`: a manifest in any spelling, perhaps with `return_base64`, or
        `{"health_check": true}`. Cancelled, it asks for the job to be cancelled. Never raises for a fault
        of request, job or store.
        """
        given = request.get("input")
        if isinstance(given, Mapping) and _is_health_check(given):
            return dict(self._health())
        try:
            job_id, manifest, inline = _read(request)
            return await self._do(job_id, manifest, on_progress, inline=inline)
        except StorageError as error:
            return {"error": str(error), "code": error.code}
        except QueueUnavailable as error:
            return {"error": str(error), "code": "internal"}

    async def _do(
        self, job_id: str, manifest: Manifest, on_progress: OnProgress, *, inline: bool
    ) -> dict[str, Any]:
        if await read_record(self._store, job_id) is None:  # else the request came again
            self._queue.announce(manifest.model_dump_json(exclude_none=True).encode())
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._followed(job_id, on_progress)
        except TimeoutError:
            return {"error": "The job has not ended yet.", "code": "timeout", "job_id": job_id}
        except asyncio.CancelledError:
            _log.info("runpod_cancelled", job_id=job_id)
            await asyncio.shield(self._store.put(keys.cancel(job_id), b"", content_type="text/plain"))
            raise
        return await self._told(status, inline=inline)

    async def _followed(self, job_id: str, on_progress: OnProgress) -> Status:
        async with aclosing(follow(self._store, job_id, poll_s=self._poll_s)) as revisions:
            async for status in revisions:
                if status.terminal:
                    return status
                progress = status.model_dump(mode="json", include={"job_id", "status", "stage", "progress"})
                on_progress(progress)
        raise RuntimeError("following a job ends with its end")

    async def _told(self, status: Status, *, inline: bool) -> dict[str, Any]:
        record = status.model_dump(mode="json")
        said = {name: record[name] for name in _OUTPUT}
        if status.result is None:
            error = record["error"] or {"code": status.status, "message": f"The job was {status.status}."}
            return {**said, "error": error["message"], "code": error["code"]}
        said["result"] = {**record["result"], "url": await self._link(status.result.key)}
        if inline:
            said["result"]["base64"] = await self._inline(status.result)
        return said

    async def _inline(self, result: Result) -> str:
        try:
            stored = await self._store.get(result.key, max_bytes=_MAX_INLINE_BYTES)
        except InputTooLarge:
            raise InputTooLarge(
                f"The result has {result.size} bytes, too many for an answer; fetch it from the bucket."
            ) from None
        return base64.b64encode(stored.body).decode()


def _read(request: Mapping[str, Any]) -> tuple[str, Manifest, bool]:
    """The job a request is for, its manifest, and whether its result is wanted inline.

    A request that RunPod hands out again is the same job; raises InvalidManifest.
    """
    given = request.get("input")
    if not isinstance(given, Mapping):
        raise InvalidManifest("The request has no `input`; it must be the job's manifest.")
    if len(str(given)) > MAX_MANIFEST_BYTES:
        limit = MAX_MANIFEST_BYTES // 2**20
        raise InvalidManifest(f"The input is larger than {limit} MiB; give the files' keys or links.")
    inline = given.get(_ASKS_FOR_BASE64, False)
    if not isinstance(inline, bool):
        raise InvalidManifest(f"`{_ASKS_FOR_BASE64}` must be true or false.")
    manifest = read_manifest({name: value for name, value in given.items() if name != _ASKS_FOR_BASE64})
    job_id = manifest.job_id
    if job_id is None:
        job_id = keys.dropped_job_id(str(request.get("id", "runpod")), [manifest.model_dump_json()])
    return job_id, manifest.model_copy(update={"job_id": job_id}), inline


def _is_health_check(given: Mapping[str, Any]) -> bool:
    kind = given.get("process_type", given.get("type"))
    asked = isinstance(kind, str) and kind.lower().replace("_", "-") == "health-check"
    return asked or given.get("health_check") is True
