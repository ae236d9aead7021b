"""Jobs that nothing leads to any more are found at a bounded cost, and end; no other job is touched."""

import json
from datetime import timedelta

import pytest

from storage import keys
from storage.inbox.inbox import Inbox
from storage.inbox.puzzles import puzzle_id, tell_of
from storage.lease.cas import read_record
from storage.lease.leases import Lease, LeasePolicy, Leases
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.upkeep.rounds import Rounds, Step
from storage.upkeep.stranded import end_if_stranded
from tests.support.clock import VirtualTime
from tests.support.stores import CountingStore

MANIFEST = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}
INLINE = {**MANIFEST, "source": "A" * 5000}
LONG_S = 3600.0


class Bucket:
    """A bucket whose consumers come and go."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)
        self.inbox = Inbox(self.store)
        self.rounds = Rounds(self.store, self.inbox, self.leases("rounds"))

    def leases(self, owner: str) -> Leases:
        return Leases(
            self.store,
            owner=owner,
            policy=LeasePolicy(),
            monotonic=self.time.monotonic,
            wall=self.time.store,
        )

    async def drop(self, document: object, name: str = "order") -> None:
        await self.put(f"inbox/{name}.json", json.dumps(document).encode())

    async def put(self, key: str, body: bytes = b"") -> None:
        await self.memory.put(key, body, content_type="application/json")

    async def claim(self) -> Lease:
        """A consumer claims the only entry."""
        [entry] = (await self.inbox.scan()).entries
        announced = await self.inbox.open(entry)
        lease = await self.leases("owner").claim(announced.job_id, announced.document)
        assert isinstance(lease, Lease)
        return lease

    async def step(self) -> list[str]:
        self.time.advance(LONG_S)
        self.store.calls.clear()
        return (await self.rounds.step()).rescued

    async def status(self, job_id: str) -> Status:
        stored = await read_record(self.memory, job_id)
        assert stored is not None
        return stored.status

    async def left(self, prefix: str = "inbox/") -> list[str]:
        return [listed.key for listed in (await self.memory.list(prefix)).objects]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.mark.parametrize("fate", ["overwritten", "removed"])
@pytest.mark.parametrize("given_back", [False, True])
async def test_a_job_whose_entry_is_gone_and_whose_owner_died_is_announced_again(
    bucket: Bucket,
    fate: str,
    given_back: bool,  # noqa: FBT001 -- a case
) -> None:
    """The one of 1,489 jobs that stayed `processing`; one that waits for another attempt is no better off."""
    await bucket.drop(MANIFEST)
    lease = await bucket.claim()
    if given_back:
        await lease.release()
    await bucket.memory.delete(["inbox/order.json"])
    if fate == "overwritten":
        await bucket.drop({**MANIFEST, "target": "uploads/c.png"})
    assert await bucket.step() == [lease.job_id]
    [entry] = [entry for entry in (await bucket.inbox.scan()).entries if entry.name == lease.job_id]
    announced = await bucket.inbox.open(entry)
    assert announced.job_id == lease.job_id
    claimed = await bucket.leases("heir").claim(announced.job_id, announced.document, is_same=announced.is_of)
    assert isinstance(claimed, Lease)
    assert claimed.attempt == 2
    assert await bucket.step() == []  # it is announced


@pytest.mark.parametrize("document", [INLINE, {"job_id": "order", "nonsense": 1}])
async def test_a_job_whose_record_does_not_hold_all_of_it_is_ended(bucket: Bucket, document: object) -> None:
    await bucket.drop(document)
    lease = await bucket.claim()
    await bucket.memory.delete(["inbox/order.json"])
    assert await bucket.step() == [lease.job_id]
    status = await bucket.status(lease.job_id)
    assert status.status == "failed"
    assert status.error is not None
    assert "taken out of the inbox" in status.error.message
    assert await bucket.left() == []


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_job_that_waits_under_another_name_than_its_id_is_no_stranded_one(
    bucket: Bucket,
    by_hand: bool,  # noqa: FBT001 -- a case
) -> None:
    """Given back in a backlog it may wait for hours, and its record cannot bring its `callback_url` back."""
    await bucket.drop({**MANIFEST, "job_id": "named", "callback_url": "https://me.example/x"})
    await (await bucket.claim()).release()
    if by_hand:
        bucket.time.advance(LONG_S)
        await end_if_stranded(bucket.memory, "named", by="test")
    else:
        assert await bucket.step() == []
    assert (await bucket.status("named")).status == "pending"
    await bucket.memory.delete(["inbox/order.json"])
    assert await bucket.step() == ["named"]
    assert (await bucket.status("named")).status == "failed"


async def test_of_jobs_that_are_ended_somebody_is_told_and_of_no_others(bucket: Bucket) -> None:
    told: list[tuple[str, str]] = []

    async def hear(status: Status) -> None:
        told.append((status.job_id, status.status))

    bucket.rounds = Rounds(bucket.store, bucket.inbox, bucket.leases("rounds"), told=hear)
    for name, document in {"again": MANIFEST, "ended": INLINE}.items():
        await bucket.drop(document, name=name)
        lease = await bucket.claim()
        await bucket.memory.delete([f"inbox/{name}.json"])
    assert len(await bucket.step()) == 2
    assert told == [(lease.job_id, "failed")]
    assert await end_if_stranded(bucket.memory, lease.job_id, by="test", told=hear) is not None
    assert len(told) == 1  # it had ended


async def test_a_folder_that_was_taken_away_ends_its_job_and_other_files_in_it_are_another(
    bucket: Bucket,
) -> None:
    for name in ("source.png", "target.png"):
        await bucket.put(f"inbox/us/{name}", name.encode())
    bucket.time.advance(2)
    lease = await bucket.claim()
    await bucket.put("inbox/us/target.png", b"another")
    assert await bucket.step() == [lease.job_id]
    assert (await bucket.status(lease.job_id)).status == "failed"
    assert len(await bucket.left()) == 2


async def test_a_cancel_is_heeded(bucket: Bucket) -> None:
    await bucket.drop(INLINE)
    lease = await bucket.claim()
    await bucket.memory.delete(["inbox/order.json"])
    await bucket.put(keys.cancel(lease.job_id))
    await bucket.step()
    assert (await bucket.status(lease.job_id)).status == "cancelled"


async def test_no_job_is_touched_that_is_worked_on_or_waits_in_the_inbox_or_has_ended(
    bucket: Bucket,
) -> None:
    await bucket.drop({**MANIFEST, "job_id": "named"}, name="named")
    named = await bucket.claim()
    await named.release()
    await bucket.memory.delete(["inbox/named.json"])
    await bucket.drop(INLINE)
    waiting = await bucket.claim()
    await bucket.drop({**MANIFEST, "job_id": "named"}, name="named")
    before = {key: await bucket.memory.get(key, max_bytes=1 << 20) for key in await bucket.left("")}
    assert await bucket.step() == []  # both lie in the inbox: whoever has room takes them
    await bucket.memory.delete(["inbox/order.json"])
    bucket.time.advance(-LONG_S)
    assert await bucket.rounds.step() == Step()  # a moment ago somebody worked on it
    after = {key: await bucket.memory.get(key, max_bytes=1 << 20) for key in await bucket.left("status/")}
    assert {key: found.body for key, found in after.items()} == {key: before[key].body for key in after}
    assert waiting.status.status == "processing"


async def record(bucket: Bucket, job_id: str) -> None:
    now = bucket.time.store()
    status = Status(job_id=job_id, status="completed", created_at=now, updated_at=now, finished_at=now)
    await bucket.put(keys.status(job_id), status.to_bytes())


async def test_a_step_costs_the_same_however_many_jobs_have_ended(bucket: Bucket) -> None:
    for number in range(2500):
        await record(bucket, f"job-{number:04}")
    reads = 0
    for _ in range(28):
        assert await bucket.step() == []
        assert bucket.store.counts["list"] == 2
        assert bucket.store.counts["get"] <= 100
        assert bucket.store.writes == 0
        reads += bucket.store.counts["get"]
    assert reads == 2500  # an ended job is read once
    await bucket.drop(MANIFEST)
    lease = await bucket.claim()
    await bucket.memory.delete(["inbox/order.json"])
    rescued = [job for _ in range(6) for job in await bucket.step()]
    assert rescued == [lease.job_id]


async def test_a_first_way_that_begins_in_the_middle_leaves_nothing_out(bucket: Bucket) -> None:
    await bucket.drop(MANIFEST, name="a")
    lease = await bucket.claim()
    await bucket.memory.delete(["inbox/a.json"])
    await record(bucket, "z")
    bucket.rounds = Rounds(bucket.store, bucket.inbox, bucket.leases("rounds"), start="m")
    assert [job for _ in range(3) for job in await bucket.step()] == [lease.job_id]


async def test_the_record_of_a_folder_that_is_gone_goes_and_that_of_one_still_there_stays(
    bucket: Bucket,
) -> None:
    await bucket.put("inbox/own/me.png", b"me")
    await bucket.put("inbox/gone/me.png", b"me")
    for puzzle in (await bucket.inbox.scan()).puzzles:
        await tell_of(bucket.memory, puzzle, now=bucket.time.store())
    await bucket.memory.delete(["inbox/gone/me.png"])
    assert await bucket.step() == []
    assert await bucket.left("status/") == [keys.status(puzzle_id("own"))]
    assert (await bucket.status(puzzle_id("own"))).status == "pending"


async def test_whoever_asks_ends_it_at_once(bucket: Bucket) -> None:
    await bucket.drop(MANIFEST)
    lease = await bucket.claim()
    await bucket.memory.delete(["inbox/order.json"])
    live = await end_if_stranded(bucket.memory, lease.job_id, by="test")
    assert live is not None
    assert live.status == "processing"
    bucket.time.advance(timedelta(minutes=2).total_seconds())
    ended = await end_if_stranded(bucket.memory, lease.job_id, by="test")
    assert ended is not None
    assert ended.status == "failed"


async def test_dead_letters_are_counted(bucket: Bucket) -> None:
    for job_id in ("a", "b"):
        await bucket.put(keys.dead_letter(job_id))
    assert (await bucket.rounds.step()).dead_letters == 2
