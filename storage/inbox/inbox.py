"""The inbox: jobs announced as a manifest, or as a folder that people dropped files into.

A folder holds `target.*` (or `media.*`) and `source.*` (or `face.*`; several pictures of one person are
`source_1.*`, `source_2.*`…), or `face_0.*`, `face_1.*`… for several faces, and perhaps `options.json` and
`consent.json`. Whatever else lies in it (`Thumbs.db`, `.DS_Store`) is ignored and archived with the rest. It
is announced once nothing in it has changed for `settle_s`.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from storage import keys
from storage.errors import InputTooLarge, ObjectNotFound, PreconditionFailed
from storage.inbox.entries import (
    TAKEN_DIGITS,
    InboxEntry,
    InboxReader,
    Puzzle,
    Scan,
    entry_of,
    scan_of,
)
from storage.inbox.listing import list_entry
from storage.inbox.opening import Announced, open_entry
from storage.inbox.retirement import retire
from storage.records.manifest import MAX_MANIFEST_BYTES, named_job_id
from storage.stores.port import ObjectStore

_MAX_PAGES = 10  # per scan: 10,000 keys, mostly of folders that are never finished
_TRIES = 3  # to put a manifest where another is being removed
_MAX_LOOKS = 10  # in a row, where the whole inbox is to be known
_MOST_READ = 1000  # manifests, in search of one that names a job
ENOUGH_READY = 200  # a scan that has found so many ready entries reads no further page, unless told otherwise
# Where one picture is taken for what it is because the others say what they are, the file that says so may
# still be on its way: 50 MB take about that long at 15 Mbit/s.
_GUESS_SETTLE_S = 30.0

__all__ = ["Announced", "Announcements", "Inbox", "InboxEntry", "Puzzle", "Scan"]


@dataclass(frozen=True, kw_only=True)
class Announcements:
    """What the inbox announces."""

    #: Ids that its entries may have.
    ids: frozenset[str]
    #: Places where something lies that is no job.
    puzzles: frozenset[str]
    #: Keys of its manifests, each of which may name another id than it is called after.
    manifests: frozenset[str]
    #: Whether the whole inbox was seen.
    whole: bool


class Inbox:
    """Finds, reads and clears announced jobs."""

    def __init__(
        self, store: ObjectStore, *, settle_s: float = 2.0, guess_settle_s: float = _GUESS_SETTLE_S
    ) -> None:
        self._store = store
        self._read = partial(entry_of, settle_s=settle_s, guess_settle_s=max(settle_s, guess_settle_s))

    async def scan(
        self,
        *,
        go_on_after: str = "",
        is_fresh: Callable[[InboxEntry], bool] | None = None,
        enough: int = ENOUGH_READY,
    ) -> Scan:
        """List the inbox: one LIST per 1000 keys, up to a bound; raises StoreUnavailable.

        The first page is always read. Where it has fewer than `enough` entries that are `is_fresh` (ready,
        unless told otherwise), reading goes on after `go_on_after`, the `read_to` of the scan before: however
        much lies there that is of no use, the whole inbox is seen in a few scans, and each puzzle told by one
        of them.
        Folders that are not complete are no entries: people may still be uploading.
        """
        is_fresh = is_fresh or _is_ready
        page = await self._store.list(keys.INBOX)
        first = InboxReader(self._read, page.store_now)
        first.take(page)
        if go_on_after and page.truncated:
            first.tell_no_puzzles()  # the scan that began there has told them
        if not page.truncated or first.count(is_fresh) >= enough:
            first.close(truncated=page.truncated)
            return scan_of([first], page, go_on_after if page.truncated else "")
        readers, reader = [first], first
        if go_on_after > page.objects[-1].key:
            first.close(truncated=True)
            reader = InboxReader(self._read, page.store_now, after=go_on_after)
            readers.append(reader)
        for _ in range(_MAX_PAGES - 1):
            page = await self._store.list(keys.INBOX, start_after=reader.last_key)
            reader.take(page)
            if not page.truncated or sum(some.count(is_fresh) for some in readers) >= enough:
                break
        reader.close(truncated=page.truncated)
        return scan_of(readers, page, reader.read_to if page.truncated else "")

    async def announced(self) -> "Announcements":
        """Which jobs the whole inbox announces, as far as keys and ETags tell: one LIST per 1000 keys.

        Of a manifest that names the id of its job, only the one it is called after is known; `may_name`
        tells the rest.
        """
        ids, places, manifests = set[str](), set[str](), set[str]()
        read_to = ""
        for _ in range(_MAX_LOOKS):
            scan = await self.scan(go_on_after=read_to, is_fresh=lambda _: False)
            for entry in scan.entries:
                ids |= {entry.name, entry.content_id, entry.other_id(entry.name)}
                if entry.form == "manifest":
                    manifests.add(entry.keys[0])
            places |= {puzzle.place for puzzle in scan.puzzles}
            read_to = scan.read_to
            if scan.at_end:
                break
        return Announcements(
            ids=frozenset(ids),
            puzzles=frozenset(places),
            manifests=frozenset(manifests),
            whole=scan.at_end,
        )

    async def may_name(self, announcements: Announcements, job_id: str) -> bool:
        """Whether a manifest says that its job has this id, whatever it is called: a GET for each there is.

        True also where there are more than a thousand, which are not read. Raises StoreUnavailable.
        """
        if len(announcements.manifests) > _MOST_READ:
            return True
        for key in announcements.manifests:
            try:
                stored = await self._store.get(key, max_bytes=MAX_MANIFEST_BYTES)
            except (ObjectNotFound, InputTooLarge):
                continue
            named, contents = named_job_id(stored.body), [stored.info.etag]
            if named and job_id in {named, keys.dropped_job_id(named, contents, digits=TAKEN_DIGITS)}:
                return True
        return False

    async def find(self, key: str) -> InboxEntry | None:
        """Look for the entry that an inbox key belongs to: one LIST; raises StoreUnavailable.

        None says that there is none (any more), or a folder that is not complete.
        """
        wanted = keys.parse_inbox(key)
        if wanted is None:
            return None
        prefix = key if wanted.file is None else keys.inbox_folder(wanted.name)
        found, store_now = await list_entry(self._store, prefix)
        group = [listed for listed in found if wanted.file is not None or listed.key == key]
        return self._read(group, store_now) if group else None

    async def add(self, manifest: bytes) -> str:
        """Put a manifest that came another way into the inbox, and return its key: one PUT.

        It lies under its own job id, or else one made of its content; where the same lies there already, that
        one counts, which costs a GET. Where another does, it lies beside it: it is another job. Raises
        StoreUnavailable, after which doing it again does no harm.
        """
        digest = hashlib.sha256(manifest).hexdigest()
        job_id = named_job_id(manifest) or keys.dropped_job_id("message", [digest])
        key = keys.manifest(job_id)
        for _ in range(_TRIES):
            if await self._put_new(key, manifest):
                return key
            with suppress(ObjectNotFound):  # else its job has ended just now: there is room again
                if await self._has_the_same(key, manifest):
                    return key
                break
        beside = keys.manifest(keys.dropped_job_id(job_id, [digest], digits=TAKEN_DIGITS))
        await self._put_new(beside, manifest)
        return beside

    async def _put_new(self, key: str, manifest: bytes) -> bool:
        try:
            await self._store.put(key, manifest, content_type="application/json", if_none_match=True)
        except PreconditionFailed:
            return False
        return True

    async def _has_the_same(self, key: str, manifest: bytes) -> bool:
        try:
            stands = await self._store.get(key, max_bytes=MAX_MANIFEST_BYTES)
        except InputTooLarge:
            return False
        return stands.body == manifest

    async def open(self, entry: InboxEntry) -> Announced:
        """Read what an entry asks for; see `open_entry`."""
        return await open_entry(self._store, entry)

    async def retire(self, entry: InboxEntry, job_id: str, *, cancelled: bool = False) -> None:
        """Clear an entry whose job has ended; see `retirement`."""
        await retire(self._store, entry, job_id, cancelled=cancelled)


def _is_ready(entry: InboxEntry) -> bool:
    return entry.ready_in_s == 0
