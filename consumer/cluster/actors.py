"""Actors of a Ray cluster that do one order at a time each, as `consumer.devices.processes` do nearby.

They are started when there is an order and nobody idle, one for each GPU of the cluster or else each CPU, and
end when nobody has use for any of them. Ray starts one again that dies, and gives its order to it once more.
One whose order is given up is killed.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import metadata
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from consumer.cluster.session import ClusterUnavailable, RaySession, load_ray
from consumer.devices.messages import portable
from consumer.devices.processes import Answer, AnswerT_co, OrderT_contra, ToldT_co, Worker
from pipeline.errors import PipelineError

OrderT = TypeVar("OrderT")
AnswerT = TypeVar("AnswerT")
ToldT = TypeVar("ToldT")

_RETRIES: Final = 2
"""How often Ray gives an order to an actor anew that has died of it: as often as jobs are tried again."""
_ASK_EVERY_S: Final = 0.5
_ASKED_S: Final = 10.0
_END_S: Final = 10.0
_VERSION: Final = metadata.version("swapdrop")

_log = structlog.get_logger()


class ActorLost(PipelineError):
    """An actor died in the middle of an order, and so did those that Ray started in its place."""

    @property
    def for_sender(self) -> str:
        """Without what only whoever runs the machines can mend."""
        return "A machine that did the work was lost."


class FarWorker(Worker[OrderT_contra, AnswerT_co, ToldT_co], Protocol):
    """A worker that keeps files on its machine while it lives."""

    async def close(self) -> None:
        """Remove them."""
        ...


class ActorHost(Generic[OrderT, AnswerT, ToldT]):
    """What an actor is: a worker, and what it told last. It runs on a machine of the cluster."""

    def __init__(self, make: Callable[[], FarWorker[OrderT, AnswerT, ToldT]]) -> None:
        self._worker = make()
        self._told: ToldT | None = None

    async def hello(self) -> tuple[str, str, int]:
        """Our version, the machine's name and the process' number."""
        return _VERSION, socket.gethostname(), os.getpid()

    async def do(self, order: OrderT) -> Answer:
        """Do an order; what is raised comes as an answer, since Ray would put its own error around it."""
        self._told = None
        try:
            done = await self._worker.do(order, self._tell)
        except Exception as error:  # noqa: BLE001 -- handed to whoever gave the order
            return Answer(failed=portable(error, f"an actor on {socket.gethostname()}"))
        return Answer(told=self._told, done=done)

    async def close(self) -> None:
        """Have the worker leave nothing behind."""
        await self._worker.close()

    async def told(self) -> ToldT | None:
        """What was told since the last question; of several things the last."""
        told, self._told = self._told, None
        return told

    def _tell(self, told: ToldT) -> None:
        self._told = told


class RayActor(Generic[OrderT, AnswerT, ToldT]):
    """One actor, seen from here; from `RayActors.one`."""

    def __init__(self, handle: Any) -> None:  # noqa: ANN401 -- Ray makes its type while it runs
        self._handle = handle
        self.pid = 0
        #: Whether it lives and has no order.
        self.is_ready = False

    async def come(self) -> None:
        """Wait until it has its place and can work; raises ClusterUnavailable."""
        try:
            version, host, self.pid = await self._handle.hello.remote()
        except load_ray().exceptions.RayError as error:
            raise ClusterUnavailable(
                f"An actor did not start: {error}\nAll machines of the cluster need swapdrop {_VERSION}."
            ) from error
        if version != _VERSION:
            raise ClusterUnavailable(f"{host} has swapdrop {version}, and this machine {_VERSION}.")
        self.is_ready = True

    async def do(self, order: OrderT, told: Callable[[ToldT], None]) -> AnswerT:
        """Have an order done, and hear of it meanwhile; both it and the answer are pickled.

        Raises what is raised there, and ActorLost.
        """
        self.is_ready = False
        answering = asyncio.ensure_future(self._answer(order))
        try:
            while not (await asyncio.wait({answering}, timeout=_ASK_EVERY_S))[0]:
                if (news := await self._ask()) is not None:
                    told(news)
            answer = answering.result()
        finally:
            answering.cancel()
        self.is_ready = True
        if answer.failed is not None:
            raise answer.failed
        if answer.told is not None:
            told(answer.told)
        done: AnswerT = answer.done
        return done

    async def end(self) -> None:
        """Let it clear up if it has nothing to do, kill it, and wait until Ray says that it is dead."""
        ray = load_ray()
        if self.is_ready:
            self.is_ready = False
            with suppress(ray.exceptions.RayError, TimeoutError):
                async with asyncio.timeout(_END_S):
                    await self._handle.close.options(max_task_retries=0).remote()
        ray.kill(self._handle)
        try:
            async with asyncio.timeout(_END_S):
                await self._handle.hello.options(max_task_retries=0).remote()
        except ray.exceptions.RayError:
            return
        except TimeoutError:
            _log.warning("actor_does_not_end", pid=self.pid)

    async def _answer(self, order: OrderT) -> Answer:
        try:
            answer: Answer = await self._handle.do.remote(order)
        except load_ray().exceptions.RayError as error:
            _log.warning("actor_lost", pid=self.pid, reason=str(error))
            raise ActorLost(f"An actor of the cluster was lost: {error}") from error
        return answer

    async def _ask(self) -> ToldT | None:
        """What was told meanwhile; nothing while Ray starts the actor again."""
        with suppress(load_ray().exceptions.RayError, TimeoutError):
            async with asyncio.timeout(_ASKED_S):
                told: ToldT | None = await self._handle.told.options(max_task_retries=0).remote()
                return told
        return None


class RayActors(Generic[OrderT, AnswerT, ToldT]):
    """Actors, each with a worker that `make` has made in it; of one event loop.

    `make` is pickled. Those who want an actor wait until one has its place in the cluster and is idle, in the
    order they came.
    """

    def __init__(self, make: Callable[[], FarWorker[OrderT, AnswerT, ToldT]], session: RaySession) -> None:
        #: How many there may be; known within `kept`.
        self.most = 0
        self._make = make
        self._session = session
        self._opening = asyncio.Lock()
        self._start: Callable[[], RayActor[OrderT, AnswerT, ToldT]] | None = None
        self._all: set[RayActor[OrderT, AnswerT, ToldT]] = set()
        self._idle: asyncio.Queue[RayActor[OrderT, AnswerT, ToldT] | Exception] = asyncio.Queue()
        self._coming: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._users = 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the processes of those that have come, on whatever machine."""
        return tuple(actor.pid for actor in self._all if actor.pid)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Be connected, and keep idle actors within the block; the last one who leaves it ends them.

        Raises ClusterUnavailable.
        """
        self._users += 1
        try:
            async with self._opening:
                await self._connect()
            yield
        finally:
            self._users -= 1
            if not self._users:
                await self._end_all()

    async def prepare(self, count: int) -> None:
        """Start some ahead of their orders, so that there are `count`, or as many as there may be.

        Within `kept`, which they are there for; it does not wait until they can work.
        """
        for _ in range(min(count, self.most) - len(self._all)):
            self._add()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[RayActor[OrderT, AnswerT, ToldT]]:
        """One actor for oneself within the block, which lies in one of `kept`; raises ClusterUnavailable."""
        if self._idle.empty() and len(self._all) < self.most:
            self._add()
        self._waiting += 1
        try:
            actor = await self._idle.get()
        finally:
            self._waiting -= 1
        if isinstance(actor, Exception):
            raise actor
        try:
            yield actor
        finally:
            if actor.is_ready:
                self._idle.put_nowait(actor)
            else:
                await asyncio.shield(asyncio.ensure_future(self._replace(actor)))

    async def close(self) -> None:
        """Leave the cluster, or end it where it is our own."""
        async with self._opening:  # also of who is still being connected
            self._start = None
            await self._session.close()

    async def _connect(self) -> None:
        if self._start is not None:
            return
        places = await self._session.open()
        self.most = places.count
        remote = load_ray().remote(
            num_cpus=1, num_gpus=int(places.with_gpu), max_restarts=-1, max_task_retries=_RETRIES
        )(ActorHost)
        self._start = lambda: RayActor(remote.remote(self._make))

    def _add(self) -> None:
        if self._start is None:
            raise RuntimeError("actors are there within `kept`")
        actor = self._start()
        self._all.add(actor)
        task = asyncio.create_task(self._join(actor))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _join(self, actor: RayActor[OrderT, AnswerT, ToldT]) -> None:
        try:
            await actor.come()
        except ClusterUnavailable as error:
            self._all.discard(actor)
            await actor.end()
            if self._waiting:  # else whoever comes later would fail of it, beside actors that can work
                self._idle.put_nowait(error)
        else:
            self._idle.put_nowait(actor)

    async def _replace(self, actor: RayActor[OrderT, AnswerT, ToldT]) -> None:
        """End one whose order was given up; there is another in its place for those who wait."""
        self._all.discard(actor)
        await actor.end()
        if self._waiting > len(self._coming):
            self._add()

    async def _end_all(self) -> None:
        for task in self._coming:
            task.cancel()
        ending = [asyncio.ensure_future(actor.end()) for actor in self._all]
        self._all.clear()
        self._idle = asyncio.Queue()
        if ending:
            await asyncio.shield(asyncio.wait(ending))
