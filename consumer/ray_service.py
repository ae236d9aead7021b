"""`swapdrop run` as an application of Ray Serve, which KubeRay's RayService starts, watches and replaces.

Nobody sends it requests: it takes jobs from the bucket, as every consumer does. Serve asks it how it is.
"""

import asyncio
from typing import Any

from consumer.app import Consumer
from consumer.config.environment import load_settings
from consumer.telemetry.logs import configure_logging


class ConsumerReplica:
    """A consumer on the event loop of its actor."""

    def __init__(self) -> None:
        settings = load_settings()
        configure_logging(settings)
        self._consumer = Consumer(settings, listen_to_signals=False)
        self._running: asyncio.Task[int] | None = None

    async def check_health(self) -> None:
        """Start it with the first question; raises RuntimeError where it has ended or hangs, and why."""
        if self._running is None:
            self._running = asyncio.create_task(self._consumer.run())
        health = self._consumer.health()
        if self._running.done() or health.status == "unhealthy":
            raise RuntimeError(f"The consumer has to be started again: {self._broken or health.message}")

    @property
    def _broken(self) -> BaseException | None:
        """What it has ended by, where it did not end in order."""
        ended = self._running is not None and self._running.done() and not self._running.cancelled()
        return self._running.exception() if self._running is not None and ended else None

    async def __call__(self, _request: object) -> dict[str, Any]:
        """How it is, for whoever asks over HTTP."""
        health = self._consumer.health()
        return {"status": health.status, "message": health.message}

    async def stop(self) -> None:
        """Give its jobs back, and end it."""
        self._consumer.stop()
        self._consumer.stop()
        if self._running is not None:
            await self._running


class ServedConsumer(ConsumerReplica):
    """... which Serve stops before it ends the actor, by calling what it takes for a destructor."""

    async def __del__(self) -> None:
        await self.stop()


def application(_arguments: dict[str, str]) -> Any:  # noqa: ANN401 -- Serve is of an extra
    """What a Serve config names as `consumer.ray_service:application`."""
    from ray import serve  # noqa: PLC0415 -- of the extra `kuberay`

    return serve.deployment(name="consumer")(ServedConsumer).bind()
