"""A machine of a cluster, as orders see it: with the means that its own environment gives it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2

from consumer.cluster.actors import ActorLost
from consumer.cluster.session import RaySession
from consumer.config.environment import load_settings
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext
from consumer.jobs.services import JobServices, OrderActors
from consumer.telemetry.logs import configure_logging
from storage.records.status import Progress, Stage

Order = Callable[["Node"], Awaitable[Any]]
"""What is to be done on a machine: data with a function, both of which are pickled."""
Opener = Callable[[Settings], AbstractAsyncContextManager[JobServices]]

_DECIDES: Final = (
    "c2pa_chain",
    "c2pa_key",
    "c2pa_tsa",
    "content_block_from",
    "content_filter",
    "content_flag_from",
    "label",
    "label_language",
    "label_size",
    "label_text",
    "max_pixel_boost",
    "min_face_px",
    "min_face_score",
    "minors",
    "occlusion",
    "operator",
    "paste",
    "require_consent",
    "watermark",
)
"""Settings that decide what a result is, or whether there is one: they go with the order."""


def deciding(settings: Settings) -> Mapping[str, object]:
    """What of the settings of whoever gives orders is to hold wherever they are done; no secret is in it."""
    return {name: getattr(settings, name) for name in _DECIDES}


def open_cluster(settings: Settings, opener: Opener, stack: AsyncExitStack) -> OrderActors | None:
    """Actors that `opener` gives their means; None where the settings want none. `stack` closes them.

    Raises SettingsError where Ray is not installed.
    """
    if settings.executor != "ray":
        return None
    cluster = OrderActors(partial(Node, opener, deciding(settings)), RaySession(settings))
    stack.push_async_callback(cluster.close)
    return cluster


async def elsewhere(services: JobServices, order: Order) -> Any:  # noqa: ANN401 -- whatever it is for
    """Have an order done by an actor of the cluster that there is; raises ActorLost, ClusterUnavailable."""
    if services.cluster is None:
        raise ValueError("there are no actors")
    try:
        async with asyncio.timeout(services.segment_timeout_s), services.cluster.one() as actor:
            return await actor.do(order, _nobody)
    except TimeoutError as error:
        raise ActorLost(f"No actor has done it within {services.segment_timeout_s:.0f} s.") from error


class Node:
    """Does orders in an actor, one at a time; what it works with is opened with the first and stays open.

    Satisfies `consumer.cluster.actors.FarWorker`. `decided` are settings that go before its own.
    """

    def __init__(self, opener: Opener, decided: Mapping[str, object]) -> None:
        self._opener = opener
        self._decided = decided
        self._opened = AsyncExitStack()
        self._services: JobServices | None = None
        self._video = AsyncExitStack()
        self._plan: Plan | None = None
        #: Who is told of the frames of the order under way.
        self.count = Tally(_nobody)

    async def do(self, order: Order, tell: Callable[[int], None]) -> Any:  # noqa: ANN401 -- whatever it is for
        """Do an order; raises what it raises."""
        self.count = Tally(tell)
        return await order(self)

    async def close(self) -> None:
        """Remove what it keeps on its machine."""
        await self._video.aclose()
        await self._opened.aclose()

    async def services(self) -> JobServices:
        """The means that jobs have on this machine; raises SettingsError, ModelError."""
        if self._services is None:
            settings = self._settings()
            configure_logging(settings)
            self._services = await self._opened.enter_async_context(self._opener(settings))
        return self._services

    async def plan(self, job_id: str, plan_id: str, make: Callable[[JobServices], JobContext]) -> "Plan":
        """What is kept of a job's plan, until there is an order of another one: its files take up room.

        Two jobs that ask for the same have the same plan, and each looks for its segments in its own scratch.
        """
        if self._plan is None or (self._plan.job_id, self._plan.plan_id) != (job_id, plan_id):
            self._plan = None
            await self._video.aclose()
            context = await self._video.enter_async_context(make(await self.services()))
            self._plan = Plan(job_id=job_id, plan_id=plan_id, context=context)
        return self._plan

    def show_life(self, _stage: Stage, _progress: Progress) -> None:
        """Tell again how many frames are done."""
        self.count.tell()

    def _settings(self) -> Settings:
        own = load_settings()
        here: dict[str, object] = {"executor": "local", "video_processes": 1}
        if own.provider == "cpu" and not own.model_threads:
            here["model_threads"] = 1  # there is an actor for each core
            cv2.setNumThreads(1)
        return own.model_copy(update={**self._decided, **here})


@dataclass(kw_only=True)
class Plan:
    """A video that segments are made of, on this machine."""

    job_id: str
    plan_id: str
    context: JobContext
    #: Where its target lies, once it is here.
    target: Path | None = None


class Tally:
    """Counts frames and tells of them; satisfies `consumer.jobs.video.means.FrameCount`."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._frames = 0

    def add(self, frames: int = 1) -> None:
        """So many more are done."""
        self._frames += frames
        self.tell()

    def tell(self) -> None:
        """The work is alive."""
        self._tell(self._frames)


def _nobody(_frames: int) -> None:
    """Between two orders."""
