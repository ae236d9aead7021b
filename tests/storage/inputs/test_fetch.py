"""Fetching inputs through the one door: every origin, every fault with its class and its reference's name."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from storage.errors import (
    InputForbidden,
    InputNotFound,
    InputTooLarge,
    InputUnavailable,
    InvalidManifest,
    StorageError,
    StoreDenied,
    StoreUnavailable,
)
from storage.inputs.arrival import HEAD_BYTES, OnBytes, SizeLimit
from storage.inputs.fetch import FetchedInput, InputFetcher, InputPolicy
from storage.inputs.spool import Spool
from storage.inputs.url_guard import UrlGuard
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.clock import VirtualTime
from tests.support.disks import CountingDisk
from tests.support.http_servers import (
    Request,
    TlsServer,
    client_context,
    in_turn,
    ranged,
    raw,
    tls_server,
    whole,
)
from tests.support.stores import BreakingReads, CountingStore, Fault, FaultStore, LatencyStore

KEY = "uploads/7f3c0d1e2b4a59687786a5b4c3d2e1f0.jpg"
FILE_ID = "7f3c0d1e2b4a59687786a5b4c3d2e1f0"
BODY = bytes(range(256)) * 300
SHA256 = hashlib.sha256(BODY).hexdigest()


async def fetch(
    store: ObjectStore,
    reference: str,
    *,
    job_folder: str | None = None,
    policy: InputPolicy | None = None,
    server: TlsServer | None = None,
    max_bytes: int | SizeLimit | None = None,
    spool: Spool | None = None,
    on_bytes: OnBytes | None = None,
) -> FetchedInput:
    async def resolve(_: str) -> list[str]:
        return ["127.0.0.1"]

    loopback = UrlGuard(
        is_allowed=lambda address: address == "127.0.0.1",
        resolve=resolve,
        ports=frozenset({server.port}) if server else frozenset({443}),
    )
    async with InputFetcher(
        store,
        policy=policy or InputPolicy(),
        guard=loopback if server else None,
        ssl_context=client_context(),
        sleep=VirtualTime().sleep,
    ) as fetcher:
        return await fetcher.fetch(
            reference, job_folder=job_folder, max_bytes=max_bytes, spool=spool, on_bytes=on_bytes
        )


async def bucket(*keys: str) -> CountingStore:
    store = MemoryStore()
    for key in keys:
        await store.put(key, BODY, content_type="image/jpeg")
    return CountingStore(store)


@pytest.mark.parametrize("reference", [KEY, f"{FILE_ID}.jpg", "inbox/holiday/target.jpg"])
async def test_a_key_costs_exactly_one_store_call(reference: str) -> None:
    store = await bucket(KEY, "inbox/holiday/target.jpg")
    fetched = await fetch(store, reference, job_folder="inbox/holiday/")
    assert (fetched.body, fetched.sha256, fetched.origin) == (BODY, SHA256, "bucket")
    assert fetched.etag == hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert store.counts == {"stream": 1}


async def test_an_upload_id_costs_one_listing_more() -> None:
    store = await bucket(KEY)
    assert (await fetch(store, FILE_ID)).body == BODY
    assert store.counts == {"list": 1, "stream": 1}


async def test_inline_and_linked_inputs_cost_no_store_call() -> None:
    store = await bucket()
    inline = await fetch(store, base64.b64encode(BODY).decode())
    async with tls_server({"/a.jpg": whole(BODY, headers={"ETag": '"v1"'})}) as server:
        linked = await fetch(store, server.url("/a.jpg"), server=server)
    assert inline == FetchedInput(body=BODY, size=len(BODY), sha256=SHA256, etag=None, origin="inline")
    assert linked == FetchedInput(body=BODY, size=len(BODY), sha256=SHA256, etag="v1", origin="url")
    assert store.calls == []


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("uploads/absent.jpg", InputNotFound, "`uploads/absent.jpg`: There is no such file in the bucket."),
        ("0" * 32, InputNotFound, f"`{'0' * 32}`: There is no upload with this id."),
        ("status/job.json", InputForbidden, "`status/job.json`: Files are read only from uploads/"),
        ("inbox/other/a.jpg", InputForbidden, "`inbox/other/a.jpg`: Files are read only from"),
        ("uploads/../a", InputForbidden, "`uploads/../a`: The key has an empty, `.` or `..` part"),
        (
            "http://example.com/a?secret",
            InputForbidden,
            "`http://example.com/a`: http: links are not read",
        ),
        (
            "https://user:secret@example.com/a?secret",
            InputForbidden,
            "`https://example.com/a`: The link contains a user name",
        ),
        (
            "https://localhost/a?secret",
            InputForbidden,
            "`https://localhost/a`: The link leads into a private",
        ),
        ("https://169.254.169.254/a", InputForbidden, "`https://169.254.169.254/a`: The link leads into"),
        (
            "data:image/png;base64,secret!",
            InvalidManifest,
            "the base64 picture: This was read as base64 of a picture, and is damaged",
        ),
        (KEY, InputTooLarge, f"`{KEY}`: The file is larger than the 0.001 MB this service accepts."),
    ],
)
async def test_a_fault_names_the_reference_as_it_was_given_without_its_secrets(
    reference: str, error: type[StorageError], message: str
) -> None:
    store = await bucket(KEY)
    with pytest.raises(error) as caught:
        await fetch(store, reference, policy=InputPolicy(max_bytes=1000))
    assert type(caught.value) is error
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("job_folder", [None, "inbox/holiday/"])
async def test_only_the_jobs_own_folder_is_open_to_it(job_folder: str | None) -> None:
    store = await bucket("inbox/other/target.jpg")
    with pytest.raises(InputForbidden):
        await fetch(store, "inbox/other/target.jpg", job_folder=job_folder)
    assert store.calls == []


async def test_wrong_credentials_stay_what_they_are() -> None:
    store = FaultStore(MemoryStore(), [Fault(op="stream", error=StoreDenied())])
    with pytest.raises(StoreDenied, match="credentials"):
        await fetch(store, KEY)


async def test_a_slow_store_is_given_up_when_the_time_is_over() -> None:
    with pytest.raises(InputUnavailable, match=r"`uploads/a\.jpg`: Nothing has arrived for 0\.05 s"):
        await fetch(
            LatencyStore(MemoryStore(), 60), "uploads/a.jpg", policy=InputPolicy(stall_timeout_s=0.05)
        )


async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_a_server_that_drips_is_given_up_when_the_time_is_over() -> None:
    async with tls_server({"/a.jpg": drip}) as server:
        with pytest.raises(InputUnavailable, match="Nothing has arrived"):
            await fetch(
                MemoryStore(),
                server.url("/a.jpg"),
                server=server,
                policy=InputPolicy(stall_timeout_s=0.3, idle_timeout_s=5),
            )
        assert server.connections == 1


async def test_a_link_that_drips_is_given_up_in_the_end() -> None:
    async with tls_server({"/a.jpg": drip}) as server:
        with pytest.raises(InputUnavailable, match=r"a\.jpg`: It has not come whole within 0\.0001 hours"):
            await fetch(
                MemoryStore(), server.url("/a.jpg"), server=server, policy=InputPolicy(link_timeout_s=0.36)
            )


async def test_a_fetch_that_is_cancelled_ends_as_cancelled() -> None:
    reached = asyncio.Event()

    async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
        del writer
        reached.set()
        await asyncio.sleep(60)

    async with tls_server({"/a.jpg": silent}) as server:
        task = asyncio.create_task(fetch(MemoryStore(), server.url("/a.jpg"), server=server))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_bytes_do_not_reach_the_logs() -> None:
    fetched = await fetch(await bucket(KEY), KEY)
    assert "body" not in repr(fetched)


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (len(BODY), BODY)
)


@asynccontextmanager
async def _origin(kind: str) -> AsyncIterator[tuple[ObjectStore, str, TlsServer | None]]:
    """A store, a reference to BODY of one kind, and the server it is on."""
    handlers = {"/a.jpg": whole(BODY, headers={"ETag": '"v1"'}), "/chunked.jpg": raw(CHUNKED)}
    async with tls_server(handlers) as server:
        references = {
            "bucket": KEY,
            "inline": base64.b64encode(BODY).decode(),
            "url": server.url("/a.jpg"),
            "chunked": server.url("/chunked.jpg"),
        }
        yield await bucket(KEY), references[kind], server if kind in {"url", "chunked"} else None


@pytest.mark.parametrize("kind", ["bucket", "inline", "url", "chunked"])
@pytest.mark.parametrize("memory_bytes", [0, 100, len(BODY) - 1, len(BODY)])
async def test_what_is_larger_than_memory_may_take_goes_to_a_file(
    tmp_path: Path, kind: str, memory_bytes: int
) -> None:
    disk = CountingDisk(tmp_path / "disk")
    async with _origin(kind) as (store, reference, server):
        fetched = await fetch(
            store, reference, server=server, spool=Spool(disk=disk, memory_bytes=memory_bytes)
        )
    in_memory = memory_bytes >= len(BODY)
    assert (fetched.body is None, fetched.path is None) == (not in_memory, in_memory)
    assert (fetched.size, fetched.sha256, fetched.read()) == (len(BODY), SHA256, BODY)
    with fetched.open() as file:
        assert file.read() == BODY
    assert disk.files == ([] if in_memory else ["input-0"])
    assert disk.held == (0 if in_memory else len(BODY))


@pytest.mark.parametrize("kind", ["bucket", "inline", "url"])
async def test_of_a_known_size_exactly_that_is_reserved_and_only_once(tmp_path: Path, kind: str) -> None:
    disk = CountingDisk(tmp_path / "disk")
    async with _origin(kind) as (store, reference, server):
        await fetch(store, reference, server=server, spool=Spool(disk=disk))
    assert disk.reserved == [len(BODY)]


@pytest.mark.parametrize("kind", ["bucket", "inline", "url", "chunked"])
async def test_the_first_bytes_decide_how_large_a_file_may_be(tmp_path: Path, kind: str) -> None:
    heads: list[bytes] = []

    def limit(head: bytes) -> int:
        heads.append(head)
        return len(BODY) - 1

    disk = CountingDisk(tmp_path / "disk")
    async with _origin(kind) as (store, reference, server):
        with pytest.raises(InputTooLarge, match=r"0\.076799 MB"):
            await fetch(store, reference, server=server, max_bytes=limit, spool=Spool(disk=disk))
        assert heads == [BODY[:HEAD_BYTES]]
        fetched = await fetch(store, reference, server=server, max_bytes=lambda head: len(BODY) + len(head))
    assert fetched.body == BODY
    assert (disk.files, disk.held) == ([], 0)


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES])
async def test_the_first_bytes_of_a_small_file_are_all_of_it(size: int) -> None:
    store = await bucket()
    await store.put(KEY, BODY[:size], content_type="image/jpeg")
    heads: list[bytes] = []

    def limit(head: bytes) -> int:
        heads.append(head)
        return size

    assert (await fetch(store, KEY, max_bytes=limit)).size == size
    assert heads == [BODY[:size]]


@pytest.mark.parametrize(
    "error", [ValueError("no"), OSError("no"), StoreUnavailable("no"), TimeoutError("no")]
)
@pytest.mark.parametrize("kind", ["bucket", "inline", "url"])
@pytest.mark.parametrize("where", ["max_bytes", "on_bytes"])
async def test_what_the_caller_raises_comes_out_as_it_is_and_at_once(
    tmp_path: Path, kind: str, where: str, error: Exception
) -> None:
    def refuse(*_: object) -> int:
        raise error

    disk = CountingDisk(tmp_path / "disk")
    async with _origin(kind) as (store, reference, server):
        with pytest.raises(type(error)) as caught:
            await fetch(store, reference, server=server, spool=Spool(disk=disk), **{where: refuse})  # type: ignore[arg-type] # fits both
        assert len(server.requests if server else []) <= 1
    assert caught.value is error
    assert (disk.files, disk.held) == ([], 0)


async def test_progress_is_told_with_the_total_where_it_is_known() -> None:
    told: list[tuple[int, int | None]] = []
    for kind in ("bucket", "chunked"):
        async with _origin(kind) as (store, reference, server):
            await fetch(store, reference, server=server, on_bytes=lambda *seen: told.append(seen))
        assert told[-1] == (len(BODY), len(BODY) if kind == "bucket" else None)
        assert [received for received, _ in told] == sorted(received for received, _ in told)
        told.clear()


async def test_a_file_goes_on_where_the_line_broke(tmp_path: Path) -> None:
    disk = CountingDisk(tmp_path / "disk")
    cut = ranged(BODY, etag="v1", cut_after=len(BODY) // 2)
    async with tls_server({"/a.jpg": in_turn(cut, ranged(BODY, etag="v1"))}) as server:
        fetched = await fetch(await bucket(), server.url("/a.jpg"), server=server, spool=Spool(disk=disk))
        assert server.requests[1].headers["range"] == f"bytes={len(BODY) // 2}-"
    assert fetched.read() == BODY
    assert (disk.files, disk.held) == (["input-0"], len(BODY))


async def test_a_fetch_that_fails_gives_everything_back(tmp_path: Path) -> None:
    disk = CountingDisk(tmp_path / "disk")
    store = BreakingReads(await bucket(KEY), [1000] * 4)
    with pytest.raises(InputUnavailable):
        await fetch(store, KEY, spool=Spool(disk=disk))
    assert disk.reserved == [len(BODY)]
    assert (disk.files, disk.held) == ([], 0)


async def test_waiting_for_the_disk_is_nobodys_silence(tmp_path: Path) -> None:
    disk = CountingDisk(tmp_path / "disk")
    disk.open.clear()
    store = await bucket(KEY)
    waiting = asyncio.create_task(
        fetch(store, KEY, spool=Spool(disk=disk), policy=InputPolicy(stall_timeout_s=0.05))
    )
    await asyncio.sleep(0.2)
    assert not waiting.done()
    disk.open.set()
    assert (await waiting).read() == BODY


async def test_a_file_that_takes_long_is_not_given_up_while_it_comes() -> None:
    part = bytes(2**20)

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 * len(part)))
        for _part in range(8):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.2)

    async with tls_server({"/a.jpg": slow}) as server:
        fetched = await fetch(
            MemoryStore(), server.url("/a.jpg"), server=server, policy=InputPolicy(stall_timeout_s=0.8)
        )
    assert fetched.size == 8 * len(part)
