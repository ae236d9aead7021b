"""Uploads in parts on bad days: what is sent again, what is taken back, and what is said of it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from storage.errors import StorageError, StoreDenied, StoreUnavailable
from storage.stores.parts import MAX_PARTS, MIN_PART_BYTES, Part, PartSizes, parts_of
from storage.stores.s3_requests import S3Requests
from storage.stores.s3_store import S3Settings, S3Store, open_s3_store
from tests.support.scripted_server import Reply, Request, ScriptedServer, scripted_server

_CREATED = Reply.object(
    b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
)
_BUSY = Reply.error(503, "InternalError")
_ABORTED = Reply(status=204)
_FIRST, _LAST = b"a" * MIN_PART_BYTES, b"b"
_ETAGS = [hashlib.md5(body, usedforsecurity=False).hexdigest() for body in (_FIRST, _LAST)]
_WHOLE = hashlib.md5(bytes.fromhex("".join(_ETAGS)), usedforsecurity=False).hexdigest() + "-2"
_PARTS = [Reply.object(b"", ETag=f'"{etag}"') for etag in _ETAGS]


def _completed(etag: str = _WHOLE) -> Reply:
    body = f"<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
    return Reply.object(body.encode())


@asynccontextmanager
async def _uploading(
    observed: list[tuple[str, str]], *script: Reply
) -> AsyncIterator[tuple[S3Store, ScriptedServer]]:
    """A store that sends one part after the other to a server with a script."""
    async with scripted_server() as server:
        server.script = [*script]
        settings = S3Settings(
            bucket="bucket",
            endpoint_url=server.url,
            access_key_id="id",
            secret_access_key="hush",  # noqa: S106 - of a server that lives for seconds
            addressing="path",
            retry_first_wait_s=0.001,
            part_sizes=PartSizes(
                single_bytes=MIN_PART_BYTES,
                part_bytes=MIN_PART_BYTES,
                at_once=1,
                single_copy_bytes=MIN_PART_BYTES,
                copied_part_bytes=MIN_PART_BYTES,
            ),
        )
        async with open_s3_store(
            settings, lambda op, outcome, _seconds: observed.append((op, outcome))
        ) as s3:
            yield s3, server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(_FIRST + _LAST)
    return tmp_path / "file"


async def _put(store: S3Store, path: Path) -> str:
    return await store.put_file("key", path, content_type="video/mp4")


def _asked(request: Request) -> str:
    return f"{request.method} {request.path.partition('?')[2]}"


async def test_each_part_carries_its_md5_and_every_request_is_observed(path: Path) -> None:
    observed: list[tuple[str, str]] = []
    async with _uploading(observed, _CREATED, *_PARTS, _completed()) as (store, server):
        assert await _put(store, path) == _WHOLE
    create, first, last, complete = server.requests
    assert create.headers["content-type"] == "video/mp4"
    assert [(part.body, part.path.partition("?")[2]) for part in (first, last)] == [
        (_FIRST, "uploadId=u1&partNumber=1"),
        (_LAST, "uploadId=u1&partNumber=2"),
    ]
    assert all("content-md5" in part.headers for part in (first, last))
    assert not [name for name in first.headers if "checksum" in name or name in {"x-amz-trailer", "expect"}]
    assert complete.body.index(_ETAGS[0].encode()) < complete.body.index(_ETAGS[1].encode())
    assert observed == [("put_file", "ok")] * 4


@pytest.mark.parametrize("trouble", [_BUSY, Reply(reset=True), Reply.error(429, "SlowDown")])
@pytest.mark.parametrize("step", range(4))
async def test_each_step_is_tried_again_and_no_part_twice_without_need(
    path: Path, step: int, trouble: Reply
) -> None:
    script = [_CREATED, *_PARTS, _completed()]
    observed: list[tuple[str, str]] = []
    async with _uploading(observed, *script[:step], trouble, *script[step:]) as (store, server):
        assert await _put(store, path) == _WHOLE
    assert len(server.requests) == len(observed) == 5
    assert server.requests[step].body == server.requests[step + 1].body


async def test_a_part_that_was_kept_with_other_bytes_is_sent_again(path: Path) -> None:
    wrong = Reply.object(b"", ETag=f'"{"0" * 32}"')
    async with _uploading([], _CREATED, wrong, *_PARTS, _completed()) as (store, server):
        assert await _put(store, path) == _WHOLE
    assert server.requests[1].body == server.requests[2].body == _FIRST


async def test_a_completion_that_fails_after_it_said_ok_is_tried_again(path: Path) -> None:
    late = Reply(body=b"<Error><Code>InternalError</Code><Message>sorry</Message></Error>")
    async with _uploading([], _CREATED, *_PARTS, late, _completed()) as (store, _server):
        assert await _put(store, path) == _WHOLE


async def test_a_completion_whose_answer_was_lost_is_looked_up(path: Path) -> None:
    gone = Reply.error(404, "NoSuchUpload")
    there = Reply.object(b"", ETag=f'"{_WHOLE}"')
    async with _uploading([], _CREATED, *_PARTS, Reply(reset=True), gone, there) as (store, server):
        assert await _put(store, path) == _WHOLE
    assert [request.method for request in server.requests[-3:]] == ["POST", "POST", "HEAD"]


@pytest.mark.parametrize(
    "seen", [Reply.object(b"", ETag='"another"'), Reply.error(404, "NoSuchKey")], ids=["another", "none"]
)
async def test_an_upload_the_store_has_forgotten_is_a_passing_fault(path: Path, seen: Reply) -> None:
    gone = Reply.error(404, "NoSuchUpload")
    async with _uploading([], _CREATED, *_PARTS, gone, seen, _ABORTED) as (store, _server):
        with pytest.raises(StoreUnavailable, match="forgotten"):
            await _put(store, path)


async def test_a_file_that_becomes_shorter_meanwhile_is_no_upload(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retried = S3Requests.retried

    async def shorten(
        self: S3Requests, op: str, request: Callable[[], Awaitable[object]], **more: int
    ) -> object:
        path.write_bytes(_FIRST[:-1])  # noqa: ASYNC240 - a few bytes less
        return await retried(self, op, request, **more)

    monkeypatch.setattr(S3Requests, "retried", shorten)
    async with _uploading([], _CREATED, _ABORTED) as (store, server):
        with pytest.raises(OSError, match="shorter"):
            await _put(store, path)
    assert [_asked(request) for request in server.requests] == ["POST uploads", "DELETE uploadId=u1"]


_SOURCE = Reply.object(b"x" * 2 * MIN_PART_BYTES, Content_Type="video/mp4")
_COPIED = Reply(body=b"<CopyPartResult><ETag>&quot;p&quot;</ETag></CopyPartResult>")


async def test_a_large_object_is_copied_by_the_store_part_by_part_as_long_as_it_is_the_same() -> None:
    async with _uploading([], _SOURCE, _CREATED, _COPIED, _COPIED, _completed()) as (store, server):
        await store.copy("a b", "key", size=2 * MIN_PART_BYTES)
    _, create, *parts, complete = server.requests
    assert create.headers["content-type"] == "video/mp4"
    assert [part.headers["x-amz-copy-source-range"] for part in parts] == [
        f"bytes=0-{MIN_PART_BYTES - 1}",
        f"bytes={MIN_PART_BYTES}-{2 * MIN_PART_BYTES - 1}",
    ]
    assert {part.headers["x-amz-copy-source-if-match"] for part in parts} == {'"e"'}
    assert complete.body.count(b'"p"') + complete.body.count(b"&quot;p&quot;") == 2


@pytest.mark.parametrize("copied", [0, 1])
async def test_an_object_that_is_replaced_while_it_is_copied_leaves_no_part(copied: int) -> None:
    replaced = Reply.error(412, "PreconditionFailed")
    script = [_SOURCE, _CREATED, *[_COPIED] * copied, replaced, _ABORTED]
    async with _uploading([], *script) as (store, server):
        with pytest.raises(StoreUnavailable, match="`a b` was replaced"):
            await store.copy("a b", "key", size=2 * MIN_PART_BYTES)
    assert _asked(server.requests[-1]) == "DELETE uploadId=u1"


async def test_a_refused_part_is_not_tried_again_and_the_rest_is_taken_back(path: Path) -> None:
    observed: list[tuple[str, str]] = []
    denied = Reply.error(403, "AccessDenied")
    async with _uploading(observed, _CREATED, denied, _ABORTED) as (store, server):
        with pytest.raises(StoreDenied):
            await _put(store, path)
    assert _asked(server.requests[-1]) == "DELETE uploadId=u1"
    assert [outcome for _op, outcome in observed] == ["ok", "denied", "ok"]


async def test_an_abort_that_fails_too_hides_nothing(path: Path) -> None:
    denied = Reply.error(403, "AccessDenied")
    async with _uploading([], _CREATED, denied, Reply.error(404, "NoSuchUpload")) as (store, _server):
        with pytest.raises(StoreDenied):
            await _put(store, path)


@pytest.mark.parametrize("size", [1, 5 * 2**30, 80 * 2**30, 80 * 2**30 + 1, 5 * 2**40])
def test_parts_are_equal_but_for_the_last_and_never_too_many(size: int) -> None:
    parts = [*parts_of(size, PartSizes().part_bytes)]
    assert sum(part.size for part in parts) == size
    assert len(parts) <= MAX_PARTS
    assert len({part.size for part in parts[:-1]}) <= 1
    assert 0 < parts[-1].size <= parts[0].size
    assert [part.number for part in parts] == [*range(1, len(parts) + 1)]
    assert all(before.start + before.size == part.start for before, part in pairwise(parts))


def test_parts_smaller_than_a_store_takes_are_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="5242880"):
        PartSizes(part_bytes=MIN_PART_BYTES - 1)
    assert [*parts_of(3, PartSizes().part_bytes)] == [Part(number=1, start=0, size=3)]


async def test_an_error_of_a_new_kind_is_observed_as_the_kind_it_descends_from() -> None:
    class Odd(StoreDenied):
        """A refusal of its own."""

    async def refuse() -> None:
        raise Odd

    observed: list[tuple[str, str]] = []
    async with _uploading(observed) as (store, _server):
        with pytest.raises(StorageError):
            await store._requests.once("head", refuse)
    assert observed == [("head", "denied")]
