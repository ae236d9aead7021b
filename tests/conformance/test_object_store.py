"""What every object store adapter must do, in memory and on three real servers.

The local bucket of wrangler ignores conditions on DELETE and on the end of an upload in parts. R2 does not
know them, and the port has none.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from storage.errors import InputTooLarge, ObjectNotFound, PreconditionFailed, StoreDenied
from storage.inputs.download import Downloaded, Sleep, download_object
from storage.stores.memory_store import MemoryStore
from storage.stores.parts import MIN_PART_BYTES, PartSizes
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import open_s3_store
from tests.support.fault_proxy import Answer, Delay, Rule, fault_proxy
from tests.support.s3_servers import plain_client
from tests.support.stores import BreakingReads, CountingStore

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SEAWEEDFS = pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)
_WRANGLER = pytest.param("wrangler", marks=pytest.mark.wrangler)
_ABSENT_ETAG = "0" * 32
_PARTS = PartSizes(
    single_bytes=MIN_PART_BYTES,
    part_bytes=MIN_PART_BYTES,
    at_once=2,
    single_copy_bytes=MIN_PART_BYTES,
    copied_part_bytes=MIN_PART_BYTES,
)
_WEIRD_KEYS = [
    "a b",
    "plus+sign",
    "ümläut-名前",
    "q?m&a=b#c;d",
    "per%20cent%2F",
    "quote'\"s",
    "tilde~(1)!*",
    "dot.",
    "<x>",
]


@pytest_asyncio.fixture(
    scope="session",
    loop_scope="session",
    params=["memory", "moto", _SEAWEEDFS, _WRANGLER],
)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore(part_sizes=_PARTS)
        return
    settings: S3Settings = request.getfixturevalue(f"{request.param}_s3")
    async with open_s3_store(replace(settings, part_sizes=_PARTS)) as opened:
        yield opened


@pytest.fixture(params=["moto", _SEAWEEDFS])
def server(request: pytest.FixtureRequest) -> S3Settings:
    """Those that can be asked for unfinished uploads; wrangler's answers that it does not list them."""
    settings: S3Settings = request.getfixturevalue(f"{request.param}_s3")
    return replace(settings, part_sizes=_PARTS)


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex}/"


async def _put(store: ObjectStore, key: str, body: bytes = b"body") -> str:
    return await store.put(key, body, content_type="text/plain")


async def _read(store: ObjectStore, key: str, *, start: int = 0, if_match: str | None = None) -> bytes:
    async with store.stream(key, start=start, if_match=if_match) as stream:
        return b"".join([chunk async for chunk in stream.chunks()])


async def test_an_object_comes_back_as_it_was_put(store: ObjectStore, prefix: str) -> None:
    key = f"{prefix}picture"
    etag = await store.put(key, b"bytes", content_type="image/webp", metadata={"Sha256": "abc", "x-y": "z w"})
    stored = await store.get(key, max_bytes=5)
    assert stored.body == b"bytes"
    assert etag == stored.info.etag == hashlib.md5(b"bytes", usedforsecurity=False).hexdigest()
    assert stored.info.key == key
    assert stored.info.size == 5
    assert stored.info.content_type == "image/webp"
    assert dict(stored.info.metadata) == {"sha256": "abc", "x-y": "z w"}
    head = await store.head(key)
    assert (head.etag, head.size, head.content_type, dict(head.metadata)) == (
        etag,
        5,
        "image/webp",
        {"sha256": "abc", "x-y": "z w"},
    )


async def test_the_stores_clock_is_told_in_whole_seconds_of_utc(store: ObjectStore, prefix: str) -> None:
    await _put(store, f"{prefix}a")
    head = await store.head(f"{prefix}a")
    got = (await store.get(f"{prefix}a", max_bytes=9)).info
    async with store.stream(f"{prefix}a") as stream:
        streamed = stream.info
    listing = await store.list(prefix)
    now = datetime.now(UTC)
    for said in (head.store_now, got.store_now, streamed.store_now, listing.store_now):
        assert abs(now - said) < timedelta(seconds=30)
    for written in (
        head.last_modified,
        got.last_modified,
        streamed.last_modified,
        listing.objects[0].last_modified,
    ):
        assert written.utcoffset() == timedelta(0)
        assert written.microsecond == 0
        assert written == head.last_modified <= head.store_now


