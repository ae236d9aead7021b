"""The inbox: jobs announced as a manifest, or as a folder that people dropped files into.

A folder holds `target.*` (or `media.*`) and `source.*` (or `face.*`; several pictures of one person are
`source_1.*`, `source_2.*`…), or `face_0.*`, `face_1.*`… for several faces, and perhaps `options.json`.
Whatever else lies in it (`Thumbs.db`, `.DS_Store`) is ignored and archived with the rest. It is announced
once nothing in it has changed for `settle_s`.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from storage import keys
from storage.errors import InputTooLarge, InvalidManifest, ObjectNotFound, PreconditionFailed
from storage.records.manifest import MAX_MANIFEST_BYTES, Manifest, named_job_id, read_manifest
from storage.stores.port import MAX_KEYS, ListedObject, ObjectStore

_MAX_PAGES = 10  # per scan: 10,000 keys, mostly of folders that are never finished
_ENOUGH_READY = 200  # a scan that has found so many ready entries reads no further page
_ROLES = {"target": "target", "media": "target", "source": "source", "face": "source"}
_FACE = re.compile(r"face_([0-9]{1,4})")
_SOURCE = re.compile(r"source_([0-9]{1,2})")  # one of several pictures of one person
_VIDEO_EXTENSIONS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")


@dataclass(frozen=True, kw_only=True)
class InboxEntry:
    """One announced job as a listing showed it.

    `keys` are all its objects and `etags` theirs; `fingerprint` changes when a file that matters changes.
    `ready_in_s` is 0 once nothing has changed for long enough. `announced_at` is its oldest object's time.
    """

    name: str
    form: Literal["manifest", "folder"]
    keys: tuple[str, ...]
    etags: tuple[str, ...]
    fingerprint: str
    ready_in_s: float
    announced_at: datetime

    @property
    def folder(self) -> str:
        """Prefix of the job's own inbox folder, which its references may point into."""
        return keys.inbox_folder(self.name)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What one look at the inbox found, in key order; `store_now` is the store's clock."""

    entries: Sequence[InboxEntry]
    store_now: datetime


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A job read from the inbox: either `manifest`, with its JSON form `document`, or `error`."""

    job_id: str
    manifest: Manifest | None = None
    document: Mapping[str, Any] | None = None
    error: InvalidManifest | None = None


class Inbox:
    """Finds, reads and clears announced jobs."""

    def __init__(self, store: ObjectStore, *, settle_s: float = 2.0) -> None:
        self._store = store
        self._settle_s = settle_s

    async def scan(self) -> Scan:
        """List the inbox: one LIST per 1000 keys, up to a bound; raises StoreUnavailable.

        Folders that are not complete are left out: people may still be uploading.
        """
        found: list[ListedObject] = []
        entries: list[InboxEntry] = []
        start_after = ""
        for _ in range(_MAX_PAGES):
            page = await self._store.list(keys.INBOX, start_after=start_after)
            found += page.objects
            # The folder at a page's end may go on in the next one.
            groups = _grouped(found, drop_last_folder=page.truncated)
            entries = [entry for group in groups if (entry := self._entry(group, page.store_now))]
            if not page.truncated or sum(entry.ready_in_s == 0 for entry in entries) >= _ENOUGH_READY:
                break
            start_after = page.objects[-1].key
        return Scan(entries=entries, store_now=page.store_now)

    async def find(self, key: str) -> InboxEntry | None:
        """Look for the entry that an inbox key belongs to: one LIST; raises StoreUnavailable.

        None says that there is none (any more), or a folder that is not complete.
        """
        wanted = keys.parse_inbox(key)
        if wanted is None:
            return None
        found, store_now = await self._list(key if wanted.file is None else keys.inbox_folder(wanted.name))
        groups = _grouped(found, drop_last_folder=False)
        group = next((group for group in groups if wanted.file is not None or group[0].key == key), None)
        return self._entry(group, store_now) if group else None

    async def add(self, manifest: bytes) -> str:
        """Put a manifest that came another way into the inbox, and return its key: one PUT.

        It lies under its own job id, or else one made of its content; where there is an entry already, that
        one counts. Raises StoreUnavailable, after which doing it again does no harm.
        """
        digest = hashlib.sha256(manifest).hexdigest()
        key = keys.manifest(named_job_id(manifest) or keys.dropped_job_id("message", [digest]))
        with suppress(PreconditionFailed):
            await self._store.put(key, manifest, content_type="application/json", if_none_match=True)
        return key

    async def open(self, entry: InboxEntry) -> Announced:
        """Read an entry: one GET for a manifest or an `options.json`, none for a plain folder.

        A manifest that cannot be understood is an `error` with a job id, so that the job can end `failed`.
        Raises ObjectNotFound when the entry has gone meanwhile, StoreUnavailable.
        """
        if entry.form == "folder":
            job_id = keys.dropped_job_id(entry.name, _contents(entry))
            try:
                return _announced(job_id, read_manifest(await self._folder_manifest(entry)))
            except InvalidManifest as error:
                return Announced(job_id=job_id, error=error)
        try:
            stored = await self._store.get(entry.keys[0], max_bytes=MAX_MANIFEST_BYTES)
        except InputTooLarge:
            return Announced(
                job_id=keys.dropped_job_id(entry.name, entry.etags),
                error=InvalidManifest(f"The manifest is larger than {MAX_MANIFEST_BYTES // 2**20} MiB."),
            )
        job_id = named_job_id(stored.body) or keys.dropped_job_id(entry.name, [stored.info.etag])
        try:
            return _announced(job_id, read_manifest(stored.body))
        except InvalidManifest as error:
            return Announced(job_id=job_id, error=error)

    async def retire(self, entry: InboxEntry, job_id: str, *, cancelled: bool = False) -> None:
        """Clear an entry whose job has ended; with `cancelled` the cancel marker goes too.

        A manifest costs one DELETE, and a HEAD before it where it is not named after its job: another may
        lie there by now. A folder is listed once more and left alone if its files are no longer
        those of the job, because that is a new job; else it is copied to the archive and removed in one
        DELETE. Doing this twice does no harm. Raises StoreUnavailable.
        """
        gone = list(entry.keys)
        if entry.form == "folder":
            present, _ = await self._list(entry.folder)
            if _fingerprint(present) != entry.fingerprint:
                gone = []
            else:
                gone = [listed.key for listed in present]
                await self._archive(gone, job_id)
        elif entry.name != job_id and not await self._is_unchanged(entry):
            gone = []
        marker = [keys.cancel(job_id)] if cancelled else []
        for start in range(0, len(gone) + len(marker), MAX_KEYS):
            await self._store.delete([*gone, *marker][start : start + MAX_KEYS])

    def _entry(self, group: Sequence[ListedObject], store_now: datetime) -> InboxEntry | None:
        parsed = keys.parse_inbox(group[0].key)
        if parsed is None:
            return None
        ready_in_s = 0.0
        if parsed.file is not None:
            if not _is_complete(_by_role(listed.key for listed in group)):
                return None
            newest = max(listed.last_modified for listed in group)
            ready_in_s = max(0.0, self._settle_s - (store_now - newest).total_seconds())
        return InboxEntry(
            name=parsed.name,
            form="manifest" if parsed.file is None else "folder",
            keys=tuple(listed.key for listed in group),
            etags=tuple(listed.etag for listed in group),
            fingerprint=_fingerprint(group),
            ready_in_s=ready_in_s,
            announced_at=min(listed.last_modified for listed in group),
        )

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

    async def _archive(self, present: Iterable[str], job_id: str) -> None:
        for key in present:
            try:
                await self._store.copy(key, keys.archive(job_id, key.rpartition("/")[2]))
            except ObjectNotFound:  # another consumer has cleared it
                continue

    async def _folder_manifest(self, entry: InboxEntry) -> dict[str, Any]:
        """The manifest that a folder stands for; raises InvalidManifest naming the files at fault."""
        roles = _by_role(entry.keys)
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
        kind = "video" if target.lower().endswith(_VIDEO_EXTENSIONS) else "image"
        manifest: dict[str, Any] = {
            "process_type": f"{'multi' if faces else 'single'}-{kind}",
            "target": target,
        }
        in_order = sorted(sources, key=lambda role: int(role.partition("_")[2] or 0))
        manifest |= {"face_mappings": faces} if faces else {"source": [sources[role] for role in in_order]}
        if "options" in roles:
            manifest["options"] = await self._read_options(roles["options"][0])
        return manifest

    async def _read_options(self, key: str) -> Mapping[str, Any]:
        try:
            stored = await self._store.get(key, max_bytes=MAX_MANIFEST_BYTES)
            options = json.loads(stored.body)
        except (ValueError, RecursionError, InputTooLarge) as error:
            raise InvalidManifest("`options.json` is not valid JSON.") from error
        if not isinstance(options, dict) or "options" in options:
            raise InvalidManifest(
                '`options.json` must hold the options themselves and nothing else: {"many_faces": true}'
            )
        return options


def _announced(job_id: str, manifest: Manifest) -> Announced:
    document = manifest.model_dump(mode="json", exclude_none=True)
    return Announced(job_id=job_id, manifest=manifest, document=document)


def _grouped(found: Iterable[ListedObject], *, drop_last_folder: bool) -> list[list[ListedObject]]:
    """Put the objects of one entry together, in key order; keys that announce nothing are left out."""
    groups: dict[tuple[str, bool], list[ListedObject]] = defaultdict(list)
    for listed in found:
        parsed = keys.parse_inbox(listed.key)
        if parsed:
            groups[parsed.name, parsed.file is None].append(listed)
    if drop_last_folder and groups:
        name, is_manifest = next(reversed(groups))
        if not is_manifest:
            del groups[name, is_manifest]
    return list(groups.values())


def _role(key: str) -> str | None:
    """What a file of a folder is for: target, source, face_<n>, options; None for anything else."""
    file = key.rpartition("/")[2].lower()
    stem, dot, extension = file.partition(".")
    if not (dot and extension):
        return None
    if file == "options.json":
        return "options"
    for role, numbered in (("face", _FACE.fullmatch(stem)), ("source", _SOURCE.fullmatch(stem))):
        if numbered:
            return f"{role}_{int(numbered[1])}"
    return _ROLES.get(stem)


def _by_role(names: Iterable[str]) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = defaultdict(list)
    for key in names:
        role = _role(key)
        if role:
            roles[role].append(key)
    return dict(roles)


def _is_complete(roles: Mapping[str, object]) -> bool:
    return "target" in roles and any(role.startswith(("source", "face_")) for role in roles)


def _contents(entry: InboxEntry) -> list[str]:
    """The files that make the job what it is, with their names: source and target may change places."""
    pairs = zip(entry.keys, entry.etags, strict=True)
    return [f"{key.rpartition('/')[2].lower()} {etag}" for key, etag in pairs if _role(key)]


def _fingerprint(group: Iterable[ListedObject]) -> str:
    """Digest of an entry's manifest, or of the files in a folder that matter."""
    lines = [
        f"{listed.key} {listed.etag}"
        for listed in group
        if _role(listed.key) or listed.key.count("/") == 1  # a manifest lies in the inbox itself
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
