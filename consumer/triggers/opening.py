"""The triggers that the settings ask for: the inbox always, and a queue beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.triggers.base import Trigger
from consumer.triggers.in_flight import InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTrigger
from consumer.triggers.merged import Merged
from consumer.triggers.puzzles import PuzzleTeller
from consumer.triggers.queue import QueuePolicy, QueueTrigger
from consumer.triggers.queue_port import Queue
from consumer.triggers.survey import Observe
from storage.inbox.inbox import Inbox
from storage.stores.port import ObjectStore


@asynccontextmanager
async def open_triggers(
    settings: Settings,
    store: ObjectStore,
    observe: Observe,
    own_queue: Queue | None = None,
) -> AsyncIterator[Trigger]:
    """Open what announces jobs of `store`: its inbox, and a queue: `own_queue`, or the one that is set.

    `observe` is told of each look at the inbox; see `InboxTrigger`.

    Beside a queue the inbox is swept seldom: the sweep finds what the queue has lost.
    """
    inbox, in_flight = Inbox(store, settle_s=settings.settle_s), InFlightEntries()
    teller = PuzzleTeller(store)
    if settings.queue is None and own_queue is None:
        policy = InboxPolicy(min_s=settings.poll_min_s, max_s=settings.poll_max_s)
        yield InboxTrigger(inbox, in_flight=in_flight, policy=policy, observe=observe, teller=teller)
        return
    seldom = InboxPolicy(min_s=settings.sweep_s, max_s=settings.sweep_s)
    async with nullcontext(own_queue) if own_queue else open_queue(settings) as queue:
        queued = QueueTrigger(
            queue,
            inbox,
            in_flight,
            bucket=settings.bucket or "",
            policy=QueuePolicy(hold_s=settings.lease_ttl_s),
        )
        sweep = InboxTrigger(inbox, in_flight=in_flight, policy=seldom, observe=observe, teller=teller)
        yield Merged([queued, sweep])


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[Queue]:
    """Open the queue that the settings name; raises SettingsError when none is set."""
    # Each is imported here because the other, and the SDK with it, is not needed.
    address, token = settings.queue_address, settings.queue_token
    if address is None:
        raise SettingsError("No queue is set; set SWAPDROP_QUEUE.")
    if address.kind == "cloudflare" and token is not None:
        from consumer.triggers.cloudflare_queue import open_cloudflare_queue  # noqa: PLC0415 - see above

        async with open_cloudflare_queue(
            address.url, token=token, min_poll_s=settings.poll_min_s, max_poll_s=settings.poll_max_s
        ) as cloudflare:
            yield cloudflare
    else:
        from consumer.triggers.sqs import open_sqs  # noqa: PLC0415 - see above

        async with open_sqs(address.url) as sqs:
            yield sqs