async def test_a_missing_object_is_not_found_by_any_way_of_reading(store: ObjectStore, prefix: str) -> None:
    missing = f"{prefix}missing"
    with pytest.raises(ObjectNotFound):
        await store.head(missing)
    with pytest.raises(ObjectNotFound):
        await store.get(missing, max_bytes=1)
    with pytest.raises(ObjectNotFound):
        await _read(store, missing)
    with pytest.raises(ObjectNotFound):
        await _read(store, missing, start=3)
    with pytest.raises(ObjectNotFound):
        await store.copy(missing, f"{prefix}copy", size=1)


async def test_an_object_above_max_bytes_is_refused(store: ObjectStore, prefix: str) -> None:
    await _put(store, f"{prefix}a", b"12345")
    with pytest.raises(InputTooLarge):
        await store.get(f"{prefix}a", max_bytes=4)


async def test_an_empty_object_is_an_object(store: ObjectStore, prefix: str) -> None:
    await _put(store, f"{prefix}empty", b"")
    assert (await store.get(f"{prefix}empty", max_bytes=0)).body == b""
    assert (await store.head(f"{prefix}empty")).size == 0
    assert await _read(store, f"{prefix}empty") == b""
    with pytest.raises(PreconditionFailed):
        await _read(store, f"{prefix}empty", start=1)


async def test_a_large_body_survives_the_round_trip(store: ObjectStore, prefix: str) -> None:
    body = bytes(range(256)) * 16384
    await _put(store, f"{prefix}large", body)
    assert await _read(store, f"{prefix}large") == body
    assert (await store.get(f"{prefix}large", max_bytes=len(body))).body == body


async def test_a_new_put_replaces_body_type_and_metadata(store: ObjectStore, prefix: str) -> None:
    await store.put(f"{prefix}a", b"1", content_type="image/png", metadata={"old": "yes"})
    etag = await _put(store, f"{prefix}a", b"22")
    stored = await store.get(f"{prefix}a", max_bytes=9)
    assert (stored.body, stored.info.etag) == (b"22", etag)
    assert stored.info.content_type == "text/plain"
    assert dict(stored.info.metadata) == {}


async def test_metadata_that_is_not_ascii_is_a_callers_mistake(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)ascii"):
        await store.put(f"{prefix}a", b"1", content_type="text/plain", metadata={"name": "ü"})


