"""The work of `swapdrop swap`: any number of targets through one engine, a few at a time, told in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from consumer.client.files import describe_os_error, keep_whole
from consumer.client.fingerprint import BatchRequest, ResultFingerprint
from consumer.client.local import LocalJobs, absolute
from consumer.jobs.context import JobContext
from consumer.jobs.node import Node, elsewhere
from models.errors import ModelError
from storage.errors import StorageError
from storage.records.manifest import Manifest
from storage.records.status import EngineRecord, FaceOutcome, JobWarning, Progress, Stage

DONE = "done"
OnProgress = Callable[["Item", Stage, Progress], None]
_AT_ONCE = 3  # one is read and decoded, one is on the device, and one is encoded and saved
_UNFORESEEN = "Something unforeseen went wrong; the line before this one says what."

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Item:
    """A picture or video to change and the file its result goes to; `name` is for people."""

    name: str
    target: Path
    output: Path
    is_video: bool = False
    #: Whether a signed manifest goes beside the result.
    has_sidecar: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of a picture or video."""

    item: Item
    #: `done`, or the code of the error that `message` tells of.
    state: str
    message: str = ""
    faces: Sequence[FaceOutcome] = ()
    warnings: Sequence[JobWarning] = ()
    engine: EngineRecord | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def swapped(self) -> int:
        """How many faces were swapped."""
        return sum(face.swapped for face in self.faces)


async def swap_all(
    jobs: LocalJobs, request: BatchRequest, items: Sequence[Item], report: OnProgress
) -> AsyncGenerator[Outcome, None]:
    """Swap and save the results, a few at a time; their outcomes come in the order of the items.

    `report` is told how far each of the videos is, from any thread.
    """
    fingerprint = ResultFingerprint(request)
    at_once = _AT_ONCE if jobs.services.cluster is None else max(_AT_ONCE, jobs.services.cluster.most + 1)
    running: deque[asyncio.Task[Outcome]] = deque()
    try:
        for item in items:
            running.append(asyncio.create_task(_swap(jobs, request, fingerprint, item, report)))
            if len(running) == at_once:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()


async def _swap(
    jobs: LocalJobs,
    request: BatchRequest,
    fingerprint: ResultFingerprint,
    item: Item,
    report: OnProgress,
) -> Outcome:
    try:
        if jobs.services.cluster is not None and not item.is_video:
            there = replace(item, target=absolute(item.target), output=absolute(item.output))
            errand = PictureErrand(request=request, fingerprint=fingerprint, item=there)
            outcome: Outcome = await elsewhere(jobs.services, errand)
            return replace(outcome, item=item)
        name = await asyncio.to_thread(fingerprint.output_id, item.target)
        context = jobs.context(
            _manifest(request, item),
            output_id=name,
            reference=request.reference,
            report=partial(report if item.is_video else _unheard, item),
        )
        return await _saved(jobs, context, item, name)
    except (ModelError, StorageError) as error:
        return Outcome(item=item, state=error.code, message=str(error))
    except OSError as error:
        return Outcome(item=item, state="file_error", message=describe_os_error(error))
    except Exception as error:  # noqa: BLE001 - one picture's fault must not end a night's work
        _log.error("unforeseen_error", target=item.name, exc_info=error)
        return Outcome(item=item, state="internal", message=_UNFORESEEN)


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureErrand:
    """A picture to be changed whole by an actor, which writes the result: an `Order` for an `Outcome`."""

    request: BatchRequest
    fingerprint: ResultFingerprint
    item: Item

    async def __call__(self, node: Node) -> Outcome:
        """Do it there; raises as jobs are opened."""
        jobs = LocalJobs(await node.services())
        return await _swap(jobs, self.request, self.fingerprint, self.item, _unheard)


def _manifest(request: BatchRequest, item: Item) -> Manifest:
    """The job of one item, which is the first picture's but for its target and what that is."""
    kind = request.manifest.process_type
    if item.is_video:
        kind = kind.replace("-image", "-video")
    return request.manifest.model_copy(update={"target": str(item.target), "process_type": kind})


def _unheard(_item: Item, _stage: Stage, _progress: Progress) -> None:
    """A picture is done before there is anything to tell."""


async def _saved(jobs: LocalJobs, context: JobContext, item: Item, name: str) -> Outcome:
    async with context:
        output = await jobs.run(context)
        await asyncio.to_thread(keep_whole, item.output, output)
    await jobs.forget(name)
    return Outcome(
        item=item,
        state=DONE,
        faces=context.known.faces or (),
        warnings=context.known.warnings,
        engine=context.known.engine,
        timings_ms=dict(context.timings.ms),
    )
