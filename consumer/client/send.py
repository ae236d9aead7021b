"""Sending jobs to the bucket, each of them once however often it is tried."""

import asyncio
import itertools
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from consumer.client.submission import Submission, SubmittedFiles
from consumer.client.targets import sniff_file
from storage import keys
from storage.errors import ObjectNotFound, PreconditionFailed
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.upkeep.queries import read_status


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A job as it stands in the bucket; `before` is its record if it was sent earlier and begun."""

    job_id: str
    submission: Submission
    fresh: bool
    before: Status | None = None


class Sender:
    """Sends jobs, each at most once; files of the same content are uploaded once.

    With `retry` a job that failed or was cancelled is sent again, under the id of its next turn.
    """

    def __init__(self, store: ObjectStore, files: SubmittedFiles, *, retry: bool = False) -> None:
        self._store = store
        self._files = files
        self._retry = retry
        self._uploads: dict[str, str] = {}
        self._uploading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, submission: Submission) -> Sent:
        """Upload the job's files and announce it, unless that has been done before."""
        job_id, before = await self._turn(submission)
        fresh = before is None and not await self._announced(job_id)
        if fresh:
            body = await self._manifest(submission, job_id)
            with suppress(PreconditionFailed):  # somebody has sent the same job meanwhile
                await self._store.put(
                    keys.manifest(job_id), body, content_type="application/json", if_none_match=True
                )
        return Sent(job_id=job_id, submission=submission, fresh=fresh, before=before)

    async def _turn(self, submission: Submission) -> tuple[str, Status | None]:
        """The job's latest turn and its record, or the next turn if that is to be sent."""
        last: tuple[str, Status | None] = submission.job_id(), None
        for turn in itertools.count():
            job_id = submission.job_id(turn)
            status = await read_status(self._store, job_id)
            if status is None:
                unsent = turn == 0 or self._retry or await self._announced(job_id)
                return (job_id, None) if unsent else last
            last = job_id, status
            if status.status not in {"failed", "cancelled"}:
                break
        return last

    async def _announced(self, job_id: str) -> bool:
        try:
            await self._store.head(keys.manifest(job_id))
        except ObjectNotFound:
            return False
        return True

    async def _manifest(self, submission: Submission, job_id: str) -> bytes:
        document = {**submission.document, "job_id": job_id}
        for name in ("source", "target"):
            given = document.get(name)
            if isinstance(given, list):
                document[name] = [await self._upload(reference) for reference in given]
            elif given is not None:
                document[name] = await self._upload(given)
        if "face_mappings" in document:
            document["face_mappings"] = {
                name: await self._upload(reference) for name, reference in document["face_mappings"].items()
            }
        return json.dumps(document).encode()

    async def _upload(self, reference: str) -> str:
        path = self._files.path(reference)
        if path is None:
            return reference
        async with self._uploading[reference]:
            if reference not in self._uploads:
                media = await asyncio.to_thread(sniff_file, path)
                key = keys.new_upload(media.extension)
                if media.kind == "video":  # which may be larger than memory
                    await self._store.put_file(key, path, content_type=media.content_type)
                else:
                    body = await asyncio.to_thread(path.read_bytes)
                    await self._store.put(key, body, content_type=media.content_type)
                self._uploads[reference] = key
        return self._uploads[reference]
