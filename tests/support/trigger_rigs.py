"""Each trigger on a source of its own, for the tests that all of them must pass."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import aiohttp
from pydantic import SecretStr

from consumer.triggers.base import Trigger
from consumer.triggers.cloudflare_queue import CloudflareQueue
from consumer.triggers.in_flight import InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTrigger
from consumer.triggers.local_queue import LocalQueue
from consumer.triggers.merged import Merged
from consumer.triggers.queue import QueuePolicy, QueueTrigger
from consumer.triggers.queue_port import Message, Queue
from consumer.triggers.sqs import open_sqs
from storage import keys
from storage.inbox.inbox import Inbox
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import open_s3_store
from tests.support.buckets import keys_below
from tests.support.cloudflare_queue import TOKEN, cloudflare_queue
from tests.support.s3_servers import plain_client
from tests.support.sqs_queues import sqs_queue
from tests.support.stores import CountingStore, Op

T = TypeVar("T")
Kind = Literal["inbox", "inbox-moto", "sqs", "cloudflare", "local", "merged"]
KINDS: tuple[Kind, ...] = ("inbox", "inbox-moto", "sqs", "cloudflare", "local", "merged")
QUEUES: tuple[Kind, ...] = ("sqs", "cloudflare", "local")
BUCKET = "pictures"


@dataclass
class Outage:
    """While `error` is set, the source answers with it."""

    error: Exception | None = None

    def check(self) -> None:
        if self.error is not None:
            raise self.error


class OutageStore(CountingStore):
    """Counts calls, and fails its listings during an outage."""

    def __init__(self, inner: ObjectStore, outage: Outage) -> None:
        super().__init__(inner)
        self._outage = outage

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == "list":
            self._outage.check()
        return await super().around(op, key, call)


class OutageQueue:
    """Counts what a queue is told, and fails to receive during an outage; a `deaf` one never hears."""

    def __init__(self, inner: Queue, outage: Outage) -> None:
        self.name = inner.name
        self.acks_at_claim = inner.acks_at_claim
        self.told: list[str] = []
        self.deaf = False
        self._inner = inner
        self._outage = outage

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:
        self._outage.check()
        return await self._inner.receive(most=most, wait_s=wait_s, hold_s=hold_s)

    async def ack(self, message: Message) -> None:
        await self._hear("ack")
        await self._inner.ack(message)

    async def put_back(self, message: Message, delay_s: float) -> None:
        await self._hear("put_back")
        await self._inner.put_back(message, delay_s)

    async def hold(self, message: Message, hold_s: float) -> None:
        await self._hear("hold")
        await self._inner.hold(message, hold_s)

    async def _hear(self, what: str) -> None:
        if self.deaf:
            await asyncio.sleep(3600)
        self.told.append(what)


@dataclass
class Rig:
    """A source of jobs; `consumer(…)` is the trigger of one more consumer on it.

    `outage` is of what the trigger looks at, `store_outage` of the bucket's listings. `send` puts a message
    into the queue, `messages` counts those in it; both are None without a queue.
    """

    store: OutageStore
    outage: Outage
    store_outage: Outage
    queue: OutageQueue | None = None
    send: Callable[[object], Awaitable[None]] | None = None
    messages: Callable[[], Awaitable[int]] | None = None
    sweeps: bool = False
    wait_s: float = 0.02  # for a message; without a wait an empty queue is looked at thousands of times
    hold_s: float = 30.0
    settle_s: float = 0.0

    def consumer(self) -> Trigger:
        """The trigger of a consumer that nobody else shares a process with."""
        inbox, in_flight = Inbox(self.store, settle_s=self.settle_s), InFlightEntries()
        sweep = InboxTrigger(inbox, in_flight=in_flight, policy=InboxPolicy(min_s=0.01, max_s=0.02))
        if self.queue is None:
            return sweep
        policy = QueuePolicy(wait_s=self.wait_s, hold_s=self.hold_s, first_pause_s=0.05, max_pause_s=0.1)
        queued = QueueTrigger(self.queue, inbox, in_flight, bucket=BUCKET, policy=policy)
        return Merged([queued, sweep]) if self.sweeps else queued

    async def tell(self, key: str) -> None:
        """Send the event of a key, where there is a queue."""
        if self.send is not None:
            described = {"key": key, "size": 1, "eTag": "0"}
            await self.send({"action": "PutObject", "bucket": BUCKET, "object": described})

    async def left(self) -> int:
        """Inbox keys and messages that are left."""
        return len(await keys_below(self.store, keys.INBOX)) + (await self.messages() if self.messages else 0)


@asynccontextmanager
async def open_rig(kind: Kind, moto: S3Settings) -> AsyncIterator[Rig]:
    """Open a source of one kind."""
    async with AsyncExitStack() as stack:
        inner: ObjectStore = MemoryStore()
        if kind == "inbox-moto":
            settings = replace(moto, bucket=f"rig-{secrets.token_hex(6)}")
            await asyncio.to_thread(plain_client(settings).create_bucket, Bucket=settings.bucket)
            inner = await stack.enter_async_context(open_s3_store(settings))
        outage, store_outage = Outage(), Outage()
        store = OutageStore(inner, outage if kind.startswith("inbox") else store_outage)
        rig = Rig(store=store, outage=outage, store_outage=store_outage, sweeps=kind == "merged")
        if kind == "sqs":
            await _add_sqs(rig, moto, stack)
        if kind in {"cloudflare", "merged"}:
            await _add_cloudflare(rig, stack)
        if kind == "local":
            _add_local(rig)
        yield rig


async def _add_sqs(rig: Rig, moto: S3Settings, stack: AsyncExitStack) -> None:
    rig.wait_s = 0  # SQS waits for whole seconds
    plain = stack.enter_context(sqs_queue(moto))
    rig.queue = OutageQueue(await stack.enter_async_context(open_sqs(plain.url)), rig.outage)

    async def send(body: object) -> None:
        await asyncio.to_thread(plain.send, body)

    async def messages() -> int:
        return await asyncio.to_thread(plain.left)

    rig.send, rig.messages = send, messages


async def _add_cloudflare(rig: Rig, stack: AsyncExitStack) -> None:
    fake = await stack.enter_async_context(cloudflare_queue())
    session = await stack.enter_async_context(aiohttp.ClientSession())
    token = SecretStr(TOKEN)
    queue = CloudflareQueue(session, url=fake.url, token=token, min_poll_s=0.01, max_poll_s=0.02)
    rig.queue = OutageQueue(queue, rig.outage)

    async def send(body: object) -> None:
        fake.send(body, "text" if isinstance(body, str) else "json")

    async def messages() -> int:
        return len(fake.messages)

    rig.send, rig.messages = send, messages


def _add_local(rig: Rig) -> None:
    local, sent = LocalQueue(100), list[str]()
    queue = rig.queue = OutageQueue(local, rig.outage)

    async def send(body: object) -> None:
        sent.append(body if isinstance(body, str) else json.dumps(body))
        local.announce(sent[-1])

    async def messages() -> int:
        return len(sent) - queue.told.count("ack")

    rig.send, rig.messages = send, messages
