"""Fetching inputs through the one door: every origin, every fault with its class and its reference's name."""

import asyncio
import base64
import hashlib

import pytest

from storage.errors import (
    InputForbidden,
    InputNotFound,
    InputTooLarge,
    InputUnavailable,
    InvalidManifest,
    StorageError,
    StoreDenied,
)
from storage.inputs.fetch import FetchedInput, InputFetcher, InputPolicy
from storage.inputs.url_guard import UrlGuard
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.clock import VirtualTime
from tests.support.http_servers import Request, TlsServer, client_context, tls_server, whole
from tests.support.stores import CountingStore, Fault, FaultStore, LatencyStore

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
        return await fetcher.fetch(reference, job_folder=job_folder)


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
    assert inline == FetchedInput(body=BODY, sha256=SHA256, etag=None, origin="inline")
    assert linked == FetchedInput(body=BODY, sha256=SHA256, etag="v1", origin="url")
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
        ("data:image/png;base64,secret!", InvalidManifest, "the base64 picture: The base64 is damaged"),
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
    with pytest.raises(InputUnavailable, match=r"`uploads/a\.jpg`: The file did not arrive within 0\.05 s"):
        await fetch(
            LatencyStore(MemoryStore(), 60), "uploads/a.jpg", policy=InputPolicy(total_timeout_s=0.05)
        )


async def test_a_server_that_drips_is_given_up_when_the_time_is_over() -> None:
    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with tls_server({"/a.jpg": drip}) as server:
        with pytest.raises(InputUnavailable, match="did not arrive within"):
            await fetch(
                MemoryStore(),
                server.url("/a.jpg"),
                server=server,
                policy=InputPolicy(total_timeout_s=0.3, idle_timeout_s=5),
            )
        assert server.connections == 1


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
