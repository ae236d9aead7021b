"""A cancel by the Worker ends a job that nothing leads to: it marks it and announces what its record keeps.

The Worker's half of this is in infra/worker/test/cancel.test.ts; what it puts into the inbox is `led_back`.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from storage import keys
from storage.inbox.inbox import Inbox
from storage.lease.leases import Lease, LeasePolicy, Leases
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.upkeep.queries import newest_first
from tests.support.engines import FlatEngine
from tests.support.jobs import ended, inbox_empty, running

PAIR = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}
PIECES: dict[str, Mapping[str, bytes]] = {
    "a manifest": {"order.json": json.dumps(PAIR).encode()},
    "pictures within it": {"order.json": json.dumps({**PAIR, "source": "A" * 5000}).encode()},
    "signed links": {"order.json": json.dumps({**PAIR, "target": "https://example.com/b.png?s=1"}).encode()},
    "a misspelt manifest": {"order.json": b'{"process_typo": 1}'},
    "a folder": {"us/source.png": b"me", "us/target.png": b"party"},
}


async def stranded(store: ObjectStore, pieces: Mapping[str, bytes]) -> Status:
    """A job whose consumer has died, and whose announcement is gone."""
    for name, body in pieces.items():
        await store.put(f"inbox/{name}", body, content_type="application/octet-stream")
    [entry] = (await Inbox(store, settle_s=0).scan()).entries
    announced = await Inbox(store).open(entry)
    quick = LeasePolicy(ttl_s=1, grace_s=0, margin_s=0.2, min_write_gap_s=0.1)
    lease = await Leases(store, owner="dead", policy=quick).claim(announced.job_id, announced.document)
    assert isinstance(lease, Lease)
    await store.delete(list(entry.keys))
    return lease.status


def led_back(status: Status) -> dict[str, Any]:
    return {**(status.model_dump(mode="json")["manifest"] or {}), "job_id": status.job_id}


async def cancel_as_the_worker(store: ObjectStore, status: Status) -> None:
    await store.put(keys.cancel(status.job_id), b"", content_type="application/octet-stream")
    await announce_as_the_worker(store, status)


async def announce_as_the_worker(store: ObjectStore, status: Status) -> None:
    body = json.dumps(led_back(status)).encode()
    await store.put(keys.manifest(status.job_id), body, content_type="application/json", if_none_match=True)


@pytest.mark.parametrize("what", PIECES)
async def test_a_cancelled_job_that_nothing_leads_to_ends_however_it_was_announced(what: str) -> None:
    store = MemoryStore()
    status = await stranded(store, PIECES[what])
    assert (status.manifest is None) == (what == "a misspelt manifest")
    await cancel_as_the_worker(store, status)
    async with running(store, FlatEngine(), lease_ttl_s=2):
        assert (await ended(store, status.job_id)).status == "cancelled"
        await inbox_empty(store)
    left = [listed.key for listed in (await store.list("")).objects]
    assert left == [keys.status(status.job_id)]


@pytest.mark.parametrize("what", PIECES)
async def test_one_that_ended_meanwhile_stays_as_it_is_and_becomes_no_other_job(what: str) -> None:
    store = MemoryStore()
    status = await stranded(store, PIECES[what])
    await cancel_as_the_worker(store, status)
    async with running(store, FlatEngine(), lease_ttl_s=2):
        before = await ended(store, status.job_id)
        await inbox_empty(store)
        await announce_as_the_worker(store, status)
        await inbox_empty(store)
    assert [known async for known in newest_first(store)] == [before]
