"""What the doctor says of the queue that announces jobs."""

from consumer.cli.finding import Finding, ok
from consumer.config.settings import Settings
from consumer.triggers.opening import open_queue
from consumer.triggers.queue_port import QueueUnavailable
from storage.errors import StoreUnusable


async def queue_findings(settings: Settings) -> list[Finding]:
    """Take one message and put it back; without it jobs only start later, so that nothing is broken."""
    if settings.queue is None:
        return []
    try:
        async with open_queue(settings) as queue:
            for message in await queue.receive(most=1, wait_s=0, hold_s=1):
                await queue.put_back(message, 0)
    except QueueUnavailable as error:
        fix = "see docs/queues.md; until then jobs start with the sweep of the inbox"
        return [Finding(name="queue", state="degraded", detail=str(error), fix=fix)]
    except StoreUnusable as error:
        fix = "correct this setting; no consumer starts with it"
        return [Finding(name="queue", state="broken", detail=str(error), fix=fix)]
    return [ok("queue", f"{queue.name} answers; jobs are announced by it")]