async def test_if_none_match_writes_only_where_there_is_nothing(store: ObjectStore, prefix: str) -> None:
    key = f"{prefix}once"
    await store.put(key, b"first", content_type="text/plain", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        await store.put(key, b"second", content_type="text/plain", if_none_match=True)
    assert (await store.get(key, max_bytes=9)).body == b"first"
    await store.delete([key])
    await store.put(key, b"third", content_type="text/plain", if_none_match=True)
    assert (await store.get(key, max_bytes=9)).body == b"third"


async def test_if_match_writes_only_over_that_etag(store: ObjectStore, prefix: str) -> None:
    key = f"{prefix}cas"
    first = await _put(store, key, b"first")
    second = await store.put(key, b"second", content_type="text/plain", if_match=first)
    with pytest.raises(PreconditionFailed):
        await store.put(key, b"stale", content_type="text/plain", if_match=first)
    assert (await store.get(key, max_bytes=9)).body == b"second"
    assert (await store.head(key)).etag == second


async def test_if_match_on_a_missing_key_fails_the_condition(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(PreconditionFailed):
        await store.put(f"{prefix}none", b"1", content_type="text/plain", if_match=_ABSENT_ETAG)
    with pytest.raises(ObjectNotFound):
        await store.head(f"{prefix}none")


@pytest.mark.parametrize("condition", ["if_none_match", "if_match"])
async def test_of_many_conditional_writers_exactly_one_wins(
    store: ObjectStore, prefix: str, condition: str
) -> None:
    async def race(key: str) -> None:
        before = await _put(store, key, b"before") if condition == "if_match" else None

        async def write(writer: int) -> bool:
            body = f"writer {writer}".encode()
            try:
                await store.put(
                    key, body, content_type="text/plain", if_match=before, if_none_match=before is None
                )
            except PreconditionFailed:
                return False
            return True

        won = await asyncio.gather(*map(write, range(12)))
        assert won.count(True) == 1
        assert (await store.get(key, max_bytes=99)).body == f"writer {won.index(True)}".encode()

    # At once, because SeaweedFS lets the losers of one key wait for a second each.
    await asyncio.gather(*(race(f"{prefix}{round_}") for round_ in range(3)))


async def test_a_chain_of_swaps_loses_no_update(store: ObjectStore, prefix: str) -> None:
    key = f"{prefix}counter"
    await _put(store, key, b"0")

    async def increment() -> None:
        while True:
            stored = await store.get(key, max_bytes=99)
            raised = str(int(stored.body) + 1).encode()
            try:
                await store.put(key, raised, content_type="text/plain", if_match=stored.info.etag)
            except PreconditionFailed:
                continue
            return

    await asyncio.gather(*(increment() for _ in range(5)))
    assert (await store.get(key, max_bytes=99)).body == b"5"


async def test_a_stream_starts_where_it_is_told(store: ObjectStore, prefix: str) -> None:
    etag = await _put(store, f"{prefix}a", b"0123456789")
    assert await _read(store, f"{prefix}a", start=4, if_match=etag) == b"456789"
    async with store.stream(f"{prefix}a", start=4) as stream:
        assert stream.info.size == 10
        assert stream.info.etag == etag
        assert stream.info.content_type == "text/plain"
    with pytest.raises(PreconditionFailed):
        await _read(store, f"{prefix}a", start=10)


async def test_a_stream_of_a_replaced_object_is_refused(store: ObjectStore, prefix: str) -> None:
    etag = await _put(store, f"{prefix}a", b"0123456789")
    await _put(store, f"{prefix}a", b"9876543210")
    for start in (0, 4, 10):
        with pytest.raises(PreconditionFailed):
            await _read(store, f"{prefix}a", start=start, if_match=etag)


async def test_a_stream_may_be_left_early(store: ObjectStore, prefix: str) -> None:
    await _put(store, f"{prefix}a", b"x" * 3_000_000)
    for _ in range(3):
        async with store.stream(f"{prefix}a") as stream:
            async for chunk in stream.chunks():
                assert chunk.strip(b"x") == b""
                break
    assert (await store.head(f"{prefix}a")).size == 3_000_000


async def test_a_copy_keeps_body_type_and_metadata(store: ObjectStore, prefix: str) -> None:
    source, copied = f"{prefix}a source+ü", f"{prefix}copy"
    etag = await store.put(source, b"bytes", content_type="image/avif", metadata={"a": "b"})
    await store.copy(source, copied, size=5)
    stored = await store.get(copied, max_bytes=9)
    assert stored.body == b"bytes"
    assert stored.info.etag == etag
    assert stored.info.content_type == "image/avif"
    assert dict(stored.info.metadata) == {"a": "b"}
    assert (await store.get(source, max_bytes=9)).body == b"bytes"


async def test_an_object_too_large_for_one_copy_is_copied_in_parts(server: S3Settings, prefix: str) -> None:
    body = bytes(range(256)) * 40_961  # two parts and some bytes; wrangler copies none
    source, copied = f"{prefix}a source+ü", f"{prefix}copy"
    async with open_s3_store(server) as store:
        await store.put(source, body, content_type="video/mp4", metadata={"a": "b"})
        await store.copy(source, copied, size=len(body))
        stored = await store.get(copied, max_bytes=len(body))
    assert stored.body == body
    assert stored.info.etag.endswith("-3")
    assert stored.info.content_type == "video/mp4"
    assert dict(stored.info.metadata) == {"a": "b"}


async def test_delete_removes_what_is_there_and_minds_nothing_else(store: ObjectStore, prefix: str) -> None:
    keys = [f"{prefix}{name}" for name in ("a", "b b", "c+&<ü>")]
    for key in [*keys, f"{prefix}kept"]:
        await _put(store, key)
    await store.delete([*keys, f"{prefix}never-there"])
    await store.delete([])
    await store.delete([f"{prefix}never-there"])
    assert [line.key for line in (await store.list(prefix)).objects] == [f"{prefix}kept"]
    await store.delete([f"{prefix}kept"])
    assert not (await store.list(prefix)).objects


async def test_more_than_a_thousand_keys_are_not_deleted_at_once(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="1000"):
        await store.delete([f"key-{n}" for n in range(1001)])


async def test_a_listing_describes_what_is_below_the_prefix(store: ObjectStore, prefix: str) -> None:
    etag = await _put(store, f"{prefix}in/a", b"123")
    await _put(store, f"{prefix}in/deeper/b", b"4")
    await _put(store, f"{prefix}inside", b"5")
    listing = await store.list(f"{prefix}in/")
    assert [line.key for line in listing.objects] == [f"{prefix}in/a", f"{prefix}in/deeper/b"]
    assert (listing.objects[0].size, listing.objects[0].etag) == (3, etag)
    assert not listing.truncated
    nothing = await store.list(f"{prefix}nowhere/")
    assert not nothing.objects
    assert not nothing.truncated


async def test_paging_visits_every_key_once_and_in_order(store: ObjectStore, prefix: str) -> None:
    keys = sorted(f"{prefix}{name}" for name in ("1", "10", "2", "A", "_", "a", "é", "z"))
    for key in reversed(keys):
        await _put(store, key)
    counted = CountingStore(store)
    seen: list[str] = []
    while True:
        page = await counted.list(prefix, start_after=seen[-1] if seen else "", limit=3)
        seen += [line.key for line in page.objects]
        if not page.truncated:
            break
    assert seen == keys
    assert counted.counts == {"list": 3}
    assert not (await store.list(prefix, limit=len(keys))).truncated
    assert [line.key for line in (await store.list(prefix, start_after=f"{prefix}a")).objects] == keys[-2:]


@pytest.mark.parametrize("name", _WEIRD_KEYS)
async def test_a_key_is_taken_as_it_is(store: ObjectStore, prefix: str, name: str) -> None:
    key = f"{prefix}{name}/x"
    etag = await store.put(key, name.encode(), content_type="text/plain", if_none_match=True)
    await store.put(key, name.encode() * 2, content_type="text/plain", if_match=etag)
    assert (await store.get(key, max_bytes=99)).body == name.encode() * 2
    assert [line.key for line in (await store.list(prefix)).objects] == [key]
    await store.delete([key, f"{key}2"])
    with pytest.raises(ObjectNotFound):
        await store.head(key)


def _file(folder: Path, size: int) -> Path:
    """A file whose every stretch is another."""
    path = folder / "file"
    path.write_bytes(b"".join(number.to_bytes(8, "big") for number in range(-(-size // 8)))[:size])
    return path


async def _put_file(store: ObjectStore, key: str, path: Path) -> str:
    return await store.put_file(key, path, content_type="video/mp4", metadata={"Name": "x"})


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


@pytest.mark.parametrize("size", [0, 1, MIN_PART_BYTES])
async def test_a_file_up_to_the_limit_has_its_md5_for_an_etag(
    store: ObjectStore, prefix: str, tmp_path: Path, size: int
) -> None:
    path = _file(tmp_path, size)
    etag = await _put_file(store, f"{prefix}small", path)
    stored = await store.get(f"{prefix}small", max_bytes=size)
    assert stored.body == path.read_bytes()
    assert etag == stored.info.etag == _md5(stored.body).hex()
    assert (stored.info.content_type, dict(stored.info.metadata)) == ("video/mp4", {"name": "x"})


@pytest.mark.parametrize("size", [MIN_PART_BYTES + 1, 3 * MIN_PART_BYTES, 3 * MIN_PART_BYTES + 1])
async def test_a_larger_file_goes_up_in_parts_that_are_equal_but_for_the_last(
    store: ObjectStore, prefix: str, tmp_path: Path, size: int
) -> None:
    path = _file(tmp_path, size)
    etag = await _put_file(store, f"{prefix}large", path)
    stored = await store.get(f"{prefix}large", max_bytes=size)
    assert stored.body == path.read_bytes()
    # The ETag of an upload in parts tells how it was cut: it is made of the parts' own.
    parts = [stored.body[at : at + MIN_PART_BYTES] for at in range(0, size, MIN_PART_BYTES)]
    assert etag == stored.info.etag == f"{_md5(b''.join(map(_md5, parts))).hex()}-{len(parts)}"
    assert (stored.info.content_type, dict(stored.info.metadata)) == ("video/mp4", {"name": "x"})


async def test_a_file_replaces_what_was_there(store: ObjectStore, prefix: str, tmp_path: Path) -> None:
    for size in (1, 2 * MIN_PART_BYTES, 3):
        await _put_file(store, f"{prefix}a", _file(tmp_path, size))
        assert (await store.head(f"{prefix}a")).size == size


async def test_a_file_that_is_not_there_puts_nothing(store: ObjectStore, prefix: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await _put_file(store, f"{prefix}none", tmp_path / "missing")
    with pytest.raises(ObjectNotFound):
        await store.head(f"{prefix}none")


def _unfinished(settings: S3Settings, key: str) -> list[str]:
    found = plain_client(settings).list_multipart_uploads(Bucket=settings.bucket)
    return [upload["Key"] for upload in found.get("Uploads", []) if upload["Key"] == key]


async def test_an_upload_whose_part_is_refused_leaves_nothing(
    server: S3Settings, prefix: str, tmp_path: Path
) -> None:
    key, path = f"{prefix}refused", _file(tmp_path, 4 * MIN_PART_BYTES)
    refused = Rule(do=Answer(403, "AccessDenied"), op="put", nth=3, count=None)
    async with fault_proxy(server, [refused]) as proxy, open_s3_store(proxy.settings) as store:
        with pytest.raises(StoreDenied):
            await _put_file(store, key, path)
    assert any(call.committed for call in proxy.seen("put", key))
    assert _unfinished(server, key) == []
    async with open_s3_store(server) as store:
        with pytest.raises(ObjectNotFound):
            await store.head(key)


async def test_an_upload_that_is_cancelled_leaves_nothing(
    server: S3Settings, prefix: str, tmp_path: Path
) -> None:
    key, path = f"{prefix}cancelled", _file(tmp_path, 4 * MIN_PART_BYTES)
    hanging = Rule(do=Delay(60), op="put", nth=3, count=None)
    async with fault_proxy(server, [hanging]) as proxy, open_s3_store(proxy.settings) as store:
        upload = asyncio.create_task(_put_file(store, key, path))
        async with asyncio.timeout(30):
            while len(proxy.seen("put", key)) < 2:  # noqa: ASYNC110 - the proxy has no events
                await asyncio.sleep(0.01)
        assert _unfinished(server, key) == [key]
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
    assert _unfinished(server, key) == []


async def test_a_broken_download_goes_on_where_it_was(
    store: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, 2 * MIN_PART_BYTES + 1)
    etag = await _put_file(store, f"{prefix}a", path)
    breaking = BreakingReads(store, [MIN_PART_BYTES, 1])
    downloaded = await _download(breaking, f"{prefix}a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    assert (downloaded.size, downloaded.etag) == (path.stat().st_size, etag)
    # A piece that was read when the stream broke may be dropped: what counts is that none is read twice.
    (start, condition), (first, first_condition), (second, second_condition) = breaking.opened
    assert (start, condition) == (0, None)
    assert 0 < first <= second <= MIN_PART_BYTES + 1
    assert first_condition == second_condition == etag


async def test_an_object_replaced_while_it_is_read_is_read_anew(
    store: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    await _put_file(store, f"{prefix}a", _file(tmp_path, 2 * MIN_PART_BYTES))

    async def replace_it(_: float) -> None:
        await store.put(f"{prefix}a", b"another", content_type="text/plain")

    breaking = BreakingReads(store, [MIN_PART_BYTES])
    await _download(breaking, f"{prefix}a", tmp_path / "copy", sleep=replace_it)
    assert (tmp_path / "copy").read_bytes() == b"another"
    assert [start > 0 for start, _ in breaking.opened] == [False, True, False]


async def _download(
    store: ObjectStore, key: str, path: Path, *, sleep: Sleep = lambda _: asyncio.sleep(0)
) -> Downloaded:
    return await download_object(store, key, path, max_bytes=10**9, sleep=sleep)
