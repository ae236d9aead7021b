"""What a RunPod Serverless worker does with a request: announce it as a job, follow that job to its end.

The job is done by the consumer of this worker, or by any other that works on the same bucket, so a worker
that is taken away costs the request's sender nothing but the answer: the job goes on. Nothing here needs
RunPod's SDK.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog

from consumer.runpod.progress import ProgressSender, SendProgress
from consumer.triggers.local_queue import LocalQueue
from storage import keys
from storage.errors import InputTooLarge, InvalidManifest, ObjectNotFound, StorageError, StoreUnavailable
from storage.inbox.inbox import Inbox
from storage.lease.cas import Stored, read_record
from storage.records.kept import is_same
from storage.records.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from storage.records.status import Result, Status
from storage.stores.port import ObjectStore
from storage.upkeep.queries import follow

_MAX_INLINE_BYTES = 10_000_000  # RunPod takes answers of 20 MB, and base64 makes a third more of them
_POLL_S = 0.5
_AWAY_POLLS = 10  # so many times less often while the store does not answer
_LAST_LOOK_S = 5.0
_ASKS_FOR_BASE64 = "return_base64"
_PROGRESS = {"job_id", "status", "stage", "progress"}
_REPLACE = {"code": "internal", "refresh_worker": True}  # RunPod starts another worker instead
_OUTPUT = ("job_id", "status", "faces", "warnings", "engine", "timings_ms", "attempt")

_log = structlog.get_logger()


class RunpodHandler:
    """Answers requests; `link` signs a key's URL, `health` tells how the consumer is.

    A job is put into the inbox before anything else, and `queue` only tells this worker's consumer to look
    there. A job whose record does not change for `patience_s` is answered as an error; it goes on
    nevertheless.
    """

    def __init__(
        self,
        store: ObjectStore,
        queue: LocalQueue,
        *,
        link: Callable[[str], Awaitable[str]],
        health: Callable[[], Mapping[str, Any]],
        patience_s: float,
        poll_s: float = _POLL_S,
    ) -> None:
        self._store = store
        self._queue = queue
        self._link = link
        self._health = health
        self._patience_s = patience_s
        self._poll_s = poll_s
        self._answering: set[asyncio.Task[Any] | None] = set()
        #: Those of them that do not know yet what came of their jobs.
        self._following: set[asyncio.Task[Any] | None] = set()
        self._closed = False

    async def answer(self, request: Mapping[str, Any], send_progress: SendProgress) -> dict[str, Any]:
        """Do what a request asks for and return what its sender is told; RunPod takes `error` as failure.

        `request` has an `id` and an `input`: a manifest in any spelling, perhaps with `return_base64`, or
        `{"health_check": true}`. Nothing is sent by `send_progress` any more once there is an answer.
        Cancelled, it asks for the job to be cancelled. Never raises for a fault of request, job or store.
        """
        given = request.get("input")
        if isinstance(given, Mapping) and _is_health_check(given):
            return dict(self._health())
        if self._closed:
            return {**_REPLACE, "error": "This worker ends; send the request again."}
        self._answering.add(asyncio.current_task())
        try:
            async with ProgressSender(send_progress) as progress:
                return await self._do(_read(request), progress)
        except StorageError as error:
            return {"error": str(error), "code": error.code}
        finally:
            self._answering.discard(asyncio.current_task())

    async def close(self) -> None:
        """Answer all requests now, because the consumer has ended; their jobs are called off by nobody.

        A consumer that drains ends with its last job: what came of that is looked at once more.
        """
        self._closed = True
        for task in filter(None, self._following):
            task.cancel()
        await asyncio.gather(*filter(None, self._answering), return_exceptions=True)

    async def _do(self, wish: "_Request", progress: ProgressSender) -> dict[str, Any]:
        announced = False
        self._following.add(asyncio.current_task())
        try:
            async with asyncio.timeout(self._patience_s) as patience:
                await self._announce(wish)
                announced = True

                def moved(record: Mapping[str, Any]) -> None:
                    patience.reschedule(asyncio.get_running_loop().time() + self._patience_s)
                    progress.tell(record)

                status = await self._followed(wish.job_id, moved)
        except TimeoutError:
            return {"error": "The job has not ended yet.", "code": "timeout", "job_id": wish.job_id}
        except asyncio.CancelledError:
            if not self._closed:
                await asyncio.shield(self._call_off(wish))
                raise
            ended = await self._ended(wish.job_id) if announced else None
            if ended is None:
                what_now = "the job goes on" if announced else "send the request again"
                return {**_REPLACE, "error": f"This worker ends; {what_now}.", "job_id": wish.job_id}
            status = ended
        finally:
            self._following.discard(asyncio.current_task())
        return await self._told(status, inline=wish.inline)

    async def _announce(self, wish: "_Request") -> None:
        """See to it that the job is done here or elsewhere, unless it has been.

        Raises InvalidManifest where its id is another job's: whoever names one must not get its result.
        """
        known = await read_record(self._store, wish.job_id)
        await self._refuse_another(wish, known)
        if known is None:
            await Inbox(self._store).add(wish.manifest)
            await self._refuse_another(wish, known)  # one that came at the same moment
        if known is None or not known.status.terminal:
            self._queue.announce(keys.manifest(wish.job_id))

    async def _refuse_another(self, wish: "_Request", known: Stored | None) -> None:
        if not await self._is_of(wish, known):
            raise InvalidManifest(
                f"The job id `{wish.job_id}` is taken by another job; leave `job_id` out or name another."
            )

    async def _is_of(self, wish: "_Request", known: Stored | None) -> bool:
        """Whether the job of this id, whose record is `known`, is the one that is asked for."""
        if known is not None:
            return is_same(known.status.manifest or {}, wish.asked)
        try:
            stored = await self._store.get(keys.manifest(wish.job_id), max_bytes=MAX_MANIFEST_BYTES)
            return read_manifest(stored.body) == wish.asked
        except ObjectNotFound:
            return True
        except (InvalidManifest, InputTooLarge):
            return False

    async def _followed(self, job_id: str, on_progress: Callable[[Mapping[str, Any]], None]) -> Status:
        """The job's last record; a store that does not answer meanwhile is asked again."""
        while True:
            try:
                async with aclosing(follow(self._store, job_id, poll_s=self._poll_s)) as revisions:
                    async for status in revisions:
                        if status.terminal:
                            return status
                        on_progress(status.model_dump(mode="json", include=_PROGRESS))
            except StoreUnavailable as error:
                _log.warning("job_not_followed", job_id=job_id, reason=str(error))
                await asyncio.sleep(_AWAY_POLLS * self._poll_s)

    async def _ended(self, job_id: str) -> Status | None:
        """The record of a job that has ended; None for one that goes on, or whose record cannot be had."""
        try:
            async with asyncio.timeout(_LAST_LOOK_S):
                known = await read_record(self._store, job_id)
        except (StorageError, TimeoutError) as error:
            _log.warning("job_not_followed", job_id=job_id, reason=str(error) or type(error).__name__)
            return None
        return known.status if known is not None and known.status.terminal else None

    async def _call_off(self, wish: "_Request") -> None:
        job_id = wish.job_id
        try:
            if not await self._is_of(wish, await read_record(self._store, job_id)):
                return
            await self._store.put(keys.cancel(job_id), b"", content_type="text/plain")
        except StorageError as error:
            _log.warning("job_not_called_off", job_id=job_id, reason=str(error))
        else:
            _log.info("job_called_off", job_id=job_id)

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


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What a request asks for."""

    job_id: str
    asked: Manifest
    #: The same in JSON.
    manifest: bytes
    #: Whether to answer with the file itself.
    inline: bool


def _read(request: Mapping[str, Any]) -> _Request:
    """Read a request; one that RunPod hands out again is the same job. Raises InvalidManifest."""
    given = request.get("input")
    if not isinstance(given, Mapping):
        raise InvalidManifest("The request has no `input`; it must be the job's manifest.")
    inline = given.get(_ASKS_FOR_BASE64, False)
    if not isinstance(inline, bool):
        raise InvalidManifest(f"`{_ASKS_FOR_BASE64}` must be true or false.")
    manifest = read_manifest({name: value for name, value in given.items() if name != _ASKS_FOR_BASE64})
    job_id = manifest.job_id
    if job_id is None:
        job_id = keys.dropped_job_id(str(request.get("id", "runpod")), [manifest.model_dump_json()])
    asked = manifest.model_copy(update={"job_id": job_id})
    body = asked.model_dump_json(exclude_none=True).encode()
    if len(body) > MAX_MANIFEST_BYTES:
        limit = MAX_MANIFEST_BYTES // 2**20
        raise InvalidManifest(f"The input is larger than {limit} MiB; give the files' keys or links.")
    return _Request(job_id=job_id, asked=asked, manifest=body, inline=inline)


def _is_health_check(given: Mapping[str, Any]) -> bool:
    kind = given.get("process_type", given.get("type"))
    asked = isinstance(kind, str) and kind.lower().replace("_", "-") == "health-check"
    return asked or given.get("health_check") is True
