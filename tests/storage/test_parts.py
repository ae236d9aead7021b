"""Parts of a job: the job rests while they are announced, and nothing of them outlives it."""

from datetime import timedelta
from pathlib import Path

import pytest

from storage import keys
from storage.errors import InvalidManifest
from storage.inbox.inbox import Inbox
from storage.lease.cas import read_record
from storage.lease.leases import Lease, LeasePolicy, Leases, Refusal, Verdict
from storage.parts import Parts, part_in
from storage.records.manifest import Manifest, read_manifest
from storage.records.status import AttemptFailure, Progress, Segments, Status
from storage.scratch import BucketScratches, clear_scratch, describe_piece
from storage.stores.memory_store import MemoryStore
from storage.upkeep.forget import forget, look_up_job
from storage.upkeep.queries import newest_first, purge, run_again
from storage.upkeep.rounds import Rounds
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import CountingStore

JOB = "film"
PLAN = "ab" * 32
ASKED = {"process_type": "single-video", "source": "uploads/a.png", "target": "uploads/b.mp4"}
FAILURE = AttemptFailure(attempt=1, code="internal", message="It broke.", stage="swap", at=EPOCH)


class Bucket:
    """A bucket with one video, which its consumer shares out."""

    def __init__(self, **asked: object) -> None:
        self.time = VirtualTime()
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)
        self.parts = Parts(self.store)
        self.asked = read_manifest({**ASKED, "job_id": JOB, **asked})

    def leases(self, **policy: int) -> Leases:
        return Leases(
            self.store,
            owner="owner",
            policy=LeasePolicy(**policy),
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            wall=self.time.store,
        )

    async def claim(self, asked: Manifest, **policy: int) -> Lease:
        document = asked.model_dump(mode="json", exclude_none=True)
        claimed = await self.leases(**policy).claim(asked.job_id or "", document)
        assert isinstance(claimed, Lease)
        return claimed

    async def share(self, *, done: int = 0, total: int = 12, each: int = 4) -> None:
        """The job is claimed, parts of it are announced, and it is given back."""
        lease = await self.claim(self.asked)
        runs = [(first, first + each) for first in range(done, total, each)]
        await self.parts.announce(self.asked, JOB, PLAN, runs)
        lease.report("swap", Progress(segments=Segments(done=done, total=total)))
        await lease.share()
        self.time.advance(60)

    async def keep(self, folder: Path, *numbers: int) -> None:
        scratch = BucketScratches(self.memory).of(JOB, PLAN)
        (folder / "piece").write_bytes(b"segment")
        piece = describe_piece(folder / "piece", {})
        for number in numbers:
            await scratch.keep(number, folder / "piece", piece, extension="mp4", content_type="video/mp4")

    async def announced(self) -> list[Manifest]:
        found = [await Inbox(self.memory).open(entry) for entry in (await Inbox(self.memory).scan()).entries]
        return [each.manifest for each in found if each.manifest is not None]

    async def status(self, job_id: str = JOB) -> Status:
        stored = await read_record(self.memory, job_id)
        assert stored is not None
        return stored.status

    async def left(self) -> set[str]:
        return {listed.key for listed in (await self.memory.list("")).objects}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


async def test_a_job_rests_as_long_as_a_part_is_announced(bucket: Bucket) -> None:
    assert await bucket.parts.resting(JOB) is None
    await bucket.share()
    looks = []
    for manifest in await bucket.announced():
        rests = await bucket.parts.resting(JOB)
        assert rests is not None
        looks.append(rests.parts)
        await bucket.memory.delete([keys.manifest(manifest.job_id or "")])
    assert looks == [3, 2, 1]
    bucket.store.calls.clear()
    assert await bucket.parts.resting(JOB) is None
    assert [op for op, _ in bucket.store.calls] == ["list"]


async def test_a_job_that_was_given_back_for_its_parts_has_lost_no_attempt_and_shows_what_is_done(
    bucket: Bucket,
) -> None:
    await bucket.share(done=3)
    status = await bucket.status()
    assert (status.status, status.stage, status.lease, status.not_before) == ("pending", "swap", None, None)
    assert (status.attempt, status.max_attempts, status.error) == (1, 4, None)
    assert (status.progress.percent, status.progress.segments) == (25, Segments(done=3, total=12, reused=3))
    assert (await bucket.claim(bucket.asked)).attempt == 2


async def test_whoever_looks_tells_in_the_record_how_many_segments_are_done(
    bucket: Bucket, tmp_path: Path
) -> None:
    await bucket.share()
    before = await bucket.status()
    await bucket.keep(tmp_path, 0, 1, 5)
    await bucket.parts.resting(JOB)
    told = await bucket.status()
    assert told.progress.segments == Segments(done=3, total=12, reused=3)
    assert (told.rev, told.attempt, told.max_attempts) == (
        before.rev + 1,
        before.attempt,
        before.max_attempts,
    )
    await bucket.keep(tmp_path, 6)
    await bucket.parts.resting(JOB)
    assert await bucket.status() == told  # told a moment ago
    bucket.time.advance(60)
    await bucket.claim(bucket.asked)
    bucket.time.advance(60)
    owned = await bucket.status()
    await bucket.parts.resting(JOB)
    assert await bucket.status() == owned  # its owner tells


async def test_a_job_whose_end_is_asked_for_rests_no_longer(bucket: Bucket) -> None:
    await bucket.share()
    await bucket.memory.put(keys.cancel(JOB), b"", content_type="text/plain")
    rests = await bucket.parts.resting(JOB)
    assert rests is not None
    assert rests.cancelled
    refused = await bucket.leases().claim(JOB, None)
    assert isinstance(refused, Refusal)
    assert (refused.verdict, refused.ended_here) == (Verdict.ENDED, True)


