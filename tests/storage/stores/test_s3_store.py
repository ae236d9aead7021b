"""The S3 store on bad days: what is tried again, what is sent once, and what is said of it."""

import asyncio
import base64
import hashlib
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tenacity import AsyncRetrying

from storage.errors import (
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
)
from storage.stores import s3_requests
from storage.stores.port import ObjectStream
from storage.stores.s3_store import S3Settings, S3Store, open_s3_store
from tests.support.scripted_server import Reply, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SECRET = "hush-hush-hush"  # noqa: S105 - to look for in what comes out
_ELSEWHERE = "https://store.example"  # what the settings say; the client is the scripted server's
_BUSY = Reply.error(503, "InternalError")


class Harness:
    """A store on a scripted server, and what its observer was told."""

    def __init__(self, server: ScriptedServer, settings: S3Settings, client: "S3Client") -> None:
        self.server = server
        self.settings = settings
        self.observed: list[tuple[str, str]] = []
        self._client = client

    def store(self, *script: Reply, **changes: float | str) -> S3Store:
        """Fill the server's script and make a store on the client that all tests share."""
        self.server.script = [*script]
        self.server.requests.clear()
        return S3Store(self._client, replace(self.settings, **changes), self.observe)  # type: ignore[arg-type] # of the fields' types

    def observe(self, op: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.observed.append((op, outcome))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _op, outcome in self.observed]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def parts() -> AsyncIterator[tuple[ScriptedServer, S3Settings, "S3Client"]]:
    async with scripted_server() as server:
        settings = S3Settings(
            bucket="bucket",
            endpoint_url=server.url,
            access_key_id="id",
            secret_access_key=_SECRET,
            addressing="path",
            retry_first_wait_s=0.001,
        )
        async with open_s3_store(settings) as store:
            yield server, settings, store._client


@pytest.fixture
def harness(parts: tuple[ScriptedServer, S3Settings, "S3Client"]) -> Harness:
    return Harness(*parts)


async def _put_once(store: S3Store) -> str:
    return await store.put("key", b"body", content_type="text/plain", if_none_match=True)


async def _put(store: S3Store) -> str:
    return await store.put("key", b"body", content_type="text/plain")


async def _read(
    stream: AbstractAsyncContextManager[ObjectStream], received: list[bytes] | None = None
) -> bytes:
    received = [] if received is None else received
    async with stream as opened:
        async for chunk in opened.chunks():
            received.append(chunk)
    return b"".join(received)


