"""Every answer a store may give on a bad day, at every call of a job: retried or refused, never half-read."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import open_s3_store
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.engines import FlatEngine, picture, png
from tests.support.fault_proxy import (
    BROKEN,
    CONFLICT,
    NOT_FOUND,
    PRECONDITION,
    SLOW_DOWN,
    THROTTLED,
    Action,
    Cut,
    Delay,
    DropReply,
    FaultProxy,
    Replace,
    Rule,
    S3Op,
    Truncate,
    fault_proxy,
)
from tests.support.jobs import SOURCE_BGR, announce, ended, inbox_empty, running, upload_pair

pytestmark = pytest.mark.seaweedfs

_ANYWHERE: Sequence[Action] = (BROKEN, SLOW_DOWN, THROTTLED, Cut(), DropReply(), Delay(0.5))
_CAS: Sequence[Action] = (*_ANYWHERE, CONFLICT, PRECONDITION)
_READ: Sequence[Action] = (*_ANYWHERE, Truncate(0.5), Truncate(0.0))
# Each call of a manifest job, with `{job}` for its id, and what may befall it. The listing is shared by all
# jobs, so that it is struck in a test of its own.
_CALLS: Sequence[tuple[S3Op, str, int, Sequence[Action]]] = (
    ("get", "inbox/{job}.json", 1, _READ),
    ("head", "cancel/{job}", 1, _ANYWHERE),
    ("put", "status/{job}.json", 1, _CAS),
    ("get", "uploads/{job}-source.png", 1, _READ),
    ("get", "uploads/{job}-target.png", 1, (*_READ, NOT_FOUND)),
    ("put", "results/{job}/1-*.png", 1, _ANYWHERE),
    ("head", "cancel/{job}", 2, _ANYWHERE),
    ("put", "status/{job}.json", 2, _CAS),
    ("delete", "inbox/{job}.json", 1, _ANYWHERE),
)
_PATIENT = {"missing_grace_s": 30, "lease_ttl_s": 60}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One job with one fault at one of its calls."""

    job: str
    rule: Rule


def cases() -> list[Case]:
    found: list[Case] = []
    for op, key, nth, actions in _CALLS:
        for action in actions:
            job = f"job-{len(found):02d}"
            found.append(Case(job=job, rule=Rule(do=action, op=op, key=key.format(job=job), nth=nth)))
    return found


async def drop(store: ObjectStore, job: str, target: bytes | None = None) -> None:
    files = {"source": png(picture(colour=SOURCE_BGR)), "target": target or png(picture())}
    references = {role: f"{keys.UPLOADS}{job}-{role}.png" for role in files}
    for role, body in files.items():
        await store.put(references[role], body, content_type="image/png")
    await announce(store, {**references, "job_id": job})


async def shown(store: ObjectStore, status: Status) -> np.ndarray:
    """The picture a job ended with, once it is what the record says."""
    assert status.result is not None, status.error
    body = (await store.get(status.result.key, max_bytes=1 << 20)).body
    assert hashlib.sha256(body).hexdigest() == status.result.sha256
    return decode(body, Limits()).bgr


def swapped(target: np.ndarray) -> np.ndarray:
    expected = target.copy()
    expected[10:34, 20:44] = SOURCE_BGR
    return expected


def revisions(proxy: FaultProxy, job: str) -> list[int]:
    """The revisions of a job's record that the store took, in order."""
    written = [Status.from_bytes(call.body) for call in proxy.seen("put", keys.status(job)) if call.committed]
    return sorted(status.rev for status in written)


async def test_one_bad_answer_at_any_call_costs_no_job_and_no_second_write(seaweedfs_s3: S3Settings) -> None:
    todo = cases()
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings):
        async with fault_proxy(settings, [case.rule for case in todo]) as proxy:
            for case in todo:
                await drop(bucket, case.job)
            async with open_s3_store(proxy.settings) as store, running(store, FlatEngine(), **_PATIENT):
                statuses = {case.job: await ended(bucket, case.job) for case in todo}
                await inbox_empty(bucket)
        failed = [
            (case.rule, statuses[case.job].error)
            for case in todo
            if (statuses[case.job].status, statuses[case.job].attempt) != ("completed", 1)
        ]
        assert not failed
        assert sum(call.fault is not None for call in proxy.calls) == len(todo)
        for case in todo:
            status = statuses[case.job]
            assert np.array_equal(await shown(bucket, status), swapped(picture())), case
            assert revisions(proxy, case.job) == [*range(1, status.rev + 1)], case
        assert len(await keys_below(bucket, keys.RESULTS)) == len(todo)


