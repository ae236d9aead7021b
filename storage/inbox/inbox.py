"""The inbox: jobs announced as a manifest, or as a folder that people dropped files into.

A folder holds `target.*` (or `media.*`) and `source.*` (or `face.*`; several pictures of one person are
`source_1.*`, `source_2.*`…), or `face_0.*`, `face_1.*`… for several faces, and perhaps `options.json` and
`consent.json`. Whatever else lies in it (`Thumbs.db`, `.DS_Store`) is ignored and archived with the rest. It
is announced once nothing in it has changed for `settle_s`.
"""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from storage import keys
from storage.errors import (
    InputTooLarge,
    InvalidManifest,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreUnavailable,
)
from storage.inbox.entries import (
    TAKEN_DIGITS,
    InboxEntry,
    InboxReader,
    Puzzle,
    Scan,
    entry_of,
    fingerprint_of,
    roles_of,
    scan_of,
)
from storage.inbox.folders import is_video
from storage.records.kept import is_same
from storage.records.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    named_job_id,
    read_manifest,
)
from storage.records.status import Status
from storage.stores.port import MAX_KEYS, ListedObject, ObjectStore

_MAX_PAGES = 10  # per scan: 10,000 keys, mostly of folders that are never finished
_TRIES = 3  # to put a manifest where another is being removed
_MAX_LOOKS = 10  # in a row, where the whole inbox is to be known
_LONG_COPY_BYTES = 64 * 2**20  # in which another file can be dropped in the place of one that is copied
_MOST_READ = 1000  # manifests, in search of one that names a job
ENOUGH_READY = 200  # a scan that has found so many ready entries reads no further page, unless told otherwise
# Where one picture is taken for what it is because the others say what they are, the file that says so may
# still be on its way: 50 MB take about that long at 15 Mbit/s.
_GUESS_SETTLE_S = 30.0
_IN_JSON = {
    "options": '`options.json` must hold the options themselves and nothing else: {"many_faces": true}',
    "consent": '`consent.json` must hold the consent itself and nothing else: {"attested": true}',
}
"""What a folder may say beside its pictures, and a sentence for where it says something else."""

