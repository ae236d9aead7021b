"""A consumer that works for long: nothing that it holds may grow. `make soak` does ten times as much."""

import asyncio
import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from storage import keys
from storage.stores.memory_store import MemoryStore
from storage.stores.port import MAX_KEYS
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, inbox_empty, running, upload_pair

_JOBS = 10_000 if "SOAK" in os.environ else 1_000
_WARM_UP = 300  # the allocator's pools, the caches of the libraries
_BATCH = 100
_MAX_GROWTH_BYTES = 8 * 2**20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Held:
    """What this process holds."""

    resident_bytes: int
    files: int
    threads: int
    tasks: int


def held() -> Held:
    gc.collect()
    return Held(
        resident_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES,
        files=len(list(Path("/proc/self/fd").iterdir())),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
    )


async def do(store: MemoryStore, references: dict[str, str], jobs: int) -> None:
    """Let the consumer do so many jobs, and empty the bucket, which lies in memory too."""
    for _ in range(0, jobs, _BATCH):
        for _ in range(_BATCH):
            await announce(store, references)
        await inbox_empty(store)
        for prefix in (keys.STATUS, keys.RESULTS):
            found = (await store.list(prefix)).objects
            assert len(found) == _BATCH < MAX_KEYS
            await store.delete([listed.key for listed in found])


async def test_thousands_of_jobs_leave_no_memory_file_thread_or_task_behind() -> None:
    store = MemoryStore()
    references = await upload_pair(store)
    async with running(store, FlatEngine()) as consumer:
        await do(store, references, _WARM_UP)
        before = held()
        await do(store, references, _JOBS)
        after = held()
    assert consumer.metrics.ended["completed"] == _WARM_UP + _JOBS
    assert consumer.decoded_bytes == 0
    assert after.resident_bytes - before.resident_bytes < _MAX_GROWTH_BYTES
    assert (after.files, after.threads) == (before.files, before.threads)
    assert after.tasks <= before.tasks + 2  # a heartbeat or a look that is just ending