@pytest.mark.parametrize("action", [BROKEN, Truncate(0.5)], ids=str)
async def test_a_listing_that_fails_is_made_again(action: Action, seaweedfs_s3: S3Settings) -> None:
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings), fault_proxy(settings) as proxy:
        proxy.rules.append(Rule(do=action, op="list", key=keys.INBOX, count=6))  # more than one look's tries
        await drop(bucket, "job")
        async with open_s3_store(proxy.settings) as store, running(store, FlatEngine()):
            assert (await ended(bucket, "job")).status == "completed"
            await inbox_empty(bucket)
        assert proxy.struck(type(action)) == 6


async def test_an_object_replaced_while_it_is_read_is_read_whole_and_new(seaweedfs_s3: S3Settings) -> None:
    """The first read breaks off; by the second, which asks for the rest, another picture lies there."""
    other = picture(colour=(5, 5, 5))
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings), fault_proxy(settings) as proxy:
        target = f"{keys.UPLOADS}job-target.png"
        proxy.rules += [
            Rule(do=Truncate(0.5), op="get", key=target),
            Rule(do=Replace(png(other)), op="get", key=target),
        ]
        await drop(bucket, "job")
        async with open_s3_store(proxy.settings) as store, running(store, FlatEngine(), **_PATIENT):
            status = await ended(bucket, "job")
        assert [call.status for call in proxy.seen("get", target)] == [200, 412, 200]
        assert np.array_equal(await shown(bucket, status), swapped(other))


async def test_an_input_that_comes_after_its_job_is_waited_for(seaweedfs_s3: S3Settings) -> None:
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings), fault_proxy(settings) as proxy:
        references = await upload_pair(bucket)
        body = (await bucket.get(references["target"], max_bytes=1 << 20)).body
        await bucket.delete([references["target"]])
        job = await announce(bucket, references)
        async with open_s3_store(proxy.settings) as store, running(store, FlatEngine(), **_PATIENT):
            while not proxy.seen("get", references["target"]):  # noqa: ASYNC110 -- the proxy has no events
                await asyncio.sleep(0.02)
            await bucket.put(references["target"], body, content_type="image/png")
            status = await ended(bucket, job)
        assert [call.status for call in proxy.seen("get", references["target"])] == [404, 200]
        assert (status.status, status.attempt) == ("completed", 1)


async def test_inputs_deleted_while_the_job_runs_end_it_with_one_status(seaweedfs_s3: S3Settings) -> None:
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings), fault_proxy(settings) as proxy:
        proxy.rules.append(Rule(do=Replace(None), op="get", key=f"{keys.UPLOADS}*-target.png", count=None))
        await drop(bucket, "job")
        async with open_s3_store(proxy.settings) as store, running(store, FlatEngine()):
            status = await ended(bucket, "job")
            await inbox_empty(bucket)
        assert status.error is not None
        assert (status.status, status.error.code, status.attempt) == ("failed", "input_not_found", 1)
        assert revisions(proxy, "job") == [1, 2]
        assert not await keys_below(bucket, keys.RESULTS)


@pytest.mark.faults
async def test_a_store_that_stays_away_costs_attempts_and_is_named(seaweedfs_s3: S3Settings) -> None:
    async with fresh_bucket(seaweedfs_s3) as (bucket, settings), fault_proxy(settings) as proxy:
        proxy.rules.append(Rule(do=BROKEN, op="put", key=f"{keys.RESULTS}*", count=None))
        await drop(bucket, "job")
        async with (
            open_s3_store(proxy.settings) as store,
            running(store, FlatEngine(), max_attempts=2, lease_ttl_s=60),
        ):
            status = await ended(bucket, "job")
            await inbox_empty(bucket)
        assert status.error is not None
        assert (status.error.code, status.attempt) == ("attempts_exhausted", 2)
        assert [each.code for each in status.error.attempts] == ["storage_unavailable"] * 2
        assert not await keys_below(bucket, keys.RESULTS)
        assert await keys_below(bucket, keys.DEAD_LETTER) == [keys.dead_letter("job")]
