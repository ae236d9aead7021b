"""The files of one entry of the inbox, as they lie there now."""

from datetime import datetime

from storage import keys
from storage.stores.port import ListedObject, ObjectStore

_MAX_PAGES = 10  # 10,000 files


async def list_entry(store: ObjectStore, prefix: str) -> tuple[list[ListedObject], datetime]:
    """The objects of one entry, and the store's clock."""
    found: list[ListedObject] = []
    for _ in range(_MAX_PAGES):
        page = await store.list(prefix, start_after=found[-1].key if found else "")
        found += page.objects
        if not page.truncated:
            break
    return [listed for listed in found if keys.parse_inbox(listed.key)], page.store_now
