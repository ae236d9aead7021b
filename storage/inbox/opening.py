"""What an entry of the inbox asks for: a manifest as it was sent, or one that a folder stands for."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storage.errors import InputTooLarge, InvalidManifest, StorageError
from storage.inbox.entries import InboxEntry
from storage.inbox.folders import is_video
from storage.records.kept import is_same
from storage.records.manifest import MAX_MANIFEST_BYTES, Manifest, named_job_id, read_manifest
from storage.records.status import Status
from storage.stores.port import ObjectStore

_IN_JSON = {
    "options": '`options.json` must hold the options themselves and nothing else: {"many_faces": true}',
    "consent": '`consent.json` must hold the consent itself and nothing else: {"attested": true}',
}
"""What a folder may say beside its pictures, and a sentence for where it says something else."""

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


async def open_entry(store: ObjectStore, entry: InboxEntry) -> Announced:
    """Read an entry: one GET for a manifest or what a folder has in JSON, none for a plain folder.

    A manifest that cannot be understood is an `error` with a job id, so that the job can end `failed`.
    Raises ObjectNotFound when the entry has gone meanwhile, StoreUnavailable.
    """
    try:
        return await _open(store, entry)
    except StorageError:
        raise
    except Exception:  # noqa: BLE001 -- logged: whatever a file does to its reader, it must end as a job
        _log.exception("inbox_entry_broke_its_reader", extra={"entry": entry.name})
        message = "The manifest could not be read; write it anew."
        return _refused(entry, entry.content_id, InvalidManifest(message))


async def _open(store: ObjectStore, entry: InboxEntry) -> Announced:
    job_id = entry.content_id
    try:
        if entry.form == "folder":
            return _announced(entry, job_id, read_manifest(await _folder_manifest(store, entry)))
        stored = await store.get(entry.keys[0], max_bytes=MAX_MANIFEST_BYTES)
        entry = replace(entry, etags=(stored.info.etag,))  # it may have been replaced since it was listed
        job_id = named_job_id(stored.body) or entry.content_id
        return _announced(entry, job_id, read_manifest(stored.body))
    except InputTooLarge:
        message = f"The manifest is larger than {MAX_MANIFEST_BYTES // 2**20} MiB."
        return _refused(entry, job_id, InvalidManifest(message))
    except InvalidManifest as error:
        return _refused(entry, job_id, error)


async def _folder_manifest(store: ObjectStore, entry: InboxEntry) -> dict[str, Any]:
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
            manifest[role] = await _read_json(store, roles[role][0], role)
    return manifest


async def _read_json(store: ObjectStore, key: str, role: str) -> Mapping[str, Any]:
    try:
        stored = await store.get(key, max_bytes=MAX_MANIFEST_BYTES)
        said = json.loads(stored.body)
    except (ValueError, RecursionError, InputTooLarge) as error:
        raise InvalidManifest(f"`{role}.json` is not valid JSON.") from error
    if not isinstance(said, dict) or role in said:
        raise InvalidManifest(_IN_JSON[role])
    return said


def _announced(entry: InboxEntry, job_id: str, manifest: Manifest) -> Announced:
    return Announced(
        job_id=job_id,
        other_id=entry.other_id(job_id),
        manifest=manifest,
        document=manifest.model_dump(mode="json", exclude_none=True),
    )


def _refused(entry: InboxEntry, job_id: str, error: InvalidManifest) -> Announced:
    return Announced(job_id=job_id, other_id=entry.other_id(job_id), error=error)
