"""An inbox in memory that files are dropped into."""

import json
from collections.abc import Mapping

from storage import keys
from storage.inbox.inbox import Announced, Inbox, InboxEntry
from storage.stores.memory_store import MemoryStore
from tests.support.clock import VirtualTime
from tests.support.stores import CountingStore

MANIFEST = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}


class Drop:
    """Such an inbox, whose calls are counted, and its clock."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)
        self.inbox = Inbox(self.store)

    async def files(self, files: Mapping[str, bytes]) -> None:
        """Drop files by their keys below the inbox."""
        for key, body in files.items():
            await self.memory.put(f"inbox/{key}", body, content_type="application/octet-stream")

    async def folder(self, *names: str, folder: str = "pics") -> None:
        """Drop files of these names into a folder."""
        await self.files({f"{folder}/{name}": name.encode() for name in names})

    async def manifest(self, document: object, name: str = "j") -> None:
        """Drop a manifest, or whatever is to be taken for one."""
        await self.files({f"{name}.json": json.dumps(document).encode()})

    async def entries(self) -> list[InboxEntry]:
        """What a look finds, ready or not."""
        return list((await self.inbox.scan()).entries)

    async def entry(self) -> InboxEntry:
        """The one entry there is, once it has settled."""
        self.time.advance(2)
        [entry] = await self.entries()
        assert entry.ready_in_s == 0
        return entry

    async def announced(self) -> Announced:
        """The job that it is."""
        return await self.inbox.open(await self.entry())

    async def left(self, prefix: str = "") -> list[str]:
        """The keys of what is still there."""
        return [listed.key for listed in (await self.memory.list(prefix)).objects]


async def error_of(drop: Drop) -> str:
    """Why the one entry there is cannot be done, which makes it a job all the same."""
    announced = await drop.announced()
    assert keys.is_job_id(announced.job_id)
    assert announced.manifest is None
    assert announced.error is not None
    return str(announced.error)
