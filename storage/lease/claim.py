"""Who may work on a job: the rules of a claim, with no call to the store in them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from storage.lease.cas import Stored
from storage.records.status import Status

_MAX_OBSERVED = 10_000
_CLOCK_STEP_S = 1.0  # the store tells times in whole seconds


@dataclass(frozen=True, kw_only=True)
class LeasePolicy:
    """How long a lease lasts and how often a job may be tried; times in seconds.

    Raises ValueError when these times leave no room for a heartbeat.
    """

    #: A lease lasts so long after the last write, by the store's clock.
    ttl_s: float = 90
    #: Others take a job over only so long after its lease is over.
    grace_s: float = 5
    #: An owner stops trusting its lease so long before it is over.
    margin_s: float = 15
    #: Attempts that count, after which a job ends as failed.
    max_attempts: int = 3
    #: Work that shows no sign of life for so long loses its lease.
    stall_timeout_s: float = 120
    #: Between two writes to a record, but for the one that ends a lease: R2 takes one a second and key.
    min_write_gap_s: float = 2.0
    #: Between two looks for the cancel mark. A cancel is to be heeded within 5 s: that leaves 1 s in which
    #: an upload that has just begun is left alone, and 1 s for the store's answers to a HEAD and a PUT.
    cancel_look_s: float = 3.0

    def __post_init__(self) -> None:
        if not (self.margin_s >= 0 and self.grace_s >= 0 and self.beat_every_s < self.trusted_for_s):
            raise ValueError(
                "a lease needs margin_s >= 0, grace_s >= 0 and a heartbeat before ttl_s - margin_s is over"
            )
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")

    @property
    def beat_every_s(self) -> float:
        """Seconds after the last confirmed write until the lease is extended."""
        return max(self.ttl_s / 3, self.min_write_gap_s)

    @property
    def trusted_for_s(self) -> float:
        """Seconds after the last confirmed write for which an owner may believe it still owns the job."""
        return self.ttl_s - self.margin_s


class Verdict(Enum):
    """Why a job was not claimed."""

    LIVE = "live"  # another owner works on it
    NOT_YET = "not_yet"  # it waits after a failed attempt
    ENDED = "ended"  # its status is terminal: clean up
    CONTENDED = "contended"  # another consumer was faster
    TAKEN = "taken"  # the id is that of a job that asks for something else


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A job that was not claimed; looking again before `retry_after_s` is of no use."""

    verdict: Verdict
    retry_after_s: float
    status: Status | None
    #: Whether it was this claim that ended the job.
    ended_here: bool = False


class LeaseObservations:
    """How long each record has been seen unchanged, by our own monotonic clock; bounded."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._first_seen: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._first_seen

    def unchanged_for_s(self, job_id: str, etag: str) -> float:
        """Seconds since this ETag was first seen; remembers it."""
        now = self._monotonic()
        known, since = self._first_seen.pop(job_id, (etag, now))
        if known != etag:
            since = now
        self._first_seen[job_id] = (etag, since)
        if len(self._first_seen) > _MAX_OBSERVED:
            self._first_seen.popitem(last=False)
        return now - since

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended or is now ours."""
        self._first_seen.pop(job_id, None)


def refusal(
    stored: Stored, policy: LeasePolicy, *, unchanged_for_s: float, cancel_requested: bool
) -> Refusal | None:
    """Say why this record may not be claimed now, None if it may.

    A lease is over when the store's clock says that its last write is older than ttl + grace, or, should
    that clock be nonsense, when we ourselves have seen the same record for that long. A cancelled job need
    not wait for `not_before`.
    """
    status = stored.status
    if status.terminal:
        return Refusal(verdict=Verdict.ENDED, retry_after_s=0, status=status)
    store_now = stored.info.store_now
    if status.status == "processing":
        limit_s = (status.lease.ttl_s if status.lease else policy.ttl_s) + policy.grace_s
        age_s = (store_now - stored.info.last_modified).total_seconds()
        left_s = limit_s - max(age_s, unchanged_for_s)
        if left_s >= 0:
            return Refusal(verdict=Verdict.LIVE, retry_after_s=left_s + _CLOCK_STEP_S, status=status)
    elif status.not_before and status.not_before > store_now and not cancel_requested:
        wait_s = (status.not_before - store_now).total_seconds()
        return Refusal(verdict=Verdict.NOT_YET, retry_after_s=wait_s, status=status)
    return None
