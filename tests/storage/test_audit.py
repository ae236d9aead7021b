"""The audit log: lines are added and never lost, by as few writes as may be, in objects that stay small."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.audit import AuditLog
from storage.errors import StoreUnavailable
from storage.stores.memory_store import MemoryStore

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class UnsteadyStore(MemoryStore):
    """Counts writes, and fails as long as `away`."""

    away = False
    writes = 0

    async def put(self, key: str, body: bytes, **conditions: Any) -> str:  # noqa: ANN401 -- the port's
        if self.away:
            raise StoreUnavailable
        self.writes += 1
        return await super().put(key, body, **conditions)


async def lines(store: MemoryStore) -> Mapping[str, list[Any]]:
    """What is in each object of the log."""
    objects = (await store.list("audit/")).objects
    bodies = {each.key: (await store.get(each.key, max_bytes=1 << 20)).body for each in objects}
    return {key: [json.loads(line)["n"] for line in body.splitlines()] for key, body in bodies.items()}


async def test_lines_of_one_day_are_added_to_one_object_and_the_next_day_has_its_own() -> None:
    store, days = MemoryStore(), [NOON, NOON, NOON + timedelta(days=1)]
    log = AuditLog(store, "me", now=lambda: days.pop(0))
    for number in range(3):
        await log.append(f"job-{number}", {"n": number})
    assert await lines(store) == {"audit/2026-11-30/me-1.jsonl": [0, 1], "audit/2026-12-01/me-1.jsonl": [2]}


async def test_a_clock_that_is_set_back_over_midnight_costs_no_line() -> None:
    store, times = MemoryStore(), [NOON, NOON + timedelta(days=1), NOON, NOON + timedelta(days=1)]
    log = AuditLog(store, "me", now=lambda: times.pop(0))
    for number in range(4):
        await log.append(f"job-{number}", {"n": number})
    assert sorted(n for found in (await lines(store)).values() for n in found) == [0, 1, 2, 3]


async def test_jobs_that_end_meanwhile_share_a_write() -> None:
    store = UnsteadyStore()
    log = AuditLog(store, "me", now=lambda: NOON)
    await asyncio.gather(*(log.append(f"job-{number}", {"n": number}) for number in range(50)))
    assert await lines(store) == {"audit/2026-11-30/me-1.jsonl": [*range(50)]}
    assert store.writes == 2  # the first, and all that came while it was on its way


async def test_a_line_that_could_not_be_written_is_kept_and_not_written_twice() -> None:
    store = UnsteadyStore()
    log = AuditLog(store, "me", now=lambda: NOON)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await log.append("job-0", {"n": 0})
    store.away = False
    await log.append("job-1", {"n": 1})
    assert await lines(store) == {"audit/2026-11-30/me-1.jsonl": [0, 1]}
    store.away = True
    with pytest.raises(StoreUnavailable):
        await log.append("job-2", {"n": 2})
    store.away = False
    await log.append("job-2", {"n": 99})  # the same job, looked at again
    assert await lines(store) == {"audit/2026-11-30/me-1.jsonl": [0, 1, 2]}


async def test_an_object_that_has_grown_is_left_and_another_begun() -> None:
    store = MemoryStore()
    log = AuditLog(store, "me", now=lambda: NOON)
    for number in range(3):
        await log.append(f"job-{number}", {"n": number, "long": "x" * 200_000})
    assert await lines(store) == {"audit/2026-11-30/me-1.jsonl": [0, 1], "audit/2026-11-30/me-2.jsonl": [2]}


async def test_what_waits_for_a_store_that_is_away_is_bounded() -> None:
    store = UnsteadyStore()
    store.away = True
    log = AuditLog(store, "me", now=lambda: NOON)
    for number in range(1000):
        with pytest.raises(StoreUnavailable):
            await log.append(f"job-{number}", {"n": number})
    with pytest.raises(StoreUnavailable, match="no more lines are kept"):
        await log.append("one-more", {})
