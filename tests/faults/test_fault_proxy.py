"""The proxy that faults come from: it changes nothing unless told to, and does what it is told."""

from collections.abc import AsyncGenerator

import pytest

from storage.errors import ObjectNotFound, PreconditionFailed, StoreUnavailable
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import S3Store, open_s3_store
from tests.support.buckets import fresh_bucket
from tests.support.fault_proxy import (
    BROKEN,
    CONFLICT,
    Action,
    Answer,
    Cut,
    Delay,
    DropReply,
    FaultProxy,
    Replace,
    Rule,
    Truncate,
    fault_proxy,
)

pytestmark = pytest.mark.seaweedfs
KEY = "uploads/a b+ü.png"


@pytest.fixture
async def proxy(seaweedfs_s3: S3Settings) -> AsyncGenerator[FaultProxy, None]:
    async with fresh_bucket(seaweedfs_s3) as (_, settings), fault_proxy(settings) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: FaultProxy) -> AsyncGenerator[S3Store, None]:
    async with open_s3_store(proxy.settings) as store:
        yield store


async def put(store: S3Store, body: bytes = b"body", **conditions: bool) -> str:
    return await store.put(KEY, body, content_type="image/png", **conditions)  # type: ignore[arg-type] # no str


async def test_without_rules_a_server_that_checks_signatures_answers_as_ever(
    proxy: FaultProxy, store: S3Store
) -> None:
    etag = await put(store)
    assert (await store.head(KEY)).etag == etag
    assert (await store.get(KEY, max_bytes=10)).body == b"body"
    await store.copy(KEY, "archive/x.png", size=4)
    assert [listed.key for listed in (await store.list("uploads/")).objects] == [KEY]
    await store.delete([KEY, "archive/x.png"])
    with pytest.raises(ObjectNotFound):
        await store.head(KEY)
    assert [(call.op, call.key, call.committed) for call in proxy.calls] == [
        ("put", KEY, True),
        ("head", KEY, True),
        ("get", KEY, True),
        ("copy", "archive/x.png", True),
        ("list", "uploads/", True),
        ("delete", KEY, True),
        ("head", KEY, False),
    ]


@pytest.mark.parametrize(
    ("action", "error", "written"),
    [
        (Cut(), StoreUnavailable, False),
        (BROKEN, StoreUnavailable, False),
        (CONFLICT, PreconditionFailed, False),
        (DropReply(), StoreUnavailable, True),
    ],
)
async def test_a_write_is_struck_before_or_after_it_takes_effect(
    proxy: FaultProxy, store: S3Store, action: Action, error: type[Exception], *, written: bool
) -> None:
    proxy.rules.append(Rule(do=action, op="put"))
    with pytest.raises(error):
        await put(store, if_none_match=True)
    assert [listed.key for listed in (await store.list("")).objects] == ([KEY] if written else [])
    assert [call.committed for call in proxy.seen("put", KEY)] == [written]


async def test_a_truncated_answer_is_announced_whole(proxy: FaultProxy, store: S3Store) -> None:
    await put(store, bytes(1000))
    proxy.rules.append(Rule(do=Truncate(0.25), op="get"))
    async with store.stream(KEY) as stream:
        assert stream.info.size == 1000
        chunks = stream.chunks()
        assert len(await anext(chunks)) == 250
        with pytest.raises(StoreUnavailable):
            await anext(chunks)


async def test_an_object_changes_between_two_calls(proxy: FaultProxy, store: S3Store) -> None:
    await put(store, b"old")
    proxy.rules += [Rule(do=Replace(b"new"), op="get"), Rule(do=Replace(None), op="get", nth=1)]
    assert (await store.head(KEY)).size == 3
    assert (await store.get(KEY, max_bytes=10)).body == b"new"
    with pytest.raises(ObjectNotFound):
        await store.get(KEY, max_bytes=10)


async def test_a_rule_strikes_the_calls_it_names_and_no_others(proxy: FaultProxy, store: S3Store) -> None:
    await put(store)
    proxy.rules.append(Rule(do=Answer(404, "NoSuchKey"), op="head", key="uploads/*", nth=2, count=2))
    proxy.rules.append(Rule(do=Delay(0), key="other/*", count=None))
    seen = []
    for _ in range(4):
        try:
            await store.head(KEY)
            seen.append(True)
        except ObjectNotFound:
            seen.append(False)
    assert seen == [True, False, False, True]
    assert (proxy.struck(Answer), proxy.struck(Delay)) == (2, 0)
