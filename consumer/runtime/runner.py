"""One job from its ticket to its end: claim it, attempt it, clean up, write its canonical log line."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import structlog

from consumer.faults import judge, retry_delay_s
from consumer.jobs.context import JobContext, output_id
from consumer.jobs.plan import service_warnings
from consumer.jobs.services import JobServices
from consumer.jobs.whereabouts import Milestones
from consumer.runtime.attempt import Attempt, Ending
from consumer.runtime.decisions import audit_entry, decisions
from consumer.runtime.sharing import clear_after, clear_after_lost, part_of, readable_folder, resting
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.tracing import NoTraces, Traces
from consumer.triggers.base import Ticket
from consumer.webhooks.sender import Webhooks
from storage.audit import AuditLog
from storage.errors import ObjectNotFound, StorageError
from storage.inbox.folders import is_video
from storage.inbox.inbox import Announced
from storage.lease.leases import Lease, Leases, Refusal, Stop, Verdict
from storage.records.manifest import references
from storage.records.status import JobWarning, Status

_CLEAN_UP_AGAIN_S = 20.0
_ROOM_AGAIN_S = 5.0
_LOOK_AGAIN_S = 5.0  # at a job whose parts are being made: as often as at an idle inbox
_STALE_S = 1.0  # after which what was read of a job that waited for its place may be long done by another
_MOVING = (".gif", ".apng")  # pictures of these names nearly always move

_log = structlog.get_logger()


class JobRunner:
    """Takes tickets to their end, any number at once; lives through whatever a job does.

    `webhooks` is None where jobs' senders are not called, `audit` where no log is kept; `checks` tells which
    checks have something to look for, see `EnginePool.checks`.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        services: JobServices,
        metrics: Metrics,
        owner: str,
        webhooks: Webhooks | None = None,
        audit: AuditLog | None = None,
        checks: Callable[[], AbstractSet[str]] = frozenset,
        traces: Traces | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._leases = leases
        self._services = services
        self._metrics = metrics
        self._webhooks = webhooks
        self._traces = traces or NoTraces()
        self._audit = audit
        self._checks = checks
        self._owner = owner
        self._rng = rng or random.Random()  # noqa: S311 -- spreads retries, guards nothing

    async def run(
        self,
        ticket: Ticket,
        *,
        release: asyncio.Event,
        milestones: Milestones,
        room_for_long: Callable[[], Awaitable[bool]],
    ) -> Ending:
        """Do the job behind `ticket`, if it is ours to do.

        `release` set, the job is given back as soon as may be; `milestones` are told as it passes them; a job
        that looks long is left unclaimed unless `room_for_long` lets it in.
        """
        began = time.monotonic()
        try:
            announced = await ticket.open()
            if _looks_long(announced):
                opened = began
                if not await self._may_begin(ticket, announced, room_for_long):
                    return Ending.REFUSED
                began = time.monotonic()
                if began - opened > _STALE_S:
                    announced = await ticket.open()
            folder = await readable_folder(self._services, ticket, announced)
            claimed = await self._claim(ticket, announced)
        except StorageError as error:
            if not isinstance(error, ObjectNotFound):  # else another consumer has retired it
                _log.warning("ticket_failed", entry=ticket.name, reason=str(error))
            await ticket.defer(_CLEAN_UP_AGAIN_S)
            return Ending.REFUSED
        if isinstance(claimed, Refusal):
            await self._refused(ticket, announced, claimed)
            return Ending.REFUSED
        if claimed.taken_over_from is not None:
            self._metrics.taken_over()
            _log.warning(
                "taken_over", job_id=claimed.job_id, attempt=claimed.attempt, before=claimed.taken_over_from
            )
        await ticket.claimed()
        try:
            attempt = Attempt(
                lease=claimed,
                context=self._context(announced, claimed, began, milestones, folder),
                rng=self._rng,
                on_beat=ticket.beat,
            )
            ending = await attempt.run(release)
        except Exception as error:  # noqa: BLE001 -- judged and logged: the attempt counts like any other
            return await self._crashed(ticket, announced, claimed, error)
        await self._left(ticket, announced, attempt, ending)
        return ending

    async def _may_begin(
        self, ticket: Ticket, announced: Announced, room_for_long: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Whether a long job is to be claimed now; else its ticket has ended.

        One whose parts are being made is not, unless it is to end, which needs no room.
        """
        rests = await resting(self._services, announced)
        if rests is None:
            if not await room_for_long():
                await ticket.defer(_ROOM_AGAIN_S)
                return False
            rests = await resting(self._services, announced)  # another may have shared it out meanwhile
        if rests is None or rests.cancelled:
            return True
        await ticket.rest(_LOOK_AGAIN_S)
        return False

    async def _claim(self, ticket: Ticket, announced: Announced) -> "Lease | Refusal":
        """Claim the job, under an id of its own where the one it names is another job's already."""
        claimed = await self._claim_as(announced.job_id, ticket, announced)
        if not (isinstance(claimed, Refusal) and claimed.verdict is Verdict.TAKEN):
            return claimed
        claimed = await self._claim_as(announced.other_id, ticket, announced)
        if isinstance(claimed, Lease):
            _log.warning("job_id_taken", entry=ticket.name, job_id=announced.job_id, becomes=claimed.job_id)
        return claimed

    async def _claim_as(self, job_id: str, ticket: Ticket, announced: Announced) -> "Lease | Refusal":
        try:
            return await self._leases.claim(
                job_id, announced.document, created_at=ticket.announced_at, is_same=announced.is_of
            )
        except StorageError:
            raise
        except Exception:  # noqa: BLE001 -- logged: a manifest that no record can hold must still end
            _log.exception("manifest_not_recorded", job_id=job_id)
            return await self._leases.claim(job_id, None, created_at=ticket.announced_at)

    async def _crashed(self, ticket: Ticket, announced: Announced, lease: Lease, error: Exception) -> Ending:
        """Give a job back whose attempt broke this consumer's own code; it has an attempt less."""
        fault = judge(error, stage="queued")
        delay_s = retry_delay_s(lease.attempt, self._rng)
        try:
            status = await lease.retry(fault, delay_s=delay_s)
        except Exception as refused:  # noqa: BLE001 -- judged: the lease lapses, which counts as well in the end
            _log.warning(
                "lease_left_to_lapse", job_id=lease.job_id, reason=judge(refused, stage="finish").message
            )
            await ticket.defer(math.inf)
            return Ending.ABANDONED
        self._metrics.job_ended(
            status=status.status, code=fault.code, attempt=status.attempt, total_s=0, timings_ms={}
        )
        if status.terminal:
            await self._ended(ticket, announced, status)
            return Ending.FINISHED
        await ticket.defer(delay_s)
        return Ending.RETRIED

    def _context(
        self,
        announced: Announced,
        lease: Lease,
        began: float,
        milestones: Milestones,
        folder: str | None,
    ) -> JobContext:
        asked = announced.manifest or announced.error
        if asked is None:
            raise RuntimeError("an announcement has a manifest or an error")
        context = JobContext(
            self._services,
            asked,
            job_id=lease.job_id,
            output_id=output_id(lease.job_id, lease.attempt),
            report=lease.report,
            job_folder=folder,
            began=began,
            milestones=milestones,
            may_share=lease.job_id == announced.job_id,
        )
        if announced.manifest is not None:
            context.note(warnings=tuple(service_warnings(announced.manifest, self._objection)))
        if lease.job_id != announced.job_id:
            message = f"`{announced.job_id}` is the id of another job, so this one has an id of its own."
            context.note(warnings=(JobWarning(code="job_id_taken", message=message),))
        return context

    def _objection(self, url: str) -> str | None:
        return "this service makes no calls." if self._webhooks is None else self._webhooks.objection(url)

    async def _left(self, ticket: Ticket, announced: Announced, attempt: Attempt, ending: Ending) -> None:
        """Clean up after a job that has ended, and write its one canonical line."""
        status = attempt.lease.status
        fault = attempt.fault if status.status != "completed" else None
        shown = "abandoned" if status.status == "processing" else status.status
        code = fault.code if fault else None
        timings = status.timings_ms if status.status == "completed" else attempt.context.timings.ms
        total_s = time.monotonic() - attempt.context.began
        self._metrics.job_ended(
            status=shown, code=code, attempt=status.attempt, total_s=total_s, timings_ms=timings
        )
        self._traces.attempt(
            attempt.lease.stages,
            ok=fault is None and attempt.stop is None,
            attributes={
                "swapdrop.job_id": status.job_id,
                "swapdrop.attempt": status.attempt,
                "swapdrop.status": shown,
                "swapdrop.code": code or "",
            },
        )
        if attempt.stop is Stop.LOST:
            self._metrics.lease_lost()
        if ending is Ending.FINISHED:
            if part_of(announced) is None:
                self._metrics.decided(decisions(status, on=self._checks()))
            await self._ended(ticket, announced, status, attempt.context)
        else:
            if attempt.stop is Stop.LOST:
                await clear_after_lost(self._services, part_of(announced))
            await ticket.defer(attempt.delay_s)
        _log.info(
            "job",
            job_id=status.job_id,
            attempt=status.attempt,
            status=shown,
            ending=ending.value,
            code=code,
            reason=fault.reason if fault else (attempt.stop.value if attempt.stop else None),
            stage=fault.stage if fault else attempt.context.progress.stage,
            timings_ms=dict(timings),
            total_ms=round(total_s * 1000, 1),
            engine=status.engine.name if status.engine else None,
            input_bytes=attempt.context.files.input_bytes,
            result_bytes=status.result.size if status.result else None,
            owner=self._owner,
        )

    async def _refused(self, ticket: Ticket, announced: Announced, refusal: Refusal) -> None:
        _log.debug("not_claimed", job_id=announced.job_id, verdict=refusal.verdict.value)
        if refusal.verdict is Verdict.TAKEN:  # not even its own content's id is free: leave it to people
            await ticket.defer(math.inf)
        elif refusal.verdict is Verdict.ENDED and refusal.status is not None:
            if refusal.ended_here and refusal.status.error is not None:
                self._metrics.job_ended(
                    status=refusal.status.status,
                    code=refusal.status.error.code,
                    attempt=refusal.status.attempt,
                    total_s=0,
                    timings_ms={},
                )
                _log.warning(
                    "job_given_up",
                    job_id=refusal.status.job_id,
                    attempt=refusal.status.attempt,
                    code=refusal.status.error.code,
                    reason=refusal.status.error.message,
                )
            # Its owner may have died before it could clean up and call.
            await self._ended(ticket, announced, refusal.status)
        else:
            await ticket.defer(refusal.retry_after_s)

    async def _ended(
        self, ticket: Ticket, announced: Announced, status: Status, context: JobContext | None = None
    ) -> None:
        """Call the sender of a job that has ended, and clear its announcement away.

        Before that goes, the audit log has its line: whoever finds the announcement of a job that has ended
        writes one, so that there may be two of a job and never none. A part of another job has none.
        """
        part = part_of(announced)
        url = announced.manifest.callback_url if announced.manifest else None
        if self._webhooks is not None and url is not None:
            self._webhooks.send(url, status)
        try:
            if part is not None:
                await clear_after(self._services, part)
            elif is_video_job(status):
                await self._services.scratches.clear(status.job_id)
            if self._audit is not None and part is None:
                await self._audit.append(status.job_id, self._entry(announced, status, context))
            await ticket.retire(status)
        except StorageError as error:
            # The status is terminal, so whoever sees the entry next may remove it.
            _log.warning("inbox_entry_left", job_id=status.job_id, reason=str(error))
            await ticket.defer(_CLEAN_UP_AGAIN_S)

    def _entry(self, announced: Announced, status: Status, context: JobContext | None) -> Mapping[str, Any]:
        inputs = None
        if context is not None and announced.manifest is not None:
            asked = references(announced.manifest)
            hashes = context.files.hashes
            inputs = {name: hashes[key] for name, key in asked.items() if key in hashes}
        version, on = self._services.version, self._checks()
        return audit_entry(status, owner=self._owner, version=version, inputs=inputs, on=on)


def is_video_job(status: Status) -> bool:
    """Whether attempts at a job may have left segments of a video for one another."""
    return str((status.manifest or {}).get("process_type", "")).endswith("-video")


def _looks_long(announced: Announced) -> bool:
    """Whether a job will take the device many times, as far as its manifest tells."""
    manifest = announced.manifest
    if manifest is None:
        return False
    if manifest.process_type == "detect-faces":
        return is_video(manifest.target)
    return manifest.process_type.endswith("-video") or manifest.target.lower().endswith(_MOVING)
