"""Clearing entries of the inbox whose jobs have ended: what was dropped since then stays."""

from collections.abc import Sequence
from contextlib import suppress

from storage import keys
from storage.errors import ObjectNotFound, StoreUnavailable
from storage.inbox.entries import InboxEntry, fingerprint_of, roles_of
from storage.inbox.listing import list_entry
from storage.stores.port import MAX_KEYS, ListedObject, ObjectStore

_LONG_COPY_BYTES = 64 * 2**20  # in which another file can be dropped in the place of one that is copied


async def retire(store: ObjectStore, entry: InboxEntry, job_id: str, *, cancelled: bool) -> None:
    """Clear an entry whose job has ended; with `cancelled` the cancel marker goes too.

    A manifest costs one DELETE, and a HEAD before it where it is not named after its job: another may
    lie there by now. A folder is listed once more and left alone if its files are no longer
    those of the job, because that is a new job; else it is copied to the archive and removed in one
    DELETE. Doing this twice does no harm. Raises StoreUnavailable, also where a file that is there could
    not be copied; then nothing is removed.
    """
    gone = list(entry.keys)
    if entry.form == "folder":
        present, _ = await list_entry(store, entry.folder)
        changed = fingerprint_of(present, roles_of(present)) != entry.fingerprint
        gone = [] if changed else await _archive(store, entry, present, job_id)
    elif entry.name != job_id and not await _is_unchanged(store, entry):
        gone = []
    marker = [keys.cancel(job_id)] if cancelled else []
    for start in range(0, len(gone) + len(marker), MAX_KEYS):
        await store.delete([*gone, *marker][start : start + MAX_KEYS])


async def _is_unchanged(store: ObjectStore, entry: InboxEntry) -> bool:
    try:
        return (await store.head(entry.keys[0])).etag == entry.etags[0]
    except ObjectNotFound:
        return False


async def _archive(
    store: ObjectStore, entry: InboxEntry, present: Sequence[ListedObject], job_id: str
) -> list[str]:
    """Copy files to the archive and return those that may be removed; others are gone by now."""
    copied = []
    for key, size in ((listed.key, listed.size) for listed in present):
        try:
            await store.copy(key, keys.archive(job_id, key.rpartition("/")[2]), size=size)
            copied.append(key)
        except ObjectNotFound as error:  # another consumer has cleared it, or the store says so only
            with suppress(ObjectNotFound):
                await store.head(key)
                raise StoreUnavailable(
                    f"The store did not copy `{key}` to the archive, so its folder is left in the inbox."
                ) from error
    if sum(listed.size for listed in present) > _LONG_COPY_BYTES:
        now, _ = await list_entry(store, entry.folder)
        unchanged = {(each.key, each.etag) for each in now}
        return [each.key for each in present if each.key in copied and (each.key, each.etag) in unchanged]
    return copied