__all__ = ["Announced", "Announcements", "Inbox", "InboxEntry", "Puzzle", "Scan"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A job read from the inbox: either `manifest` or `error`."""

    job_id: str
    #: The job's id where `job_id` is that of another job already.
    other_id: str
    manifest: Manifest | None = None
    #: The manifest in its JSON form.
    document: Mapping[str, Any] | None = None
    #: Why there is no manifest.
    error: InvalidManifest | None = None

    def is_of(self, status: Status) -> bool:
        """Whether a record under this job id is of this very job, and not of another that had it first."""
        refused = status.error if status.error and status.error.code == InvalidManifest.code else None
        if self.error is not None:
            return status.manifest is None and (refused is None or refused.message == str(self.error))
        if status.manifest is None:  # it was not understood then, or no record could hold it
            return refused is None
        return self.manifest is not None and is_same(status.manifest, self.manifest)


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
        found, store_now = await self._list(key if wanted.file is None else keys.inbox_folder(wanted.name))
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
        """Read an entry: one GET for a manifest or what a folder has in JSON, none for a plain folder.

        A manifest that cannot be understood is an `error` with a job id, so that the job can end `failed`.
        Raises ObjectNotFound when the entry has gone meanwhile, StoreUnavailable.
        """
        try:
            return await self._open(entry)
        except StorageError:
            raise
        except Exception:  # noqa: BLE001 -- logged: whatever a file does to its reader, it must end as a job
            _log.exception("inbox_entry_broke_its_reader", extra={"entry": entry.name})
            message = "The manifest could not be read; write it anew."
            return _refused(entry, entry.content_id, InvalidManifest(message))

    async def _open(self, entry: InboxEntry) -> Announced:
        job_id = entry.content_id
        try:
            if entry.form == "folder":
                return _announced(entry, job_id, read_manifest(await self._folder_manifest(entry)))
            stored = await self._store.get(entry.keys[0], max_bytes=MAX_MANIFEST_BYTES)
            entry = replace(entry, etags=(stored.info.etag,))  # it may have been replaced since it was listed
            job_id = named_job_id(stored.body) or entry.content_id
            return _announced(entry, job_id, read_manifest(stored.body))
        except InputTooLarge:
            message = f"The manifest is larger than {MAX_MANIFEST_BYTES // 2**20} MiB."
            return _refused(entry, job_id, InvalidManifest(message))
        except InvalidManifest as error:
            return _refused(entry, job_id, error)

    async def retire(self, entry: InboxEntry, job_id: str, *, cancelled: bool = False) -> None:
        """Clear an entry whose job has ended; with `cancelled` the cancel marker goes too.

        A manifest costs one DELETE, and a HEAD before it where it is not named after its job: another may
        lie there by now. A folder is listed once more and left alone if its files are no longer
        those of the job, because that is a new job; else it is copied to the archive and removed in one
        DELETE. Doing this twice does no harm. Raises StoreUnavailable, also where a file that is there could
        not be copied; then nothing is removed.
        """
        gone = list(entry.keys)
        if entry.form == "folder":
            present, _ = await self._list(entry.folder)
            changed = fingerprint_of(present, roles_of(present)) != entry.fingerprint
            gone = [] if changed else await self._archive(entry, present, job_id)
        elif entry.name != job_id and not await self._is_unchanged(entry):
            gone = []
        marker = [keys.cancel(job_id)] if cancelled else []
        for start in range(0, len(gone) + len(marker), MAX_KEYS):
            await self._store.delete([*gone, *marker][start : start + MAX_KEYS])

    async def _list(self, prefix: str) -> tuple[list[ListedObject], datetime]:
        """The objects of one entry, and the store's clock."""
        found: list[ListedObject] = []
        for _ in range(_MAX_PAGES):
            page = await self._store.list(prefix, start_after=found[-1].key if found else "")
            found += page.objects
            if not page.truncated:
                break
        return [listed for listed in found if keys.parse_inbox(listed.key)], page.store_now

    async def _is_unchanged(self, entry: InboxEntry) -> bool:
        try:
            return (await self._store.head(entry.keys[0])).etag == entry.etags[0]
        except ObjectNotFound:
            return False

    async def _archive(self, entry: InboxEntry, present: Sequence[ListedObject], job_id: str) -> list[str]:
        """Copy files to the archive and return those that may be removed; others are gone by now."""
        copied = []
        for key, size in ((listed.key, listed.size) for listed in present):
            try:
                await self._store.copy(key, keys.archive(job_id, key.rpartition("/")[2]), size=size)
                copied.append(key)
            except ObjectNotFound as error:  # another consumer has cleared it, or the store says so only
                with suppress(ObjectNotFound):
                    await self._store.head(key)
                    raise StoreUnavailable(
                        f"The store did not copy `{key}` to the archive, so its folder is left in the inbox."
                    ) from error
        if sum(listed.size for listed in present) > _LONG_COPY_BYTES:
            now, _ = await self._list(entry.folder)
            same = {(listed.key, listed.etag) for listed in now} & {(each.key, each.etag) for each in present}
            copied = [key for key in copied if key in {unchanged for unchanged, _ in same}]
        return copied

    async def _folder_manifest(self, entry: InboxEntry) -> dict[str, Any]:
        """The manifest that a folder stands for; raises InvalidManifest naming the files at fault."""
        roles = defaultdict[str, list[str]](list)
        for key in entry.keys:
            if key in entry.roles:
                roles[entry.roles[key]].append(key)
        for role, found in roles.items():
            if len(found) > 1:
                files = " and ".join(f"`{key.removeprefix(entry.folder)}`" for key in found)
                raise InvalidManifest(f"The folder has more than one {role}: {files}. Keep one of them.")
        faces = {role: found[0] for role, found in roles.items() if role.startswith("face_")}
        sources = {role: found[0] for role, found in roles.items() if role.startswith("source")}
        if faces and sources:
            one = next(iter(sources.values()))
            raise InvalidManifest(
                f"The folder has both `{one.removeprefix(entry.folder)}` and numbered faces; keep either."
            )
        target = roles["target"][0]
        kind = "video" if is_video(target) else "image"
        manifest: dict[str, Any] = {
            "process_type": f"{'multi' if faces else 'single'}-{kind}",
            "target": target,
        }
        in_order = sorted(sources, key=lambda role: int(role.partition("_")[2] or 0))
        manifest |= {"face_mappings": faces} if faces else {"source": [sources[role] for role in in_order]}
        for role in _IN_JSON:
            if role in roles:
                manifest[role] = await self._read_json(roles[role][0], role)
        return manifest

    async def _read_json(self, key: str, role: str) -> Mapping[str, Any]:
        try:
            stored = await self._store.get(key, max_bytes=MAX_MANIFEST_BYTES)
            said = json.loads(stored.body)
        except (ValueError, RecursionError, InputTooLarge) as error:
            raise InvalidManifest(f"`{role}.json` is not valid JSON.") from error
        if not isinstance(said, dict) or role in said:
            raise InvalidManifest(_IN_JSON[role])
        return said


def _is_ready(entry: InboxEntry) -> bool:
    return entry.ready_in_s == 0


def _announced(entry: InboxEntry, job_id: str, manifest: Manifest) -> Announced:
    return Announced(
        job_id=job_id,
        other_id=entry.other_id(job_id),
        manifest=manifest,
        document=manifest.model_dump(mode="json", exclude_none=True),
    )


def _refused(entry: InboxEntry, job_id: str, error: InvalidManifest) -> Announced:
    return Announced(job_id=job_id, other_id=entry.other_id(job_id), error=error)
