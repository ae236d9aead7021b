"""What every trigger must do: the inbox, each queue, and both together."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from consumer.triggers.base import Ticket, Trigger
from consumer.triggers.queue_port import QueueUnavailable
from storage import keys
from storage.errors import StoreUnavailable
from storage.records.status import Status
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import keys_below
from tests.support.jobs import announce, until
from tests.support.trigger_rigs import KINDS, QUEUES, Rig, open_rig

MANIFEST = {"process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}


@pytest_asyncio.fixture(params=KINDS)
async def rig(request: pytest.FixtureRequest, moto_s3: S3Settings) -> AsyncIterator[Rig]:
    async with open_rig(request.param, moto_s3) as opened:
        yield opened


@pytest_asyncio.fixture(params=QUEUES)
async def queue_rig(request: pytest.FixtureRequest, moto_s3: S3Settings) -> AsyncIterator[Rig]:
    async with open_rig(request.param, moto_s3) as opened:
        yield opened


async def drop(rig: Rig, *names: str) -> None:
    for name in names:
        await announce(rig.store, {**MANIFEST, "job_id": name})
        await rig.tell(keys.manifest(name))


async def take(trigger: Trigger, count: int = 1) -> list[Ticket]:
    """Take tickets, and close the trigger."""
    async with asyncio.timeout(20), aclosing(trigger.tickets()) as tickets:
        return [await anext(tickets) for _ in range(count)]


@asynccontextmanager
async def another_ticket(trigger: Trigger) -> AsyncIterator[asyncio.Future[Ticket]]:
    """A ticket that is waited for within the block."""
    async with aclosing(trigger.tickets()) as tickets:
        waiting = asyncio.ensure_future(anext(tickets))
        yield waiting
        waiting.cancel()
        await asyncio.wait([waiting])


async def looks_without_a_ticket(trigger: Trigger, polls: int = 4) -> bool:
    """Let a trigger look some more times, and close it."""
    seen = trigger.polls
    async with another_ticket(trigger) as waiting:
        await until(lambda: waiting.done() or trigger.polls >= seen + polls)
        return not waiting.done()


def ended_status(job_id: str) -> Status:
    now = datetime.now(UTC)
    return Status(
        job_id=job_id,
        rev=2,
        write_id="w",
        status="completed",
        attempt=1,
        max_attempts=3,
        created_at=now,
        updated_at=now,
        finished_at=now,
    )


async def work_off(ticket: Ticket) -> str:
    """Do with a ticket what a consumer does with a job that goes well; returns its job id."""
    announced = await ticket.open()
    await ticket.claimed()
    await ticket.beat()
    await ticket.retire(ended_status(announced.job_id))
    return announced.job_id


async def nothing_left(rig: Rig, trigger: Trigger) -> None:
    """Let a trigger clear away what still speaks of jobs that have ended."""
    async with asyncio.timeout(20), another_ticket(trigger) as ticket:
        while await rig.left():  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(0.02)
        assert not ticket.done()


async def test_a_job_is_offered_once_while_it_is_out(rig: Rig) -> None:
    await drop(rig, "one")
    trigger = rig.consumer()
    [ticket] = await take(trigger)
    assert (ticket.name, ticket.folder) == ("one", None)
    assert (await ticket.open()).job_id == "one"
    assert await looks_without_a_ticket(trigger)


async def test_a_deferred_job_is_offered_again(rig: Rig) -> None:
    await drop(rig, "one")
    trigger = rig.consumer()
    [ticket] = await take(trigger)
    await ticket.defer(0.3)
    [again] = await take(trigger)
    assert again.name == "one"


async def test_a_job_that_was_claimed_and_put_off_is_offered_again(rig: Rig) -> None:
    rig.hold_s = 1
    await drop(rig, "one")
    trigger = rig.consumer()
    [ticket] = await take(trigger)
    await ticket.claimed()
    await ticket.beat()
    await ticket.defer(0.3)
    [again] = await take(trigger)
    assert await work_off(again) == "one"
    await nothing_left(rig, trigger)


async def test_a_job_that_rests_is_offered_again_and_no_message_of_it_comes_and_goes_meanwhile(
    rig: Rig,
) -> None:
    await drop(rig, "one")
    trigger = rig.consumer()
    [ticket] = await take(trigger)
    await ticket.rest(0.3)
    if not rig.sweeps:
        assert await rig.left() == 1  # the entry itself
    [again] = await take(trigger)
    assert await work_off(again) == "one"
    await nothing_left(rig, trigger)


async def test_a_retired_job_leaves_nothing_behind(rig: Rig) -> None:
    rig.hold_s = 1
    await drop(rig, "one", "two")
    trigger = rig.consumer()
    assert {await work_off(ticket) for ticket in await take(trigger, 2)} == {"one", "two"}
    if not rig.sweeps:  # else the sweep may have been first, and the message is looked at again later
        assert await rig.left() == 0
    await nothing_left(rig, trigger)
    assert await looks_without_a_ticket(trigger)


async def test_closing_gives_back_what_was_not_handed_out(rig: Rig) -> None:
    names = {f"job-{number}" for number in range(5)}
    await drop(rig, *names)
    for ticket in await take(rig.consumer(), 3):
        await ticket.defer(0)
    assert {ticket.name for ticket in await take(rig.consumer(), 5)} == names


@pytest.mark.parametrize(
    "error", [QueueUnavailable("It is away."), StoreUnavailable("It is away."), RuntimeError()]
)
async def test_a_source_that_fails_is_told_of_and_asked_again(rig: Rig, error: Exception) -> None:
    await drop(rig, "one")
    trigger = rig.consumer()
    assert (trigger.problem, trigger.polls) == (None, 0)
    rig.outage.error = error
    async with asyncio.timeout(20), another_ticket(trigger) as ticket:
        await until(lambda: trigger.problem is not None)
        assert trigger.polls == 0
        rig.outage.error = None
        assert (await ticket).name == "one"
    assert await looks_without_a_ticket(trigger)
    assert trigger.problem is None


async def test_a_message_that_comes_twice_is_one_job(queue_rig: Rig) -> None:
    rig = queue_rig
    rig.hold_s = 1
    await drop(rig, "one")
    await rig.tell(keys.manifest("one"))
    trigger = rig.consumer()
    [ticket] = await take(trigger)
    assert await looks_without_a_ticket(trigger)
    await work_off(ticket)
    await nothing_left(rig, trigger)


async def test_a_message_that_comes_after_the_end_costs_one_list_and_is_gone(queue_rig: Rig) -> None:
    await queue_rig.tell(keys.manifest("gone"))
    assert await looks_without_a_ticket(queue_rig.consumer())
    assert await queue_rig.messages() == 0  # type: ignore[misc] # a queue has messages
    assert queue_rig.store.calls == [("list", "inbox/gone.json")]


async def test_a_job_at_work_is_kept_from_other_consumers(queue_rig: Rig) -> None:
    queue_rig.hold_s = 2
    await drop(queue_rig, "one")
    [ticket] = await take(queue_rig.consumer())
    await ticket.claimed()
    async with another_ticket(queue_rig.consumer()) as other:
        for _ in range(9):
            await asyncio.sleep(0.35)
            await ticket.beat()
        assert not other.done()
    await ticket.retire(ended_status("one"))
    assert await queue_rig.left() == 0


async def test_a_queue_that_hangs_when_it_is_told_something_holds_up_no_job(
    queue_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.triggers.queue_port._TELL_S", 0.05)
    await drop(queue_rig, "one")
    [ticket] = await take(queue_rig.consumer())
    assert queue_rig.queue is not None
    queue_rig.queue.deaf = True
    async with asyncio.timeout(20):
        await work_off(ticket)
    assert await keys_below(queue_rig.store, keys.INBOX) == []


RAW = {
    "named": ({**MANIFEST, "job_id": "mine"}, "mine", True),
    "named in an envelope": ({"id": "mine", "input": MANIFEST}, "mine", True),
    "nameless": (MANIFEST, None, True),
    "wrong, but named": ({**MANIFEST, "job_id": "mine", "options": {"many_facez": 1}}, "mine", False),
    "no job at all": ({"hello": "there"}, None, False),
}


@pytest.mark.parametrize(("manifest", "job_id", "good"), RAW.values(), ids=RAW.keys())
async def test_a_manifest_in_a_message_is_put_into_the_inbox_before_anything_else(
    queue_rig: Rig, manifest: dict[str, object], job_id: str | None, *, good: bool
) -> None:
    assert queue_rig.send is not None
    await queue_rig.send(manifest)
    await queue_rig.send(manifest)
    trigger = queue_rig.consumer()
    [ticket] = await take(trigger)
    [key] = [key for op, key in queue_rig.store.calls if op == "put"][:1]
    stored = await queue_rig.store.get(key, max_bytes=1 << 20)
    assert json.loads(stored.body) == manifest
    announced = await ticket.open()
    assert announced.job_id == job_id or (job_id is None and announced.job_id.startswith("message-"))
    assert (announced.error is None) == good
    assert await looks_without_a_ticket(trigger)


UNREADABLE = [
    "hello",
    "[]",
    {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "pictures"},
    {"action": "DeleteObject", "bucket": "pictures", "object": {"key": "inbox/one.json"}},
    {"action": "PutObject", "bucket": "others", "object": {"key": "inbox/one.json"}},
    {"action": "PutObject", "bucket": "pictures", "object": {"key": "results/one/1.png"}},
    {"action": "PutObject", "bucket": "pictures", "object": {"key": "inbox/a/b/../../one.json"}},
    {"action": "PutObject", "bucket": "pictures", "object": {"key": f"inbox/{'a' * 1020}.json"}},
    '"inbox/\\ud800.json"',
]


async def test_messages_that_announce_nothing_are_removed_without_a_call_to_the_store(queue_rig: Rig) -> None:
    assert queue_rig.send is not None
    assert queue_rig.queue is not None
    for body in UNREADABLE:
        await queue_rig.send(body)
    assert await looks_without_a_ticket(queue_rig.consumer(), polls=2 * len(UNREADABLE))
    assert queue_rig.queue.told == ["ack"] * len(UNREADABLE)
    assert queue_rig.store.calls == []
    assert await queue_rig.left() == 0


async def test_a_folder_is_offered_when_it_is_complete_and_settled(queue_rig: Rig) -> None:
    rig = queue_rig
    rig.settle_s = rig.hold_s = 3  # longer than a busy machine takes to bring the message
    trigger = rig.consumer()
    await rig.store.put("inbox/us/target.png", b"t", content_type="image/png")
    await rig.tell("inbox/us/target.png")
    assert await looks_without_a_ticket(trigger)
    assert rig.queue is not None
    assert rig.queue.told == ["ack"]
    await rig.store.put("inbox/us/source.png", b"s", content_type="image/png")
    await rig.tell("inbox/us/source.png")
    [ticket] = await take(trigger)
    assert (ticket.name, ticket.folder) == ("us", "inbox/us/")
    assert rig.queue.told[1] == "put_back"
    await work_off(ticket)
    assert await rig.left() == 0


async def test_a_message_outlives_a_bucket_that_does_not_answer(
    queue_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.triggers.queue._STORE_AWAY_S", 0.1)
    rig = queue_rig
    assert rig.queue is not None
    await drop(rig, "one")
    rig.store_outage.error = StoreUnavailable()
    async with asyncio.timeout(20), another_ticket(rig.consumer()) as ticket:
        await until(lambda: rig.queue is not None and rig.queue.told == ["put_back"])
        rig.store_outage.error = None
        assert (await ticket).name == "one"


async def test_one_message_may_announce_several_jobs_and_goes_when_all_have_ended(queue_rig: Rig) -> None:
    for name in ("one", "two"):
        await announce(queue_rig.store, {**MANIFEST, "job_id": name})
    names = {"bucket": {"name": "pictures"}}
    records = [
        {"eventName": "ObjectCreated:Put", "s3": {**names, "object": {"key": keys.manifest(name)}}}
        for name in ("one", "two")
    ]
    assert queue_rig.send is not None
    assert queue_rig.messages is not None
    await queue_rig.send({"Records": records})
    first, second = await take(queue_rig.consumer(), 2)
    await work_off(first)
    assert await queue_rig.messages() == 1
    await work_off(second)
    assert await queue_rig.left() == 0
