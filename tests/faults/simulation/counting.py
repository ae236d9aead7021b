"""Which claims count as attempts, by what really happened and not by what the record says."""

from collections import Counter

from storage.records.status import Status

_UNCOUNTED_AT_MOST = 3  # of the claims whose owner died, those that were given back before among them


class AttemptCount:
    """Knows whose work had begun, and how many claims of each job went uncounted."""

    def __init__(self) -> None:
        self._begun: set[tuple[str, int]] = set()
        self._uncounted = Counter[str]()

    def begun(self, job: str, attempt: int) -> None:
        """Know that the work of an attempt has begun, whether its record tells so yet or not."""
        self._begun.add((job, attempt))

    def objection(self, old: Status | None, new: Status, author: str) -> str | None:
        """What is wrong with how the step from `old` to `new` counts the attempt that `old` shows."""
        if old is None or old.status != "processing":
            return None if old is None or new.max_attempts == old.max_attempts else "nothing was to be raised"
        is_free = new.max_attempts > old.max_attempts
        if new.status == "pending":
            self._uncounted[new.job_id] += is_free
            return None
        if not _is_taken_over(old, new, author):
            return "nobody has given it back" if is_free else None
        return self._objection_to_takeover(old, new, is_free=is_free)

    def _objection_to_takeover(self, old: Status, new: Status, *, is_free: bool) -> str | None:
        job, told = new.job_id, {each.attempt for each in new.error.attempts} if new.error else set()
        if is_free == (old.attempt in told):
            return f"whether attempt {old.attempt} counts is told in two ways"
        has_begun = (job, old.attempt) in self._begun
        if not is_free:
            spared = self._uncounted[job] < _UNCOUNTED_AT_MOST and not has_begun
            return f"attempt {old.attempt} was only claimed, and counts" if spared else None
        self._uncounted[job] += 1
        if has_begun and old.stage != "queued":
            return f"attempt {old.attempt} was at work for all to see, and does not count"
        return "too many claims do not count" if self._uncounted[job] > _UNCOUNTED_AT_MOST else None


def _is_taken_over(old: Status, new: Status, author: str) -> bool:
    """Whether this is a claim of a job whose owner died, or the end that it led to."""
    if new.status == "processing":
        return new.attempt > old.attempt
    is_exhausted = new.error is not None and new.error.code == "attempts_exhausted"
    return is_exhausted and old.lease is not None and old.lease.owner != author
