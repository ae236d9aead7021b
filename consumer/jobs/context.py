"""All that a kind of job sees: its manifest, and the means to fetch, decode, use the device and report.

A kind of job is one coroutine function of a context, entered in `consumer.jobs.kinds`. A consumer on a bucket
and the terminal make contexts with other means behind them, and a kind cannot tell which.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, TypeVar

from consumer.engines.pool import LoadedEngine
from consumer.jobs.files import JobDisk, JobFiles
from consumer.jobs.progress import JobProgress
from consumer.jobs.scratch import Scratch
from consumer.jobs.services import JobServices, OrderActor, OrderActors
from consumer.jobs.video.worker import SegmentProcess
from consumer.jobs.whereabouts import JobPlace, Milestones, Whereabouts
from consumer.jobs.workspace import Workspace
from pipeline.marks.claims import Claim, carried
from pipeline.marks.provenance import Mark
from pipeline.media.video.colour import ToneMapper
from pipeline.steps import Steps, Stepwise
from pipeline.swap.timing import Timings
from storage.errors import ConsentMissing, InvalidManifest
from storage.inputs.arrival import SizeLimit
from storage.inputs.fetch import FetchedInput
from storage.lease.outcome import Findings, Output
from storage.parts import Parts
from storage.records.manifest import Enhance, Manifest, Part, is_consented
from storage.records.status import EngineRecord, FaceOutcome, JobWarning, Progress, Stage

if TYPE_CHECKING:
    from pipeline.signing.port import Draft

T = TypeVar("T")
JobKind = Callable[["JobContext"], Awaitable[Output]]
"""What does one kind of job: its result is what is returned; see `JobContext` for all else."""

_SIGNS_PER_STALL = 10
_ATTEST: Final = (
    'Say that everybody shown agrees: "consent": {"attested": true} in the manifest, `consent.json` in a '
    "dropped folder, or --consent. Without that no face is put onto another here."
)
SYSTEM: Final = "swapdrop"
"""What results call the system that made them."""


class JobContext:
    """One attempt at one job, from the inside; made for `run`, which belongs to one event loop.

    An async context manager, whose end clears away the job's files. After the attempt, whatever became of it,
    `known`, `progress`, `timings` and the other attributes tell how far it came.
    """

    def __init__(
        self,
        services: JobServices,
        asked: Manifest | InvalidManifest,
        *,
        job_id: str,
        output_id: str,
        report: Callable[[Stage, Progress], None],
        job_folder: str | None = None,
        began: float | None = None,
        milestones: Milestones | None = None,
        reference: str | None = None,
        may_share: bool = False,
    ) -> None:
        #: What it shares with all jobs of the process.
        self.services = services
        #: Its id; on the terminal, where there is none, what stands for it.
        self.job_id = job_id
        #: The job as it was asked for, or why that cannot be understood, as `run` will say.
        self.asked = asked
        #: A picture of the person whose face is changed; only the terminal can ask for that.
        self.reference = reference
        #: Monotonic time at which the job's ticket was opened.
        self.began = time.monotonic() if began is None else began
        #: How far it is.
        self.progress = JobProgress(report)
        self.timings = Timings()
        #: What is known of the job so far; its record gets this also if it fails.
        self.known = Findings()
        #: The folder in the bucket that names in its manifest are looked for in first.
        self.job_folder = job_folder
        self._may_share = may_share
        self._output_id = output_id
        self._whereabouts = Whereabouts(services, self.progress, milestones or Milestones(), began=self.began)
        self._disk = JobDisk(services, self._whereabouts)
        #: What was fetched for it.
        self.files = JobFiles(services, self._disk, self.progress, folder=job_folder)
        self._earlier: tuple[Claim, ...] = ()
        #: The manifest that waits for the result, where results are signed.
        self.draft: Draft | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.draft is not None:
            self.draft.close()
        await self._disk.close()

    async def run(self) -> Output:
        """Do the job; raises whatever goes wrong, for `consumer.faults.judge`.

        A result in a file lies in the workspace, which is there until the context is left.
        """
        if self.services.require_consent and not is_consented(self.manifest):
            raise ConsentMissing(_ATTEST)
        kind = self.services.kinds.get(self.manifest.process_type)
        if kind is None:
            known = ", ".join(f"`{name}`" for name in self.services.kinds)
            raise InvalidManifest(
                f"`{self.manifest.process_type}` is no kind of job that is done here; known are {known}."
            )
        async with self.living():
            return await kind(self)

    def living(self) -> AbstractAsyncContextManager[None]:
        """Show life within the block wherever the job is at work and cannot tell how far."""
        every_s = self.services.stall_timeout_s / _SIGNS_PER_STALL
        return self.progress.living(every_s, self._whereabouts.is_alive)

    @property
    def manifest(self) -> Manifest:
        """The job as it was asked for; raises InvalidManifest where nobody can tell."""
        if isinstance(self.asked, InvalidManifest):
            raise self.asked
        return self.asked

    @property
    def whole_id(self) -> str:
        """Id of the job that its work is for: where it is a part of another, of that one."""
        return self.job_id if self.part is None else self.part.parent

    @property
    def place(self) -> JobPlace:
        """Where the job is now."""
        return self._whereabouts.place

    @property
    def tone_mapper(self) -> ToneMapper:
        """What brings HDR frames to ordinary ones; `consumer.jobs.video.means.Means` asks for it."""
        return self.services.tone_mapper

    async def engine(self, name: str, *, enhance: Enhance = False) -> LoadedEngine:
        """Get a swap engine, with an enhancer if asked for; the first job to need one waits until it is open.

        With `auto` the enhancer is there only if it can be.

        Raises:
            OptionUnavailable: there is no such engine, or no enhancer.
            ModelUnavailable: its files are not here, or are not what they should be.
        """
        with self._whereabouts.waiting():
            return await self.services.pool.load(name, enhance=enhance)

    async def fetch(
        self, *references: str, limit: int | SizeLimit | None = None
    ) -> Mapping[str, FetchedInput]:
        """Fetch files, several at once and each only once; what is large lies in the job's workspace.

        `limit` stands for the size limits of media, for what is none.

        Raises:
            InputTooLarge: those in memory have too many bytes together.
            StorageError: one cannot be had; see `InputFetcher.fetch`.
        """
        with self.timings.measure("download"):
            return await self.files.fetch(references, limit)

    async def on_cpu(self, function: Callable[[], T], *, stage: Stage | None = None) -> T:
        """Run `function` on a CPU thread; its time counts as that of `stage`, if one is given."""

        def measured() -> T:
            with self.timings.measure(stage) if stage else nullcontext():
                return function()

        return await asyncio.get_running_loop().run_in_executor(self.services.cpu, measured)

    def unmeasured(self) -> AbstractContextManager[None]:
        """Show life within the block, for an hour at most: its work ends by itself, nobody can tell when."""
        return self._whereabouts.unmeasured()

    def on_cpu_at_last(self, function: Callable[[], object]) -> None:
        """Run `function` on a CPU thread, unheard; for clearing up after work that may still be going on."""
        self.services.cpu.submit(function)

    async def on_device(self, function: Callable[[], T]) -> T:
        """Run `function` on the device's thread, where jobs take turns: a quarter of a second, or one call.

        A call is one step: it must not last longer than the device may be silent.
        """
        return await self._whereabouts.on_device(function)

    async def on_device_until_done(self, step: Callable[[], bool], told: Callable[[], None]) -> None:
        """Call `step` on the device's thread until it returns true, other jobs in turn between calls.

        `told` is called between two steps. As many are taken at once as fit a turn: coming back here after
        every one would leave the device idle where the store and the codecs keep this thread busy.
        """
        await self._whereabouts.on_device_until_done(step, told)

    async def on_device_in_steps(self, steps: Steps[T], told: Callable[[], None]) -> T:
        """Take steps there, as `on_device_until_done` does, and return what they come to."""
        work = Stepwise(steps)
        await self.on_device_until_done(work.step, told)
        return work.result

    def leave_device(self) -> None:
        """Say that this job needs the device no more, so that another can be got ready for it."""
        self._whereabouts.leave_device()

    def memory(self, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Hold memory for pixels; waits until other jobs have let go of enough."""
        return self._whereabouts.having_memory(size_bytes)

    def process(self) -> AbstractAsyncContextManager[SegmentProcess]:
        """Have a process that makes segments for oneself; waits until other jobs leave one."""
        return self._whereabouts.having(self.services.processes.one())

    def actor(self, cluster: OrderActors) -> AbstractAsyncContextManager[OrderActor]:
        """Have an actor for oneself; waits until other jobs leave one, and until it has started."""
        return self._whereabouts.having(cluster.one())

    async def disk(self, size_bytes: int) -> None:
        """Hold space in the workspace until the job ends; waits until other jobs have let go of enough.

        To be asked for before memory. Raises InputTooLarge, DiskFull; see `Workspace.reserve`.
        """
        await self._disk.reserve(size_bytes)

    @property
    def workspace(self) -> Workspace:
        """The job's own folder for what is too large for memory; it goes with the job."""
        return self._disk.workspace

    def scratch(self, plan_id: str) -> Scratch:
        """What earlier attempts have left of the work that `plan_id` names, and place for more.

        A part works for the job that it is a part of.
        """
        return self.services.scratches.of(self.whole_id, plan_id)

    @property
    def part(self) -> Part | None:
        """What of another job's work this job is, None for a job of its own."""
        return self.manifest.part

    async def refuse_unwanted_part(self) -> None:
        """Raise InvalidManifest where the job is a part of one that does not want it (any more)."""
        parts = self.services.parts
        if self.part is not None and (parts is None or not await parts.is_wanted(self.manifest)):
            raise InvalidManifest("The job that this is a part of has ended, or asks for something else.")

    @property
    def shares(self) -> Parts | None:
        """Where parts of the job are announced, None where it is not to be shared out."""
        return self.services.parts if self._may_share and self.services.executor == "bucket" else None

    def note(
        self,
        *,
        warnings: Sequence[JobWarning] = (),
        faces: Sequence[FaceOutcome] | None = None,
        engine: EngineRecord | None = None,
    ) -> None:
        """Add to what is known of the job: warnings to those there are, each once; faces and engine anew."""
        self.known = replace(
            self.known,
            warnings=tuple(dict.fromkeys((*self.known.warnings, *warnings))),
            faces=self.known.faces if faces is None else tuple(faces),
            engine=engine or self.known.engine,
        )

    def carry(self, claims: Iterable[Claim]) -> None:
        """Have the result say what its inputs say of their own making, in the order of the inputs."""
        self._earlier = carried(claims)

    def mark(self, watermark: str | None = None) -> Mark:
        """What the result says of how it was made, and which id is hidden in it."""
        return Mark(
            output_id=self._output_id,
            provider=self.services.operator,
            system=SYSTEM,
            version=self.services.version,
            created_at=datetime.now(UTC),
            watermark=watermark,
            earlier=self._earlier,
        )


def output_id(job_id: str, attempt: int) -> str:
    """The id an output carries for all to read: it can be found again from the job, and not the job from it.

    A job's id may hold the name of a folder that a person dropped, which is not for strangers.
    """
    return hashlib.sha256(f"{job_id}/{attempt}".encode()).hexdigest()[:32]
