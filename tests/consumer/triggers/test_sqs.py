"""SQS in particular: dead letters, what is said of refusals, and what a job costs."""

from collections.abc import Sequence

import pytest

from consumer.triggers.queue_port import Message, QueueUnavailable
from consumer.triggers.sqs import SqsQueue, open_sqs
from storage import keys
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, inbox_empty, running, until
from tests.support.sqs_queues import sqs_queue
from tests.support.stores import CountingStore
from tests.support.trigger_rigs import BUCKET

# Of a job that comes by a queue, after it has been looked up.
JOB_CALLS = [
    ("get", "inbox"),
    ("head", "cancel"),
    ("put", "status"),
    ("get", "denylist.json"),
    ("stream", "uploads"),
    ("stream", "uploads"),
    ("put", "results"),
    ("head", "cancel"),
    ("put", "status"),
    ("delete", "inbox"),
]


async def test_a_message_that_ends_every_consumer_ends_among_the_dead_letters(moto_s3: S3Settings) -> None:
    with sqs_queue(moto_s3, most_receives=2) as plain:
        plain.send("poison")
        async with open_sqs(plain.url) as queue:
            for _ in range(2):
                [message] = await queue.receive(most=1, wait_s=0, hold_s=30)
                await queue.put_back(message, 0)
            assert await queue.receive(most=1, wait_s=0, hold_s=30) == []
        assert plain.dead() == ["poison"]


async def test_a_queue_that_is_not_there_is_told_in_a_sentence(moto_s3: S3Settings) -> None:
    with sqs_queue(moto_s3) as plain:
        async with open_sqs(f"{plain.url}-misspelt") as queue:
            with pytest.raises(QueueUnavailable, match="no such SQS queue; check SWAPDROP_QUEUE"):
                await queue.receive(most=1, wait_s=0, hold_s=30)
        async with open_sqs("http://127.0.0.1:9/1/jobs") as queue:
            with pytest.raises(QueueUnavailable, match="did not answer"):
                await queue.receive(most=1, wait_s=0, hold_s=30)


async def test_a_stale_receipt_is_refused_in_words(moto_s3: S3Settings) -> None:
    with sqs_queue(moto_s3) as plain:
        async with open_sqs(plain.url) as queue:
            with pytest.raises(QueueUnavailable, match="ReceiptHandleIsInvalid"):
                await queue.ack(Message(receipt="stale", body=""))


async def test_a_job_by_sqs_costs_exactly_these_calls(
    moto_s3: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    acked: list[str] = []
    receive, ack = SqsQueue.receive, SqsQueue.ack

    async def counted_receive(
        self: SqsQueue, *, most: int, wait_s: float, hold_s: float
    ) -> Sequence[Message]:
        found = await receive(self, most=most, wait_s=min(wait_s, 1), hold_s=hold_s)
        received.append(len(found))
        return found

    async def counted_ack(self: SqsQueue, message: Message) -> None:
        acked.append(message.receipt)
        await ack(self, message)

    async def never(*_: object) -> None:
        pytest.fail("a job that goes well needs no other call")

    monkeypatch.setattr(SqsQueue, "receive", counted_receive)
    monkeypatch.setattr(SqsQueue, "ack", counted_ack)
    monkeypatch.setattr(SqsQueue, "hold", never)
    inner = MemoryStore()
    store = CountingStore(inner)
    with sqs_queue(moto_s3) as plain:
        async with running(store, FlatEngine(), bucket=BUCKET, queue=plain.url, sweep_s=3600):
            await until(lambda: bool(store.calls and received))
            job = await drop_job(inner)
            plain.send({"action": "PutObject", "bucket": BUCKET, "object": {"key": keys.manifest(job)}})
            await ended(inner, job)
            await inbox_empty(inner)
            await until(lambda: len(acked) == 1)
        assert plain.left() == 0
    sweep, blend, *calls = store.calls
    assert (sweep, blend) == (("list", keys.INBOX), ("list", keys.manifest(job)))
    assert [(op, key.partition("/")[0]) for op, key in calls] == JOB_CALLS
    assert sum(received) == 1
