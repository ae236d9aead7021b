"""Holds every write to the bucket, and the bucket at the end, to what the protocol promises."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.faults.simulation.counting import AttemptCount
from tests.faults.simulation.loop import PROCESS
from tests.faults.simulation.process import SimulatedWork
from tests.support.stores import Op, T, WrappedStore


class Violation(AssertionError):
    """A promise of the protocol is broken."""


class RefereedBucket(WrappedStore):
    """A bucket that shows every write to a referee as it is done."""

    def __init__(self, clock: Callable[[], datetime], referee: "Referee") -> None:
        self._memory = MemoryStore(clock)
        super().__init__(self._memory)
        self._referee = referee
        referee.bucket = self

    def body(self, key: str) -> bytes | None:
        """What lies under a key now."""
        entry = self._memory._entries.get(key)
        return entry.body if entry else None

    def keys_below(self, prefix: str) -> list[str]:
        """The keys that are there now."""
        return [key for key in self._memory._entries if key.startswith(prefix)]

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        before = self.body(key)
        answer = await call()
        after = self.body(key)
        if op in {"put", "put_file"} and after is not None:
            self._referee.written(key, before, after)
        return answer

    async def lose(self, key: str) -> None:
        """Remove an object from outside, which the referee does not judge."""
        await super().delete([key])

    async def delete(self, keys: Sequence[str]) -> None:
        self._referee.deleted([key for key in keys if self.body(key) is not None])
        await super().delete(keys)


class Referee:
    """Knows which jobs there are, who works on them, and what may not happen."""

    def __init__(
        self,
        *,
        max_attempts: int,
        workers: Callable[[str], Iterable[SimulatedWork]],
        note: Callable[[str], None],
    ) -> None:
        self.bucket: RefereedBucket
        self.entries: dict[str, str] = {}  # job ids by inbox key
        self.jobs: set[str] = set()
        self.records: dict[str, Status] = {}
        self.attempts = AttemptCount()
        self._max_attempts = max_attempts
        self._workers = workers
        self._note = note
        self._authors: dict[str, str] = {}

    @property
    def unfinished(self) -> list[str]:
        """Announced jobs without a terminal status."""
        return [job for job in sorted(self.jobs) if not self._has_ended(job)]

    def expect(self, job: str, entry: Iterable[str]) -> None:
        """Know of a job that has been announced, and of its inbox keys."""
        self.jobs.add(job)
        self.entries |= dict.fromkeys(entry, job)

    def written(self, key: str, before: bytes | None, body: bytes) -> None:
        """Judge a PUT that has taken effect."""
        author = PROCESS.get()
        if key.startswith(keys.STATUS):
            old, new = (Status.from_bytes(before) if before else None), Status.from_bytes(body)
            self._note(
                f"  {new.job_id}: {new.status}, attempt {new.attempt} of {new.max_attempts}, rev {new.rev}"
            )
            self._judge_step(old, new, author)
            self.records[new.job_id] = new
        elif key.startswith(keys.RESULTS) and self._authors.setdefault(key, author) != author:
            raise Violation(f"{key} was written by {self._authors[key]} and by {author}")

    def deleted(self, gone: Iterable[str]) -> None:
        """Judge a DELETE that is about to take effect."""
        for key in gone:
            job = self.entries.get(key) or key.removeprefix(keys.CANCEL)
            if not self._has_ended(job):
                raise Violation(f"{key} was deleted before {job} had ended")

    def acknowledged(self, job: str, *, at_claim: bool) -> None:
        """Judge the removal of a job's message from the queue."""
        self._note(f"  acknowledges a message of {job}")
        if not (job in self.records if at_claim else self._has_ended(job)):
            raise Violation(f"a message of {job} was acknowledged too early")

    def judge_the_end(self) -> None:
        """Judge the bucket after everything has come to rest."""
        left = self.bucket.keys_below(keys.INBOX)
        if self.unfinished or left:
            raise Violation(f"never ended: {self.unfinished}; left in the inbox: {left}")
        for job, status in self.records.items():
            exhausted = status.error is not None and status.error.code == "attempts_exhausted"
            if exhausted != (self.bucket.body(keys.dead_letter(job)) is not None):
                raise Violation(f"{job}: its dead letter does not tell what its status tells")
            self._judge_result(status)

    def _judge_step(self, old: Status | None, new: Status, author: str) -> None:
        if old is not None and old.terminal:
            raise Violation(f"{new.job_id}: a terminal status changed from {old.status} to {new.status}")
        allowed = old.max_attempts + 1 if old else self._max_attempts
        if new.attempt > new.max_attempts or new.max_attempts > allowed:
            raise Violation(f"{new.job_id}: more attempts than allowed")
        if (objection := self.attempts.objection(old, new, author)) is not None:
            raise Violation(f"{new.job_id}: {objection}")
        if old is not None and new.status == "processing" and new.max_attempts > old.max_attempts:
            self._note(f"  {new.job_id}: attempt {old.attempt} was only claimed and does not count")
        if old is not None and (new.attempt < old.attempt or new.rev <= old.rev):
            raise Violation(f"{new.job_id}: an older record has replaced a newer one")
        if old is not None and old.lease is not None and old.lease.owner != author:
            self._judge_takeover(new, by=author)
        if new.status == "completed":
            if old is None or old.lease is None or (old.attempt, old.lease.owner) != (new.attempt, author):
                raise Violation(f"{new.job_id}: completed by {author}, which did not own it")
            self._judge_result(new)

    def _judge_takeover(self, new: Status, *, by: str) -> None:
        for work in self._workers(new.job_id):
            raise Violation(f"{new.job_id}: {by} has taken it over from {work.owner}, which works on it")

    def _judge_result(self, status: Status) -> None:
        if status.result is None:
            return
        body = self.bucket.body(status.result.key)
        if body is None or hashlib.sha256(body).hexdigest() != status.result.sha256:
            raise Violation(f"{status.job_id}: the visible result is not the one its status tells of")
        if int(body.split()[1]) != status.attempt:
            raise Violation(f"{status.job_id}: the visible result is another attempt's")

    def _has_ended(self, job: str) -> bool:
        return job in self.records and self.records[job].terminal
