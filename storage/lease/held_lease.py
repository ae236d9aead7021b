"""A lease that is held: tell how far the work is, keep the lease, end it; protocol sections 1, 4, 5 and 9."""

from datetime import datetime, timedelta

from storage import keys
from storage.errors import LeaseLost, ObjectNotFound
from storage.lease import transitions
from storage.lease.heartbeat import Heartbeat, OnBeat, Stop
from storage.lease.held_record import HeldRecord, LeaseContext
from storage.lease.marks import is_cancel_requested, write_dead_letter
from storage.lease.outcome import Failure, Findings, Output
from storage.lease.upload import Uploaded, upload_all
from storage.lease.work_report import WorkReport
from storage.records.status import Progress, Result, Stage, Status

_NOTHING = Findings()


class Lease:
    """The right to work on one job, as long as it is `trusted`.

    Every method that ends the lease returns the record that stands then; once the lease has ended, it
    returns that record again and changes nothing. They raise LeaseLost when the job is, or may be,
    another's by now, and StoreUnavailable when the store does not say whether a write took place. `keep`
    may run beside them.
    """

    def __init__(
        self,
        context: LeaseContext,
        status: Status,
        *,
        etag: str,
        confirmed_at: float,
        taken_over_from: str | None = None,
    ) -> None:
        #: Whose lease had lapsed; None where nobody worked on the job.
        self.taken_over_from = taken_over_from
        self._context = context
        self._record = HeldRecord(context, status, etag=etag, confirmed_at=confirmed_at)
        self._report = WorkReport(
            status.stage, status.progress, monotonic=context.monotonic, wall=context.wall
        )
        self._heartbeat = Heartbeat(context, self._record, self._report)

    @property
    def status(self) -> Status:
        """The last record known to have been written."""
        return self._record.status

    @property
    def stages(self) -> list[tuple[Stage, datetime]]:
        """When each stage began, by the wall clock: for people."""
        return self._report.stages

    @property
    def job_id(self) -> str:
        """The job this lease is for."""
        return self.status.job_id

    @property
    def attempt(self) -> int:
        """The fencing token: which attempt of the job this is."""
        return self.status.attempt

    @property
    def trusted(self) -> bool:
        """Whether the owner may still believe that nobody else works on the job."""
        return self._record.trusted

    def report(self, stage: Stage, progress: Progress | None = None) -> None:
        """Show a sign of life and tell how far the work is; cheap, from any thread.

        `keep` writes it into the record once the last write is `min_write_gap_s` ago, and only if stage or
        progress differ from what stands there. Without `progress` it stays what it was.
        """
        self._report.tell(stage, progress)

    async def keep(self, on_beat: OnBeat | None = None) -> Stop:
        """Keep the lease and the record up to date until the job must stop; see `Heartbeat.keep`."""
        return await self._heartbeat.keep(on_beat)

    async def beat(self) -> Stop | None:
        """Extend the lease once (one HEAD, one PUT), or say why the job must stop."""
        return await self._heartbeat.beat()

    async def complete(
        self, output: Output, findings: Findings = _NOTHING, *, on_beat: OnBeat | None = None
    ) -> Status:
        """Store the result and end the job `completed`, or `cancelled` if that was asked for meanwhile.

        Costs two PUTs and one HEAD, and a PUT for each extra. The lease is kept while the result is
        uploaded, with `on_beat` as in `keep`: an upload that takes long shows as stage `upload`, and is
        abandoned when the job is to be cancelled or the lease is lost. The record tells how long it took as
        `upload` in its times. Raises OSError where the result's file cannot be read.
        """
        if not self._record.is_running:
            return self.status
        self._record.refuse_if_untrusted()
        self.report("upload")
        key = keys.new_result(self.job_id, self.attempt, output.extension)
        began = self._context.monotonic()
        extras = {
            name: (keys.new_result(self.job_id, self.attempt, extra.extension), extra)
            for name, extra in (
                ("poster", output.poster),
                ("preview", output.preview),
                ("sidecar", output.sidecar),
            )
            if extra is not None
        }
        uploading = upload_all(self._context.store, key, output, extras.values())
        uploaded = await self._heartbeat.keep_during(uploading, on_beat)
        upload_ms = round((self._context.monotonic() - began) * 1000, 1)
        if isinstance(uploaded, Stop):
            if uploaded is Stop.CANCELLED:
                return await self.cancelled()
            raise LeaseLost
        if await is_cancel_requested(self._context.store, self.job_id):
            return await self.cancelled()
        result = _result(key, output, uploaded).model_copy(
            update={name: extra_key for name, (extra_key, _) in extras.items()}
        )
        progress = self._report.latest[1]
        return await self._record.write(
            lambda status, now: transitions.completed(
                status, now=now, progress=progress, result=result, findings=findings, upload_ms=upload_ms
            )
        )

    async def complete_part(self, findings: Findings = _NOTHING) -> Status:
        """End a part of another job `completed`, without a result: what it made lies with that one."""
        progress = self._report.latest[1]
        return await self._record.write(
            lambda status, now: transitions.completed(
                status, now=now, progress=progress, result=None, findings=findings, upload_ms=0
            )
        )

    async def fail(self, failure: Failure, findings: Findings = _NOTHING) -> Status:
        """End the job `failed`: it cannot be done as it was sent."""
        stage, progress = self._report.latest
        return await self._record.write(
            lambda status, now: transitions.failed(
                status, now=now, failure=failure, stage=stage, progress=progress, findings=findings
            )
        )

    async def retry(self, failure: Failure, findings: Findings = _NOTHING, *, delay_s: float) -> Status:
        """Give the job back after a passing fault; it may be claimed again in `delay_s` seconds.

        The record keeps the attempt's warnings and engine. When no attempt is left the job ends `failed`
        with `attempts_exhausted`, and the record keeps all of `findings`. An attempt that has made a segment
        of a video does not count.
        """
        told = self._told(self.status)
        if transitions.is_exhausted(told) and transitions.counts(told):
            ended = await self._record.write(
                lambda status, now: transitions.exhausted(
                    self._told(status), now=now, failure=failure, findings=findings
                )
            )
            await write_dead_letter(self._context.store, ended)
            return ended
        not_before = await self._store_now() + timedelta(seconds=delay_s)
        return await self._record.write(
            lambda status, now: transitions.retried(
                self._told(status), now=now, failure=failure, not_before=not_before, findings=findings
            )
        )

    async def release(self) -> Status:
        """Give the job back at once; this attempt does not count."""
        return await self._record.write(lambda status, now: transitions.released(self._told(status), now=now))

    async def share(self) -> Status:
        """Give the job back until others have made its parts; this attempt does not count.

        The work must have told of segments.
        """
        return await self._record.write(self._shared)

    async def cancelled(self) -> Status:
        """End the job `cancelled`."""
        return await self._record.write(lambda status, now: transitions.cancelled(status, now=now))

    def _shared(self, status: Status, now: datetime) -> Status:
        segments = self._report.latest[1].segments
        if segments is None:
            raise RuntimeError("only what is done in segments can be shared out")
        return transitions.shared(status, now=now, segments=segments.handed_on())

    def _told(self, status: Status) -> Status:
        """A record with what the work has said since it was written."""
        stage, progress = self._report.latest
        return status.model_copy(update={"stage": stage, "progress": progress})

    async def _store_now(self) -> datetime:
        try:
            return (await self._context.store.head(keys.status(self.job_id))).store_now
        except ObjectNotFound as error:
            self._record.lose()
            raise LeaseLost from error


def _result(key: str, output: Output, uploaded: Uploaded) -> Result:
    return Result(
        key=key,
        sha256=uploaded.sha256,
        size=uploaded.size,
        content_type=output.content_type,
        width=output.width,
        height=output.height,
        frames=output.frames,
        duration_s=output.duration_s,
        faces_swapped=output.faces_swapped,
        marks=output.marks,
    )
