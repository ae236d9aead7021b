"""The scheduler: how many jobs at once, memory, sharing, and what stopping means in each state."""

import asyncio
import errno
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, nullcontext
from functools import partial
from pathlib import Path

import pytest

from consumer.jobs.context import JobContext
from consumer.runtime.scheduler import Pace
from consumer.triggers.inbox import InboxPolicy, InboxTicket, InboxTrigger
from models.errors import DeviceLost
from storage import keys
from storage.inbox.inbox import Inbox
from storage.lease.outcome import Output
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import (
    announce,
    drop_job,
    ended,
    inbox_empty,
    reached,
    read_status,
    running,
    start,
    until,
    upload_pair,
)
from tests.support.stores import LatencyStore, Op, T, WrappedStore


class BlockingEngine(FlatEngine):
    """Stops within each swap until `go` is set; `begun` says that the first one has."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        super().__init__(on_swap=self._wait)

    def _wait(self) -> None:
        self.begun.set()
        self.go.wait(30)


async def states(store: MemoryStore) -> dict[str, Status]:
    found = (await store.list(keys.STATUS)).objects
    bodies = [await store.get(listed.key, max_bytes=1 << 20) for listed in found]
    return {status.job_id: status for status in (Status.from_bytes(body.body) for body in bodies)}


def test_as_many_jobs_are_ahead_as_the_device_finishes_while_one_gets_there() -> None:
    pace = Pace(most=16)
    assert pace.ahead == 4  # nothing has been measured
    pace.observe(ready_s=0.25, device_s=0.05)
    assert pace.ahead == 7
    for _ in range(50):
        pace.observe(ready_s=0.25, device_s=0.05)
    assert pace.ahead == 7  # 5 on their way, 1 on the device, 1 waiting
    for _ in range(50):
        pace.observe(ready_s=0.25, device_s=30)
    assert pace.ahead == 2  # one on the device, one waiting: the others are somebody else's
    for _ in range(50):
        pace.observe(ready_s=10, device_s=0.001)
    assert pace.ahead == 16


async def test_a_slow_device_leaves_the_rest_of_the_inbox_to_others() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    jobs = [await drop_job(store) for _ in range(30)]
    async with running(store, engine) as consumer:
        await until(engine.begun.is_set)
        await asyncio.sleep(0.1)
        claimed = len(await states(store))
        assert claimed <= Pace(most=16).ahead
        engine.go.set()
        for job in jobs:
            assert (await ended(store, job)).status == "completed"
        assert consumer.metrics.ended["completed"] == 30


@pytest.mark.parametrize("most", [1, 3])
async def test_never_more_jobs_are_in_flight_than_allowed(most: int) -> None:
    inner = MemoryStore()
    jobs = [await drop_job(inner) for _ in range(12)]
    peak = 0

    class Watching(WrappedStore):
        async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
            nonlocal peak
            peak = max(peak, consumer.health().jobs["in_flight"])
            return await super().around(op, key, call)

    async with running(LatencyStore(Watching(inner), 0.002), FlatEngine(), max_in_flight=most) as consumer:
        for job in jobs:
            await ended(inner, job)
    assert peak == most


async def test_pictures_wait_for_memory_and_a_huge_one_still_gets_its_turn() -> None:
    small, huge = png(picture(1000, 1000)), png(picture(2500, 2000))
    store, held, budget = MemoryStore(), list[int](), 16 * 2**20
    jobs = [await drop_job(store, target=huge if number == 2 else small) for number in range(6)]
    engine = FlatEngine(swap_s=0.02, on_swap=lambda: held.append(consumer.decoded_bytes))
    async with running(store, engine, decoded_budget_bytes=budget) as consumer:
        for job in jobs:
            assert (await ended(store, job)).status == "completed"
    assert 8_000_000 < max(held) <= budget
    assert consumer.decoded_bytes == 0


async def test_two_consumers_do_each_of_two_hundred_jobs_once() -> None:
    store, engines = MemoryStore(), (FlatEngine(swap_s=0.001), FlatEngine(swap_s=0.001))
    jobs = [await drop_job(store) for _ in range(200)]
    async with running(store, engines[0]) as one, running(store, engines[1]) as two:
        await inbox_empty(store)
    statuses = await states(store)
    assert set(statuses) == set(jobs)
    assert {(status.status, status.attempt) for status in statuses.values()} == {("completed", 1)}
    assert engines[0].swaps + engines[1].swaps == 200
    assert min(one.metrics.ended["completed"], two.metrics.ended["completed"]) > 20
    assert len((await store.list(keys.RESULTS)).objects) == 200


async def test_the_device_is_used_by_one_thread_only() -> None:
    store, engine = MemoryStore(), FlatEngine()
    jobs = [await drop_job(store) for _ in range(10)]
    async with running(store, engine):
        for job in jobs:
            await ended(store, job)
    assert len(engine.threads) == 1
    assert threading.current_thread().name not in engine.threads


async def test_an_idle_consumer_stops_at_once() -> None:
    consumer, task = start(MemoryStore(), FlatEngine())
    await until(lambda: consumer.health().ready)
    consumer.stop()
    async with asyncio.timeout(15):
        assert await task == 0


async def test_a_consumer_told_to_stop_finishes_what_it_has_and_takes_nothing_more() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    first = await drop_job(store)
    consumer, task = start(store, engine)
    await until(engine.begun.is_set)
    consumer.stop()
    assert not consumer.health().ready
    later = await drop_job(store)
    await asyncio.sleep(0.1)
    engine.go.set()
    assert await task == 0
    assert (await ended(store, first)).status == "completed"
    assert await read_status(store, later) is None
    assert [listed.key for listed in (await store.list(keys.INBOX)).objects] == [keys.manifest(later)]


@pytest.mark.parametrize("second_signal", [False, True], ids=["grace is over", "second signal"])
async def test_jobs_that_cannot_be_finished_are_given_back_uncounted(*, second_signal: bool) -> None:
    store, engine = MemoryStore(), BlockingEngine()
    jobs = [await drop_job(store) for _ in range(Pace(most=16).ahead)]
    consumer, task = start(store, engine, drain_grace_s=30 if second_signal else 0.1)
    await until(engine.begun.is_set)
    for job in jobs:
        await reached(store, job, lambda status: status.status == "processing")
    consumer.stop()
    if second_signal:
        consumer.stop()
    assert await task == 0
    for status in (await states(store)).values():
        assert (status.status, status.lease, status.error) == ("pending", None, None)
        assert status.max_attempts - status.attempt == 3
    engine.go.set()
    async with running(store, FlatEngine()):
        for job in jobs:
            assert (await ended(store, job)).status == "completed"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_work_that_is_slow_to_stop_does_not_hold_up_the_end_of_its_lease(*, cancelled: bool) -> None:
    """As that of a video, which stores the segment it has made whatever becomes of the job."""
    begun, stored = asyncio.Event(), asyncio.Event()

    async def store_a_segment(_context: JobContext) -> Output:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await stored.wait()
        raise AssertionError

    store = MemoryStore()
    job = await drop_job(store)
    consumer, task = start(store, FlatEngine(), kinds={"single-image": store_a_segment})
    await begun.wait()
    if cancelled:
        await store.put(keys.cancel(job), b"", content_type="text/plain")
    else:
        consumer.stop()
        consumer.stop()
    status = await reached(store, job, lambda status: status.status != "processing", patience_s=8)
    assert status.status == ("cancelled" if cancelled else "pending")
    assert status.max_attempts == (3 if cancelled else 4)
    stored.set()
    consumer.stop()
    assert await task == 0


async def test_a_lost_device_gives_everything_back_and_ends_the_consumer_with_an_error() -> None:
    def lose() -> None:
        raise DeviceLost

    store = MemoryStore()
    jobs = [await drop_job(store) for _ in range(4)]
    _, task = start(store, FlatEngine(on_swap=lose))
    assert await task == 1
    statuses = await states(store)
    assert {status.status for status in statuses.values()} == {"pending"}
    assert {status.max_attempts - status.attempt for status in statuses.values()} == {3}
    async with running(store, FlatEngine()):
        for job in jobs:
            assert (await ended(store, job)).status == "completed"


async def test_a_device_that_hangs_ends_the_consumer_and_only_the_job_on_it_is_counted() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    jobs = [await drop_job(store) for _ in range(3)]
    _, task = start(store, engine, stall_timeout_s=1, lease_ttl_s=2)
    assert await task == 1
    left = [await read_status(store, job) for job in jobs]
    assert sorted(status.status for status in left if status) == ["pending", "pending", "processing"]
    assert {status.max_attempts - status.attempt for status in left if status and status.lease is None} == {3}
    engine.go.set()


async def test_a_device_that_hangs_on_a_cancelled_job_is_noticed_by_those_who_wait() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    first = await drop_job(store)
    _, task = start(store, engine, stall_timeout_s=1, lease_ttl_s=2)
    await until(engine.begun.is_set)
    await store.put(keys.cancel(first), b"", content_type="text/plain")
    assert (await ended(store, first)).status == "cancelled"
    second = await drop_job(store)
    assert await task == 1
    waiting = await read_status(store, second)
    assert waiting is not None
    assert (waiting.status, waiting.max_attempts - waiting.attempt) == ("pending", 3)
    engine.go.set()


async def test_waiting_behind_a_long_job_is_not_hanging() -> None:
    store = MemoryStore()
    faces = tuple((4 + 12 * number, 4, 8, 8) for number in range(8))
    long = png(picture(120, 20, faces=faces))
    jobs = [await drop_job(store, target=long, many_faces=True) for _ in range(2)]
    async with running(store, FlatEngine(swap_s=0.2), stall_timeout_s=1, lease_ttl_s=2):
        for job in jobs:
            status = await ended(store, job)
            assert (status.status, status.attempt) == ("completed", 1)


@pytest.mark.parametrize("engine", ["auto", "inswapper"])
async def test_a_provider_that_does_not_work_here_ends_the_consumer_also_without_any_model_file(
    engine: str, tmp_path: Path
) -> None:
    store = MemoryStore()
    job = await drop_job(store)
    consumer, task = start(store, None, provider="cuda", engine=engine, cache_dir=tmp_path)
    assert await task == 1
    assert "requirements/gpu.txt" in consumer.health().message
    assert await read_status(store, job) is None


async def test_jobs_whose_inputs_do_not_come_do_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.runtime.scheduler._SLOW_S", 0.05)
    store = MemoryStore()
    missing = {role: keys.new_upload("png") for role in ("source", "target")}
    waiting = [await announce(store, {**missing, "job_id": f"00-{number}"}) for number in range(12)]
    good = await drop_job(store)
    async with running(store, FlatEngine(), missing_grace_s=60, drain_grace_s=0):
        assert (await ended(store, good)).status == "completed"
    assert {status.status for status in (await states(store)).values() if status.job_id in waiting} == {
        "pending"
    }


async def test_jobs_that_wait_long_for_a_slow_device_are_all_that_is_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "consumer.runtime.scheduler._SLOW_S", 0.5
    )  # more than a busy machine needs to get there
    store, engine = MemoryStore(), BlockingEngine()
    for _ in range(30):
        await drop_job(store)
    async with running(store, engine, drain_grace_s=0):
        await until(engine.begun.is_set)
        await asyncio.sleep(1.5)  # three times as long as a job may keep others from being claimed
        assert len(await states(store)) == Pace(most=16).ahead
        engine.go.set()


async def test_long_jobs_leave_room_for_short_ones_and_all_are_done_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.runtime.runner._ROOM_AGAIN_S", 0.05)
    store, engine = MemoryStore(), BlockingEngine()
    references = await upload_pair(store)
    await store.put("uploads/moves.GIF", png(picture()), content_type="image/gif")
    references["target"] = "uploads/moves.GIF"
    long = [await announce(store, {**references, "job_id": f"00-{number}"}) for number in range(20)]
    async with running(store, engine, max_in_flight=5) as consumer:
        await until(engine.begun.is_set)
        short = [await drop_job(store) for _ in range(2)]
        for job in short:
            await reached(store, job, lambda status: status.status == "processing")
        assert len([job for job in long if job in await states(store)]) == 3
        engine.go.set()
        for job in (*short, *long):
            assert (await ended(store, job)).attempt == 1
        assert consumer.metrics.ended["completed"] == 22


async def test_long_jobs_that_wait_unclaimed_do_not_hold_up_a_drain() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    references = await upload_pair(store)
    await store.put("uploads/moves.gif", png(picture()), content_type="image/gif")
    for _ in range(9):
        await announce(store, {**references, "target": "uploads/moves.gif"})
    consumer, task = start(store, engine)
    await until(engine.begun.is_set)
    await until(lambda: consumer.health().jobs["in_flight"] == 3)
    consumer.stop()
    engine.go.set()
    assert await task == 0
    assert {status.status for status in (await states(store)).values()} == {"completed"}
    assert len(await states(store)) == 3


async def test_a_job_that_waited_here_and_was_done_elsewhere_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(
        "consumer.webhooks.sender.Webhooks.send", lambda _, _url, status: calls.append(status.job_id)
    )
    monkeypatch.setattr("consumer.runtime.runner._STALE_S", 0.0)
    store, engine = MemoryStore(), BlockingEngine()
    references = await upload_pair(store)
    await store.put("uploads/moves.gif", png(picture()), content_type="image/gif")
    asked = {**references, "target": "uploads/moves.gif", "callback_url": "https://me.example/ended"}
    jobs = [await announce(store, asked) for _ in range(4)]
    secret = {"webhook_secret": "whsec_" + "A" * 40, "max_in_flight": 2}
    async with running(store, engine, **secret) as busy:
        await until(engine.begun.is_set)
        [at_work] = await states(store)
        await until(lambda: busy.health().jobs["in_flight"] == 1)  # the others wait for its place
        async with running(store, FlatEngine(), **secret):
            for job in {*jobs} - {at_work}:
                await ended(store, job)
            while len((await store.list(keys.INBOX)).objects) > 1:  # noqa: ASYNC110 -- has no event
                await asyncio.sleep(0.01)
        engine.go.set()
        await inbox_empty(store)
    assert sorted(calls) == sorted(jobs)


async def test_a_consumer_that_takes_one_job_at_a_time_takes_long_ones_too() -> None:
    store = MemoryStore()
    references = await upload_pair(store)
    await store.put("uploads/moves.gif", png(picture()), content_type="image/gif")
    jobs = [await announce(store, {**references, "target": "uploads/moves.gif"}) for _ in range(2)]
    async with running(store, FlatEngine(), max_in_flight=1):
        for job in jobs:
            assert (await ended(store, job)).status == "completed"


async def test_a_cancelled_group_picture_leaves_the_device_at_the_next_face() -> None:
    store, engine = MemoryStore(), BlockingEngine()
    faces = tuple((4 + 12 * number, 4, 8, 8) for number in range(8))
    job = await drop_job(store, target=png(picture(120, 20, faces=faces)), many_faces=True)
    async with running(store, engine, lease_ttl_s=1):
        await until(engine.begun.is_set)
        await store.put(keys.cancel(job), b"", content_type="text/plain")
        await ended(store, job)
        engine.go.set()
        assert (await ended(store, await drop_job(store))).status == "completed"
    assert engine.swaps == 2


class Scripted:
    """A trigger of one job, which then does what `then` says, and `at_end` when it is closed."""

    problem, polls = None, 1

    def __init__(
        self,
        store: MemoryStore,
        *,
        then: Callable[[], Awaitable[object]],
        at_end: Callable[[], Awaitable[object]],
    ) -> None:
        self._inbox = InboxTrigger(Inbox(store), policy=InboxPolicy())
        self._then, self._at_end = then, at_end

    async def tickets(self) -> AsyncGenerator[InboxTicket, None]:
        try:
            async with aclosing(self._inbox.tickets()) as tickets:
                yield await anext(tickets)
            await self._then()
        finally:
            await self._at_end()


def use(trigger: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let consumers have this trigger instead of the configured ones."""
    monkeypatch.setattr("consumer.app.open_triggers", lambda *_: nullcontext(trigger))


