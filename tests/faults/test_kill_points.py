"""`kill -9` of a real consumer before and after every call to the store, for every way a job can end."""

import asyncio
import hashlib
import json
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from storage import keys
from storage.lease import transitions
from storage.records.status import AttemptFailure, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.consumers import consumer_environment
from tests.support.copying import WITH_COPY, files_below
from tests.support.engines import FlatEngine, picture, png
from tests.support.failpoints import Conditions, Failpoint, forked_consumer
from tests.support.jobs import SOURCE_BGR, drop_job, ended, inbox_empty, reached, running
from tests.support.stores import CountingStore, Op

pytestmark = [pytest.mark.seaweedfs, pytest.mark.timeout(300)]

JOB = "job"
ATTEMPTS = 3
WRITES = {"put", "put_file", "copy", "delete"}
_SIDE_BY_SIDE = 8
_HEIR = {
    "max_input_bytes": 100_000,
    "lease_ttl_s": 20,
    "settle_s": 0,
    "poll_min_s": 0.05,
    "poll_max_s": 0.1,
    "max_attempts": ATTEMPTS,
}
_VICTIM = {**_HEIR, "lease_ttl_s": 2}  # soon over, and yet long enough for a busy machine
_SHOWS_AFTER_S = 2.0  # of work the record tells of it: a third of the lease, and a second to notice
Step = tuple[Op, str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A job that takes one way through the protocol: what is dropped, how it ends, and its calls in order.

    The two inputs are asked for at once, so that their order is left open.
    """

    name: str
    drop: Callable[[ObjectStore], Awaitable[None]]
    end: str
    steps: Sequence[Step]


async def drop_manifest(store: ObjectStore, *, faces: bool = True) -> None:
    target = picture() if faces else picture(faces=())
    for name, body in (("source", png(picture(colour=SOURCE_BGR))), ("target", png(target))):
        await store.put(f"{keys.UPLOADS}{name}.png", body, content_type="image/png")
    manifest = {
        "version": 1,
        "job_id": JOB,
        "process_type": "single-image",
        "source": "uploads/source.png",
        "target": "uploads/target.png",
    }
    await store.put(keys.manifest(JOB), json.dumps(manifest).encode(), content_type="application/json")


async def drop_bad(store: ObjectStore) -> None:
    await drop_manifest(store, faces=False)


async def drop_folder(store: ObjectStore) -> None:
    for name, body in (("source", png(picture(colour=SOURCE_BGR))), ("target", png(picture()))):
        await store.put(f"{keys.INBOX}{JOB}/{name}.png", body, content_type="image/png")


async def drop_large(store: ObjectStore) -> None:
    """What is larger than pictures may be, and so goes through files."""
    await store.put(f"{keys.UPLOADS}large.bin", bytes(300_000), content_type="application/octet-stream")
    manifest = {"version": 1, "job_id": JOB, "process_type": "copy", "target": "uploads/large.bin"}
    await store.put(keys.manifest(JOB), json.dumps(manifest).encode(), content_type="application/json")


async def drop_cancelled(store: ObjectStore) -> None:
    await store.put(keys.cancel(JOB), b"", content_type="text/plain")
    await drop_manifest(store)


async def drop_exhausted(store: ObjectStore) -> None:
    """A job whose last attempt has been given back a while ago."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    fresh = transitions.new_record(JOB, now=now, created_at=now, max_attempts=1, manifest=None)
    claimed = transitions.claimed(fresh, now=now, owner="gone", ttl_s=1)
    failure = AttemptFailure(attempt=1, code="internal", message="Away.", stage="swap", at=now)
    given_back = transitions.retried(claimed, now=now, failure=failure, not_before=now)
    await store.put(keys.status(JOB), given_back.to_bytes(), content_type="application/json")
    await drop_manifest(store)


FOUND: list[Step] = [("list", "inbox/"), ("get", "inbox/job.json"), ("head", "cancel/job")]
LIST: Step = ("get", "denylist.json")
READ: list[Step] = [LIST, ("stream", "uploads/source.png"), ("stream", "uploads/target.png")]
CAS: Step = ("put", "status/job")
KINDS = [
    Kind(
        name="manifest",
        drop=drop_manifest,
        end="completed",
        steps=[
            *FOUND,
            CAS,
            *READ,
            ("put", "results/job/"),
            ("head", "cancel/job"),
            CAS,
            ("delete", "inbox/job.json"),
        ],
    ),
    Kind(
        name="folder",
        drop=drop_folder,
        end="completed",
        steps=[
            ("list", "inbox/"),
            ("head", "cancel/job"),
            CAS,
            LIST,
            ("stream", "inbox/job/source.png"),
            ("stream", "inbox/job/target.png"),
            ("put", "results/job"),
            ("head", "cancel/job"),
            CAS,
            ("list", "inbox/job/"),
            ("copy", "archive/job"),
            ("copy", "archive/job"),
            ("delete", "inbox/job/source.png"),
        ],
    ),
    Kind(
        name="bad input",
        drop=drop_bad,
        end="failed no_face_in_target",
        steps=[*FOUND, CAS, *READ, CAS, ("delete", "inbox/job.json")],
    ),
    Kind(
        name="large",
        drop=drop_large,
        end="completed",
        steps=[
            *FOUND,
            CAS,
            ("stream", "uploads/large.bin"),
            ("put_file", "results/job/"),
            ("head", "cancel/job"),
            CAS,
            ("delete", "inbox/job.json"),
        ],
    ),
    Kind(
        name="cancelled",
        drop=drop_cancelled,
        end="cancelled",
        steps=[*FOUND, CAS, ("delete", "inbox/job.json")],
    ),
    Kind(
        name="exhausted",
        drop=drop_exhausted,
        end="failed attempts_exhausted",
        steps=[
            *FOUND,
            CAS,
            ("get", "status/job"),
            CAS,
            ("put", "dead-letter/job"),
            ("delete", "inbox/job.json"),
        ],
    ),
]
BY_NAME = {kind.name: kind for kind in KINDS}


def failpoints(kind: Kind) -> list[Failpoint]:
    """Before and after each of its calls."""
    points: list[Failpoint] = []
    for number, (op, key) in enumerate(kind.steps):
        nth = 1 + sum(other == op and earlier.startswith(key) for other, earlier in kind.steps[:number])
        whens: tuple[Literal["before", "after"], ...] = ("before", "after")
        points += [Failpoint(op=op, key=key, nth=nth, when=when) for when in whens]
    return points


async def status_of_the_job(store: ObjectStore) -> Status:
    [key] = await keys_below(store, keys.STATUS)
    return await ended(store, key.removeprefix(keys.STATUS).removesuffix(".json"))


async def survive(kind: Kind, point: Failpoint, server: S3Settings, folder: Path) -> None:
    """Kill a consumer at a point; a second one must bring the job to its one end."""
    async with fresh_bucket(server) as (store, settings):
        await kind.drop(store)
        with forked_consumer(
            consumer_environment(settings, **_VICTIM), folder, Conditions(failpoint=point)
        ) as victim:
            assert await victim.exit_code() == -signal.SIGKILL, victim.output()
            assert kind.name == "large" or not files_below(victim.temp)
        work = {"work_dir": victim.temp / "swapdrop"}
        async with running(store, FlatEngine(), kinds=WITH_COPY, **_HEIR, **work):
            await inbox_empty(store)
        assert not files_below(victim.temp)  # the heir has removed what the dead one left
        await check(kind, store)


async def check(kind: Kind, store: ObjectStore) -> None:
    status = await status_of_the_job(store)
    code = f" {status.error.code}" if status.error else ""
    assert f"{status.status}{code}" == kind.end
    assert 0 <= status.attempt <= status.max_attempts
    results = await keys_below(store, keys.RESULTS)
    if status.status == "completed":
        assert status.result is not None
        body = (await store.get(status.result.key, max_bytes=1 << 20)).body
        assert hashlib.sha256(body).hexdigest() == status.result.sha256
        assert f"/{status.attempt}-" in status.result.key
        assert len(results) <= status.attempt
    else:
        assert not results
    assert not await keys_below(store, keys.CANCEL)
    assert len(await keys_below(store, keys.DEAD_LETTER)) == (kind.name == "exhausted")
    assert len(await keys_below(store, keys.ARCHIVE)) == (2 if kind.name == "folder" else 0)


async def survive_all(cases: Sequence[tuple[Kind, Failpoint]], server: S3Settings, folder: Path) -> None:
    """Several at once, because most of a case is waiting for a lease to lapse."""
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(number: int, kind: Kind, point: Failpoint) -> None:
        async with gate:
            await survive(kind, point, server, folder / str(number))

    outcomes = await asyncio.gather(
        *(one(number, kind, point) for number, (kind, point) in enumerate(cases)), return_exceptions=True
    )
    failed = {
        f"{kind.name}: {point.when} {point.op} {point.key} #{point.nth}": outcome
        for (kind, point), outcome in zip(cases, outcomes, strict=True)
        if outcome is not None
    }
    assert not failed


@pytest.mark.parametrize("name", BY_NAME)
async def test_the_calls_that_consumers_are_killed_at_are_all_there_are(name: str) -> None:
    kind, bucket = BY_NAME[name], MemoryStore()
    await kind.drop(bucket)
    store = CountingStore(bucket)
    async with running(store, FlatEngine(), kinds=WITH_COPY, **_HEIR):
        await inbox_empty(bucket)
        await status_of_the_job(bucket)
    polls = ("list", "inbox/")
    made = [polls, *(call for call in store.calls if call != polls)]
    fitting = [
        op == known and key.startswith(start)
        for (op, key), (known, start) in zip(made, kind.steps, strict=True)
    ]
    assert all(fitting), made


async def test_a_kill_after_any_write_costs_neither_the_job_nor_its_one_end(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    cases = [
        (kind, point)
        for kind in (
            BY_NAME["folder"],
            BY_NAME["large"],
            BY_NAME["exhausted"],
        )  # between them every kind of write
        for point in failpoints(kind)
        if point.op in WRITES and point.when == "after"
    ]
    await survive_all(cases, seaweedfs_s3, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("name", BY_NAME)
async def test_a_kill_before_or_after_any_call_costs_neither_the_job_nor_its_one_end(
    name: str, seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    kind = BY_NAME[name]
    await survive_all([(kind, point) for point in failpoints(kind)], seaweedfs_s3, tmp_path)


async def test_jobs_that_a_killed_consumer_had_only_claimed_lose_no_attempt(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings, **_VICTIM)
        with forked_consumer(environment, tmp_path / "victim", Conditions(swap_s=60)) as victim:
            begun = await drop_job(store)
            await reached(store, begun, lambda status: status.stage == "swap")
            waiting = [await drop_job(store) for _ in range(2)]
            for job in waiting:
                await reached(store, job, lambda status: status.rev > 1)  # it has waited for a heartbeat
            victim.send(signal.SIGKILL)
            assert await victim.exit_code() == -signal.SIGKILL, victim.output()
        async with running(store, FlatEngine(), **_HEIR):
            done = [await ended(store, job) for job in (begun, *waiting)]
        assert {(status.status, status.attempt) for status in done} == {("completed", 2)}
        assert [status.max_attempts - ATTEMPTS for status in done] == [0, 1, 1]


@pytest.mark.faults
@pytest.mark.parametrize(
    ("swap_s", "uncounted"), [(_SHOWS_AFTER_S, 0), (0, 3)], ids=["at its work", "before its work shows"]
)
async def test_a_job_that_kills_every_consumer_ends_after_max_attempts_with_one_dead_letter(
    seaweedfs_s3: S3Settings, tmp_path: Path, swap_s: float, uncounted: int
) -> None:
    conditions = Conditions(failpoint=Failpoint(op="put", key=keys.RESULTS, when="after"), swap_s=swap_s)
    first, last = uncounted + 1, uncounted + 2
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        await drop_manifest(store)
        environment = consumer_environment(settings, **{**_VICTIM, "max_attempts": 2})
        for number in range(last):
            with forked_consumer(environment, tmp_path / str(number), conditions) as victim:
                assert await victim.exit_code() == -signal.SIGKILL, victim.output()
        async with running(store, FlatEngine(), **_HEIR):
            await inbox_empty(store)
        status = await status_of_the_job(store)
        assert status.error is not None
        assert (status.status, status.error.code, status.attempt) == ("failed", "attempts_exhausted", last)
        assert [attempt.attempt for attempt in status.error.attempts] == [first, last]
        assert status.result is None  # all lie there, and nothing leads to any
        results = await keys_below(store, keys.RESULTS)
        assert [key.partition("-")[0] for key in results] == [f"results/job/{n + 1}" for n in range(last)]
        assert await keys_below(store, keys.DEAD_LETTER) == [keys.dead_letter("job")]
