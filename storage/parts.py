"""Parts of one job as jobs of their own in the same inbox, so that every consumer may help with it.

A part is announced, claimed, kept and tried again as any job is. Its manifest is that of its job, its
*parent*, and says which pieces it makes; these lie in the parent's scratch. While parts are announced the
parent rests, pending and nobody's. It has no part any more once it has ended: whoever ends it removes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from storage import keys
from storage.errors import ObjectNotFound, PreconditionFailed
from storage.inbox.inbox import Inbox
from storage.lease import transitions
from storage.lease.cas import Stored, read_record
from storage.lease.marks import is_cancel_requested
from storage.records.kept import is_same
from storage.records.manifest import Manifest, Part, references
from storage.records.status import Segments, Status
from storage.scratch import found_pieces, listed_keys, part_prefixes
from storage.stores.port import ObjectStore

_MARK: Final = "parts"
_TELL_EVERY_S: Final = 5.0
_JSON: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class Resting:
    """A job whose parts are being made."""

    #: How many are not done.
    parts: int
    #: Whether its end is asked for, so that it may be claimed all the same.
    cancelled: bool


class Parts:
    """The parts of the jobs of a bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def announce(
        self, asked: Manifest, job_id: str, plan: str, runs: Sequence[tuple[int, int]]
    ) -> None:
        """Announce a part for each run of pieces, from a number to before another: a PUT each, and one more.

        Raises StoreUnavailable; done again it goes on.
        """
        for first, end in runs:
            part = Part(parent=job_id, plan=plan, first=first, end=end)
            part_id = keys.part(job_id, plan, first)
            document = asked.model_copy(update={"part": part, "job_id": part_id, "callback_url": None})
            await self._put_new(keys.manifest(part_id), document.model_dump_json(exclude_none=True).encode())
        await self._put_new(keys.scratch(job_id, plan, _MARK), b"")

    async def are_announced(self, job_id: str, plan: str) -> bool:
        """Whether parts that make pieces of a plan have been announced, be they done or not: one HEAD."""
        try:
            await self._store.head(keys.scratch(job_id, plan, _MARK))
        except ObjectNotFound:
            return False
        return True

    async def resting(self, job_id: str) -> Resting | None:
        """Whether a job waits for its parts: one LIST; else a HEAD and a GET more, now and then a write.

        Now and then its record is told how many segments are done. Raises StoreUnavailable, StatusUnreadable.
        """
        announced, _ = part_prefixes(job_id)
        left = [key async for key in listed_keys(self._store, announced)]
        if not left:
            return None
        if await is_cancel_requested(self._store, job_id):
            return Resting(parts=len(left), cancelled=True)
        await self._tell(job_id, keys.plan_of_part(left[0]))
        return Resting(parts=len(left), cancelled=False)

    async def has_no_parent(self, part: Part) -> bool:
        """Whether the job of a part has ended, or is not known any more: one GET.

        Raises StoreUnavailable, StatusUnreadable.
        """
        stored = await read_record(self._store, part.parent)
        return stored is None or stored.status.terminal

    async def is_wanted(self, asked: Manifest) -> bool:
        """Whether a part is one of a job that has not ended, and asks for what that one asks for: one GET.

        Raises StoreUnavailable, StatusUnreadable.
        """
        part = asked.part
        if part is None or asked.job_id != keys.part(part.parent, part.plan, part.first):
            return False
        stored = await read_record(self._store, part.parent)
        if stored is None or stored.status.terminal or stored.status.manifest is None:
            return False
        known = {name: value for name, value in stored.status.manifest.items() if name != "callback_url"}
        return is_same(known, asked.model_copy(update={"part": None}))

    async def folder(self, asked: Manifest) -> str | None:
        """The dropped folder that the parent of a part is, where it is one: none, or a LIST and some GETs."""
        inside = next((key for key in references(asked).values() if key.startswith(keys.INBOX)), None)
        if asked.part is None or inside is None:
            return None
        inbox = Inbox(self._store)
        entry = await inbox.find(inside)
        if entry is None or entry.form != "folder":
            return None
        return entry.folder if (await inbox.open(entry)).job_id == asked.part.parent else None

    async def _put_new(self, key: str, body: bytes) -> None:
        try:
            await self._store.put(key, body, content_type=_JSON, if_none_match=True)
        except PreconditionFailed:
            return  # an attempt before this one has done it

    async def _tell(self, job_id: str, plan: str) -> None:
        """Bring the record of a job that rests up to date, if that was not done of late."""
        stored = await read_record(self._store, job_id)
        segments = _to_renew(stored)
        if stored is None or segments is None:
            return
        done = len(await found_pieces(self._store, keys.scratch_folder(job_id) + plan))
        if done <= segments.done:
            return
        told = segments.model_copy(update={"done": done, "reused": done})
        body = transitions.shared(stored.status, now=datetime.now(UTC), segments=told).to_bytes()
        try:
            await self._store.put(keys.status(job_id), body, content_type=_JSON, if_match=stored.info.etag)
        except PreconditionFailed:
            return  # another consumer has told it, or claimed the job


def part_in(status: Status) -> Part | None:
    """What of another job's work a job was, by its record."""
    try:
        return Part.model_validate((status.manifest or {}).get("part"))
    except ValidationError:
        return None


def _to_renew(stored: Stored | None) -> Segments | None:
    """What a record tells of segments, if it is of a job that rests and is no longer young."""
    if stored is None or stored.status.status != "pending":
        return None
    age_s = (stored.info.store_now - stored.info.last_modified).total_seconds()
    return stored.status.progress.segments if age_s >= _TELL_EVERY_S else None