_STORED = Reply(
    headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "ETag": '"841a2d689ad86bd1611447453c22c6fc"'}
)
_EMPTY_LIST = Reply.object(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
_COPIED = Reply.object(b'<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>')
_RETRIED: dict[str, tuple[Callable[[S3Store], Awaitable[object]], Reply]] = {
    "head": (lambda store: store.head("key"), Reply.object(b"")),
    "get": (lambda store: store.get("key", max_bytes=9), Reply.object(b"body")),
    "stream": (lambda store: _read(store.stream("key")), Reply.object(b"body")),
    "put": (_put, _STORED),
    "copy": (lambda store: store.copy("key", "other", size=1), _COPIED),
    "delete": (lambda store: store.delete(["key"]), Reply(status=204)),
    "list": (lambda store: store.list("prefix/"), _EMPTY_LIST),
}


@pytest.mark.parametrize("op", _RETRIED)
async def test_a_busy_or_broken_store_is_asked_again_and_every_request_is_observed(
    harness: Harness, op: str
) -> None:
    call, answer = _RETRIED[op]
    store = harness.store(_BUSY, Reply(reset=True), answer)
    await call(store)
    assert harness.observed == [(op, "unavailable"), (op, "unavailable"), (op, "ok")]
    assert len(harness.server.requests) == 3


async def test_the_number_of_attempts_is_bounded(harness: Harness) -> None:
    store = harness.store(*[_BUSY] * 9, retry_attempts=3)
    with pytest.raises(StoreUnavailable):
        await store.head("key")
    assert len(harness.server.requests) == len(harness.observed) == 3


async def test_a_store_that_asks_for_more_patience_than_there_is_is_left_alone(harness: Harness) -> None:
    store = harness.store(Reply.error(429, "SlowDown", Retry_After="60"), retry_total_s=30)
    with pytest.raises(StoreThrottled) as caught:
        await store.get("key", max_bytes=9)
    assert caught.value.retry_after_s == 60
    assert harness.outcomes == ["throttled"]


async def test_a_throttled_call_is_tried_again_when_the_store_said(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    store = harness.store(Reply.error(429, "SlowDown", Retry_After="7"), Reply.object(b""))
    monkeypatch.setattr(s3_requests, "AsyncRetrying", partial(AsyncRetrying, sleep=sleep))
    await store.head("key")
    assert harness.outcomes == ["throttled", "ok"]
    assert slept == [7]


@pytest.mark.parametrize("trouble", [_BUSY, Reply(reset=True), Reply.error(429, "SlowDown")])
async def test_a_conditional_put_is_sent_once_also_on_a_used_connection(
    harness: Harness, trouble: Reply
) -> None:
    store = harness.store(Reply.object(b""), trouble, _STORED, _STORED)
    await store.head("key")
    with pytest.raises(StoreUnavailable):
        await _put_once(store)
    with_match = store.put("key", b"body", content_type="text/plain", if_match="e")
    await with_match
    assert [request.method for request in harness.server.requests] == ["HEAD", "PUT", "PUT"]
    assert harness.server.requests[1].headers["if-none-match"] == "*"
    assert harness.server.requests[2].headers["if-match"] == '"e"'


async def test_a_get_that_breaks_off_is_read_again_whole(harness: Harness) -> None:
    store = harness.store(Reply.object(b"bo", announced=4), Reply.object(b"body"))
    assert (await store.get("key", max_bytes=4)).body == b"body"
    assert harness.outcomes == ["unavailable", "ok"]


async def test_a_stream_that_breaks_off_is_an_error_after_what_came(harness: Harness) -> None:
    received: list[bytes] = []
    store = harness.store(Reply.object(b"bo", announced=4))
    with pytest.raises(StoreUnavailable):
        await _read(store.stream("key"), received)
    assert b"".join(received) in {b"", b"bo"}
    assert len(harness.server.requests) == 1


async def test_a_store_that_ignores_the_range_is_not_believed(harness: Harness) -> None:
    ranged = Reply.object(b"dy", Content_Range="bytes 2-3/4")
    store = harness.store(Reply.object(b"body"), ranged)
    assert await _read(store.stream("key", start=2)) == b"dy"
    assert harness.outcomes == ["unavailable", "ok"]
    assert harness.server.requests[0].headers["range"] == "bytes=2-"


async def test_a_silent_store_is_not_waited_for(harness: Harness) -> None:
    harness.store(Reply(delay_s=60), Reply(delay_s=60))
    impatient = replace(harness.settings, read_timeout_s=0.05, retry_attempts=2)
    async with open_s3_store(impatient, harness.observe) as store:
        with pytest.raises(StoreUnavailable):
            await store.head("key")
    assert harness.outcomes == ["unavailable", "unavailable"]


async def test_a_store_that_takes_no_bytes_is_not_waited_for(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_requests, "_SLOWEST_BYTES_PER_S", 1 << 40)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = replace(
            harness.settings,
            endpoint_url=f"http://127.0.0.1:{deaf.getsockname()[1]}",
            connect_timeout_s=0.1,
            read_timeout_s=0.1,
        )
        async with open_s3_store(settings) as store:
            with pytest.raises(StoreUnavailable):
                await store.put("key", bytes(1 << 25), content_type="text/plain", if_none_match=True)


async def test_a_cancelled_request_is_observed(harness: Harness) -> None:
    store = harness.store(Reply(delay_s=60))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(store.head("key"), 0.05)
    assert harness.outcomes == ["abandoned"]


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
async def test_an_answer_without_a_clock_is_no_answer(harness: Harness, headers: dict[str, str]) -> None:
    described = {"ETag": '"e"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", **headers}
    store = harness.store(Reply(headers=described), retry_attempts=1, endpoint_url=_ELSEWHERE)
    with pytest.raises(StoreUnavailable, match="Date"):
        await store.head("key")


async def test_a_store_on_this_machine_that_tells_no_time_has_this_machines(harness: Harness) -> None:
    described = {"ETag": '"e"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
    listing = replace(_EMPTY_LIST, headers={})
    read = Reply(headers=described, body=b"body")
    store = harness.store(Reply(headers=described), listing, read, read)
    before = datetime.now(UTC).replace(microsecond=0)
    async with AsyncExitStack() as stack:
        told = [
            (await store.head("key")).store_now,
            (await store.list("")).store_now,
            (await store.get("key", max_bytes=9)).info.store_now,
            (await stack.enter_async_context(store.stream("key"))).info.store_now,
        ]
    assert told == sorted(told)
    assert before <= told[0] <= told[-1] <= datetime.now(UTC)
    assert not any(moment.microsecond for moment in told)


async def test_a_time_that_is_none_is_refused_of_a_store_on_this_machine_too(harness: Harness) -> None:
    described = {"ETag": '"e"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "yesterday"}
    store = harness.store(Reply(headers=described), retry_attempts=1)
    with pytest.raises(StoreUnavailable, match="Date"):
        await store.head("key")


async def test_the_clock_is_the_stores(harness: Harness) -> None:
    store = harness.store(Reply.object(b""), _EMPTY_LIST)
    assert (await store.head("key")).store_now == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert (await store.list("")).store_now == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchKey", PreconditionFailed),
        (404, "NoSuchBucket", StoreDenied),
        (409, "ConditionalRequestConflict", PreconditionFailed),
        (409, "OperationAborted", StoreUnavailable),
        (412, "PreconditionFailed", PreconditionFailed),
        (429, "TooManyRequests", StoreThrottled),
        (503, "SlowDown", StoreThrottled),
        (403, "SignatureDoesNotMatch", StoreDenied),
        (403, "RequestTimeTooSkewed", StoreDenied),
        (401, "Unauthorized", StoreDenied),
        (400, "BadDigest", StoreUnavailable),
        (500, "InternalError", StoreUnavailable),
        (502, "", StoreUnavailable),
        (400, "KeyTooLongError", StorageError),
    ],
)
async def test_each_refusal_of_a_conditional_put_has_its_meaning(
    harness: Harness, status: int, code: str, expected: type[StorageError]
) -> None:
    store = harness.store(Reply.error(status, code))
    with pytest.raises(StorageError) as caught:
        await store.put("key", b"body", content_type="text/plain", if_match="e")
    assert type(caught.value) is expected
    assert "secret details" not in str(caught.value)
    assert len(harness.server.requests) == 1


async def test_a_missing_object_and_a_refused_key_are_not_asked_for_again(harness: Harness) -> None:
    store = harness.store(Reply.error(404, "NoSuchKey"), Reply.error(403, "AccessDenied"))
    with pytest.raises(ObjectNotFound):
        await store.get("key", max_bytes=9)
    with pytest.raises(StoreDenied):
        await store.get("key", max_bytes=9)
    assert harness.outcomes == ["not_found", "denied"]


async def test_no_error_and_no_repr_tells_the_secret(harness: Harness) -> None:
    for trouble in (Reply.error(403, "SignatureDoesNotMatch"), _BUSY, Reply(reset=True)):
        store = harness.store(trouble, retry_attempts=1)
        with pytest.raises(StoreUnavailable) as caught:
            await store.list("")
        assert _SECRET not in "".join(traceback.format_exception(caught.value))
    assert _SECRET not in repr(harness.settings)
    assert _SECRET not in str([request.headers for request in harness.server.requests])


async def test_a_missing_bucket_is_named(harness: Harness) -> None:
    store = harness.store(Reply.error(404, "NoSuchBucket"))
    with pytest.raises(StoreDenied, match="'bucket'"):
        await store.list("")


async def test_a_put_carries_its_md5_and_no_checksum_that_r2_refuses(harness: Harness) -> None:
    store = harness.store(_STORED)
    await _put(store)
    sent = harness.server.requests[0]
    assert sent.body == b"body"
    assert sent.headers["content-md5"] == _md5_base64(b"body")
    assert not [name for name in sent.headers if "checksum" in name or name in {"x-amz-trailer", "expect"}]


@pytest.mark.parametrize("size", [0, 3 << 20])
async def test_a_body_of_any_size_is_sent_whole_in_one_request(harness: Harness, size: int) -> None:
    body = bytes(size)
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    store = harness.store(Reply.object(b"", ETag=f'"{etag}"'))
    assert await store.put("key", body, content_type="text/plain") == etag
    assert [request.body for request in harness.server.requests] == [body]


async def test_other_bytes_than_were_sent_are_noticed(harness: Harness) -> None:
    store = harness.store(Reply.object(b"", ETag=f'"{"0" * 32}"'))
    with pytest.raises(StoreUnavailable, match="other bytes"):
        await _put_once(store)


async def test_an_etag_that_is_no_md5_is_taken_as_it_is(harness: Harness) -> None:
    zeros = f'"{"0" * 32}"'
    encrypted = Reply.object(b"", ETag=zeros, x_amz_server_side_encryption_aws_kms_key_id="key")
    store = harness.store(encrypted, Reply.object(b"", ETag='"opaque"'))
    assert await _put_once(store) == "0" * 32
    assert await _put_once(store) == "opaque"


async def test_an_answer_without_an_etag_is_no_answer(harness: Harness) -> None:
    store = harness.store(Reply())
    with pytest.raises(StoreUnavailable):
        await _put_once(store)


async def test_a_bulk_delete_carries_its_md5_and_reports_what_stayed(harness: Harness) -> None:
    failed = Reply(body=b"<DeleteResult><Error><Key>b</Key><Code>InternalError</Code></Error></DeleteResult>")
    denied = Reply(body=b"<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>")
    store = harness.store(failed, denied)
    with pytest.raises(StoreDenied):
        await store.delete(["a", "b"])
    assert harness.outcomes == ["unavailable", "denied"]
    for request in harness.server.requests:
        assert request.headers["content-md5"] == _md5_base64(request.body)


async def test_a_copy_that_fails_after_it_said_ok_is_tried_again(harness: Harness) -> None:
    late = Reply(body=b"<Error><Code>InternalError</Code><Message>sorry</Message></Error>")
    store = harness.store(late, _COPIED)
    await store.copy("key", "other", size=1)
    assert harness.outcomes == ["unavailable", "ok"]


@pytest.mark.seaweedfs
async def test_a_wrong_secret_and_a_wrong_bucket_are_denied_by_a_real_server(
    seaweedfs_s3: S3Settings,
) -> None:
    async with open_s3_store(replace(seaweedfs_s3, secret_access_key=_SECRET)) as store:
        with pytest.raises(StoreDenied):
            await store.head("key")
    async with open_s3_store(replace(seaweedfs_s3, bucket="no-such-bucket")) as store:
        with pytest.raises(StoreDenied, match="no-such-bucket"):
            await store.list("")


def _md5_base64(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