async def test_a_trigger_that_breaks_ends_the_consumer_when_its_jobs_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    store = MemoryStore()
    job = await drop_job(store)
    use(Scripted(store, then=fail, at_end=partial(asyncio.sleep, 0)), monkeypatch)
    consumer, task = start(store, FlatEngine(swap_s=0.3))
    await until(lambda: "stopping" in consumer.health().message)
    assert await asyncio.wait_for(task, 30) == 1
    assert (await ended(store, job)).status == "completed"


async def test_a_trigger_that_takes_long_to_close_does_not_put_off_the_end_of_the_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, engine, closed = MemoryStore(), BlockingEngine(), asyncio.Event()
    job = await drop_job(store)
    use(Scripted(store, then=partial(asyncio.sleep, 3600), at_end=closed.wait), monkeypatch)
    consumer, task = start(store, engine, drain_grace_s=0.1)
    await until(engine.begun.is_set)
    consumer.stop()
    await reached(store, job, lambda status: status.status == "pending")
    closed.set()
    assert await asyncio.wait_for(task, 30) == 0
    engine.go.set()


async def test_a_watchdog_that_breaks_ends_the_consumer_instead_of_leaving_it_unwatched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("consumer.runtime.watchdog.own_bytes", fail)
    _, task = start(MemoryStore(), FlatEngine(), memory_limit_bytes=2**40)
    assert await asyncio.wait_for(task, 30) == 1
