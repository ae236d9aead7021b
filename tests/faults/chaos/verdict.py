"""What became of the jobs: every write to every status record, and what lies in the bucket at the end."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from tests.faults.chaos.jobs import Dropped
from tests.support.buckets import keys_below

_MAX_BYTES = 1 << 20


@dataclass(kw_only=True)
class Verdict:
    """The outcome, by job id where something is wrong; `ends` and `attempts` count jobs."""

    jobs: int
    ends: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong_ends: list[str] = field(default_factory=list)
    wrong_results: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    inbox_left: list[str] = field(default_factory=list)
    temp_left: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, list[str]]:
        """Everything that must be empty."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "wrong terminal status": self.wrong_ends,
            "wrong result": self.wrong_results,
            "unknown job": self.strangers,
            "inbox left": self.inbox_left,
            "stray temp files": self.temp_left,
            "crashed consumers": self.crashes,
        }

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, done twice or left behind."""
        return not any(self.faults.values())


def end_of(status: Status) -> str:
    """A record's state, and its code where it has one."""
    return f"{status.status} {status.error.code}" if status.terminal and status.error else status.status


def by_job(written: Iterable[bytes]) -> dict[str, list[Status]]:
    """Every revision that was written of each job, in order."""
    found: dict[str, list[Status]] = defaultdict(list)
    for body in written:
        status = Status.from_bytes(body)
        found[status.job_id].append(status)
    return {job_id: sorted(revisions, key=lambda each: each.rev) for job_id, revisions in found.items()}


def history_fault(revisions: Sequence[Status], stands: Status) -> str | None:
    """Why the writes to one record are not one chain with one end, None when they are.

    Two winners of one compare-and-swap show as a revision written twice, a terminal status that changed as
    an end before the last one.
    """
    if [each.rev for each in revisions] != list(range(1, len(revisions) + 1)):
        return f"revisions {[each.rev for each in revisions]}"
    ends = [each.rev for each in revisions if each.terminal]
    if len(ends) > 1 or (ends and ends[0] != len(revisions)):
        return f"ended at revisions {ends} of {len(revisions)}"
    if revisions[-1].write_id != stands.write_id:
        return "what stands was not written last"
    return None


async def judge(dropped: Mapping[str, Dropped], written: Iterable[bytes], store: ObjectStore) -> Verdict:
    """Compare what was dropped with what was written and with what lies in the bucket now."""
    verdict, histories = Verdict(jobs=len(dropped)), by_job(written)
    standing = {
        key.removeprefix(keys.STATUS).removesuffix(".json"): Status.from_bytes(
            (await store.get(key, max_bytes=_MAX_BYTES)).body
        )
        for key in await keys_below(store, keys.STATUS)
    }
    verdict.strangers = sorted(standing.keys() - dropped.keys())
    verdict.inbox_left = await keys_below(store, keys.INBOX)
    for job in dropped.values():
        status = standing.get(job.job_id)
        if status is None or not status.terminal:
            verdict.lost.append(f"{job.job_id} ({job.kind}): {status.status if status else 'no record'}")
            continue
        verdict.ends[end_of(status)] += 1
        verdict.attempts[status.attempt] += 1
        if fault := history_fault(histories.get(job.job_id, []), status):
            verdict.duplicated.append(f"{job.job_id}: {fault}")
        if end_of(status) not in job.ends:
            verdict.wrong_ends.append(f"{job.job_id} ({job.kind}): {end_of(status)}")
        if not await _result_is_right(job, status, store):
            verdict.wrong_results.append(job.job_id)
    return verdict


async def _result_is_right(job: Dropped, status: Status, store: ObjectStore) -> bool:
    if status.status != "completed" or status.result is None:
        return status.result is None
    listed = await store.list(status.result.key)
    if not listed.objects:
        return False
    body = (await store.get(status.result.key, max_bytes=_MAX_BYTES)).body
    expected = job.expected()
    return (
        hashlib.sha256(body).hexdigest() == status.result.sha256
        and expected is not None
        and np.array_equal(decode(body, Limits()).bgr, expected)
    )