async def test_a_part_asks_for_what_its_job_asks_for_and_calls_nobody() -> None:
    bucket = Bucket(callback_url="https://sender.example/hook", consent={"attested": True})
    await bucket.share(total=4)
    [part] = await bucket.announced()
    assert part.job_id == keys.part(JOB, PLAN, 0)
    assert part.callback_url is None
    assert part.part is not None
    kept = part.model_copy(update={"part": None, "job_id": JOB, "callback_url": bucket.asked.callback_url})
    assert kept == bucket.asked
    assert await bucket.parts.is_wanted(part)
    assert part_in((await bucket.claim(part)).status) == part.part


async def test_a_part_is_not_wanted_by_a_job_that_asks_for_something_else_or_has_ended(
    bucket: Bucket,
) -> None:
    await bucket.share(total=4)
    [part] = await bucket.announced()
    for strange in (
        part.model_copy(update={"target": "uploads/c.mp4"}),
        part.model_copy(update={"job_id": "mine"}),
        part.model_copy(update={"part": None}),
    ):
        assert not await bucket.parts.is_wanted(strange)
    assert await bucket.parts.is_wanted(part)
    await (await bucket.claim(bucket.asked)).cancelled()
    assert not await bucket.parts.is_wanted(part)
    await bucket.memory.delete([keys.status(JOB)])
    assert not await bucket.parts.is_wanted(part)


async def test_parts_announced_twice_are_there_once(bucket: Bucket) -> None:
    assert not await bucket.parts.are_announced(JOB, PLAN)
    await bucket.share()
    before = await bucket.left()
    await bucket.parts.announce(bucket.asked, JOB, PLAN, [(0, 4), (4, 8), (8, 12)])
    assert await bucket.parts.are_announced(JOB, PLAN)
    assert not await bucket.parts.are_announced(JOB, "cd" * 32)
    assert await bucket.left() == before


async def test_a_part_that_is_made_has_ended_without_a_result(bucket: Bucket) -> None:
    await bucket.share(total=4)
    [part] = await bucket.announced()
    ended = await (await bucket.claim(part)).complete_part()
    assert (ended.status, ended.result) == ("completed", None)


async def test_a_part_that_used_up_its_attempts_is_no_dead_letter(bucket: Bucket) -> None:
    await bucket.share(total=4)
    [part] = await bucket.announced()
    lease = await bucket.claim(part, max_attempts=1)
    ended = await lease.retry(FAILURE, delay_s=0)
    assert ended.error is not None
    assert ended.error.code == "attempts_exhausted"
    assert not [key for key in await bucket.left() if key.startswith(keys.DEAD_LETTER)]


async def test_lists_of_jobs_have_no_parts_and_none_is_done_again(bucket: Bucket) -> None:
    await bucket.share(total=4)
    [part] = await bucket.announced()
    ended = await (await bucket.claim(part)).complete_part()
    assert [status.job_id async for status in newest_first(bucket.store)] == [JOB]
    with pytest.raises(InvalidManifest, match="is a part of another job"):
        await run_again(bucket.store, ended)


@pytest.mark.parametrize("way", ["cleared", "purged", "forgotten", "rounds"])
async def test_nothing_of_a_part_outlives_what_is_left_of_its_job(
    bucket: Bucket, tmp_path: Path, way: str
) -> None:
    await bucket.share()
    await bucket.keep(tmp_path, 0, 1)
    first, second, _ = await bucket.announced()
    await (await bucket.claim(first)).complete_part()
    await bucket.claim(second)
    rounds = Rounds(bucket.store, Inbox(bucket.store), bucket.leases())
    bucket.time.advance(timedelta(hours=1).total_seconds())
    await rounds.step()
    assert keys.status(first.job_id or "") in await bucket.left()  # its job goes on
    await (await bucket.claim(bucket.asked)).cancelled()
    if way == "cleared":
        await clear_scratch(bucket.store, JOB)
    elif way == "purged":
        await purge(bucket.store, JOB)
    elif way == "forgotten":
        await forget(bucket.store, await look_up_job(bucket.store, JOB))
    else:
        bucket.time.advance(timedelta(hours=1).total_seconds())
        await rounds.step()
    assert not [key for key in await bucket.left() if key.startswith(keys.SCRATCH) or "-part-" in key]


async def test_only_a_part_of_a_dropped_folder_may_read_it(bucket: Bucket) -> None:
    folder = keys.inbox_folder("pair")
    for file in ("source.png", "target.mp4"):
        await bucket.memory.put(folder + file, b"file", content_type="application/octet-stream")
    [entry] = (await Inbox(bucket.memory, settle_s=0).scan()).entries
    dropped = await Inbox(bucket.memory).open(entry)
    assert dropped.manifest is not None
    await bucket.parts.announce(dropped.manifest, dropped.job_id, PLAN, [(0, 4)])
    await bucket.parts.announce(dropped.manifest, "another", PLAN, [(0, 4)])
    folders = {
        part.part.parent: await bucket.parts.folder(part) for part in await bucket.announced() if part.part
    }
    assert folders == {dropped.job_id: folder, "another": None}
    await bucket.memory.delete([folder + "target.mp4"])
    own = next(part for part in await bucket.announced() if part.part and part.part.parent == dropped.job_id)
    assert await bucket.parts.folder(own) is None
