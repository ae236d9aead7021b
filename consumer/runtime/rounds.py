"""Now and then looks for jobs that no announcement leads to any more, beside the work on the others."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from consumer.faults import judge
from consumer.telemetry.metrics import Metrics
from storage.upkeep.rounds import Rounds

# 720 steps a day cost 1,440 LISTs and at most 72,000 GETs: a few cents, whatever the bucket holds.
_EVERY_S = 120.0
_JITTER = 0.25

_log = structlog.get_logger()


async def make_rounds(
    rounds: Rounds,
    metrics: Metrics,
    *,
    every_s: float = _EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    rng: random.Random | None = None,
) -> None:
    """Look at some records after each pause, for ever; a store that does not answer is asked again later."""
    rng = rng or random.Random()  # noqa: S311 -- spreads consumers, guards nothing
    while True:
        await sleep(every_s * rng.uniform(1 - _JITTER, 1 + _JITTER))
        try:
            step = await rounds.step()
        except Exception as error:  # noqa: BLE001 -- judged: a look that fails must not be the last
            _log.warning("rounds_failed", reason=judge(error, stage="rounds").message)
            continue
        metrics.dead_letters_seen(step.dead_letters)
        for job_id in step.rescued:
            metrics.rescued()
            _log.warning("job_rescued", job_id=job_id)
