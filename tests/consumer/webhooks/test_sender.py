"""Calls to the senders of jobs: on real TLS sockets, and through a consumer in this process."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.webhooks.sender import Webhooks
from consumer.webhooks.signing import read_secret, signed_headers
from storage import keys
from storage.inputs.url_guard import UrlGuard, is_public
from storage.records.status import LeaseInfo, Status
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.http_servers import (
    Handler,
    Request,
    TlsServer,
    client_context,
    in_turn,
    redirect,
    tls_server,
    whole,
)
from tests.support.jobs import announce, ended, inbox_empty, running, until, upload_pair

SECRET = bytes(range(32))
SECRET_TEXT = f"whsec_{base64.b64encode(SECRET).decode()}"
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDED = Status(
    job_id="job-1",
    status="completed",
    created_at=NOW,
    updated_at=NOW,
    finished_at=NOW,
    lease=LeaseInfo(owner="somebody", ttl_s=90),
    manifest={"source": "uploads/secret-name.png"},
)
OK, BROKEN = whole(b"thanks"), whole(b"", status="500 Internal Server Error")


def guard_for(*servers: TlsServer) -> UrlGuard:
    """A guard that lets links to these servers through, and to no other."""

    async def resolve(_: str) -> Sequence[str]:
        return ["127.0.0.1"]

    return UrlGuard(
        is_allowed=lambda address: address == "127.0.0.1" or is_public(address),
        resolve=resolve,
        ports=frozenset(server.port for server in servers),
    )


class Calls:
    """Webhooks towards a server, with no wait between tries: `waits` lists those there would have been."""

    def __init__(self, server: TlsServer, **context: Any) -> None:  # noqa: ANN401 -- as Webhooks takes it
        self.outcomes: list[str] = []
        self.waits: list[float] = []
        self.webhooks = Webhooks(
            SECRET,
            observe=self.outcomes.append,
            ssl_context=client_context(),
            **{"guard": guard_for(server), "sleep": self._sleep, "wall": lambda: 1_893_553_445.9, **context},
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@asynccontextmanager
async def calls_to(*handlers: Handler, **context: Any) -> AsyncIterator[tuple[Calls, TlsServer]]:  # noqa: ANN401 -- as Calls takes it
    async with tls_server({"/hook": in_turn(*handlers)}) as server:
        calls = Calls(server, **context)
        async with calls.webhooks:
            yield calls, server


def verify(request: Request, secret: bytes = SECRET) -> dict[str, Any]:
    """Check a call as a receiver does, by the text of the standard, and return what it says."""
    signed = b".".join(
        [request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body]
    )
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["content-type"] == "application/json"
    said: dict[str, Any] = json.loads(request.body)
    return said


async def test_a_call_carries_the_record_signed_and_nothing_of_lease_or_manifest() -> None:
    async with calls_to(OK) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await until(lambda: bool(calls.outcomes))
    assert calls.outcomes == ["delivered"]
    [request] = server.requests
    said = verify(request)
    assert (said["type"], said["timestamp"]) == ("job.completed", "2030-01-02T03:04:05.000Z")
    assert said["data"]["job_id"] == request.headers["webhook-id"] == "job-1"
    assert request.headers["webhook-timestamp"] == "1893553445"
    assert not {"lease", "manifest"} & said["data"].keys()
    assert b"secret-name" not in request.body


async def test_a_receiver_that_fails_is_asked_again_later_and_later() -> None:
    async with calls_to(BROKEN, redirect("https://files.test/else"), BROKEN, OK) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await until(lambda: bool(calls.outcomes))
    assert calls.outcomes == ["delivered"]
    assert [request.path for request in server.requests] == ["/hook"] * 4
    assert all(least <= wait <= least + 2 for least, wait in zip((2, 8, 32), calls.waits, strict=True))
    assert len({request.headers["webhook-id"] for request in server.requests}) == 1


async def test_a_receiver_that_never_answers_well_is_given_up() -> None:
    async with calls_to(BROKEN) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await until(lambda: bool(calls.outcomes))
    assert calls.outcomes == ["failed"]
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "url",
    [
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest",
        "https://files.test:22/x",
        "http://files.test/x",
    ],
)
async def test_a_link_into_a_private_network_is_never_called(url: str) -> None:
    async with calls_to(OK) as (calls, server):
        calls.webhooks.send(url, ENDED)
        await until(lambda: bool(calls.outcomes))
    assert (calls.outcomes, server.connections, calls.waits) == (["refused"], 0, [])


async def test_a_call_that_fails_unforeseen_is_an_outcome_and_its_link_is_not_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fail(_: str) -> Sequence[str]:
        raise UnicodeError("token=secret")

    async with calls_to(OK, guard=UrlGuard(resolve=fail)) as (calls, _):
        calls.webhooks.send("https://files.test/?token=secret", ENDED)
        await until(lambda: bool(calls.outcomes))
    assert calls.outcomes == ["failed"]
    told = "".join(capsys.readouterr())
    assert "UnicodeError" in told
    assert "secret" not in told


async def test_a_name_that_resolves_into_a_private_network_is_never_called() -> None:
    async def resolve(_: str) -> Sequence[str]:
        return ["127.0.0.1"]

    async with tls_server({"/hook": OK}) as server:
        calls = Calls(server, guard=UrlGuard(resolve=resolve, ports=frozenset({server.port})))
        async with calls.webhooks:
            calls.webhooks.send(server.url("/hook"), ENDED)
            await until(lambda: bool(calls.outcomes))
    assert (calls.outcomes, server.connections) == (["refused"], 0)


async def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    async with calls_to(whole(b"", status="410 Gone")) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await until(lambda: bool(calls.outcomes))
    assert (calls.outcomes, len(server.requests)) == (["refused"], 1)


async def test_the_end_gives_waiting_calls_one_last_try() -> None:
    waits, never = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        waits.set()
        await never.wait()

    async with calls_to(BROKEN, OK, sleep=sleep) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await waits.wait()
    assert (calls.outcomes, len(server.requests)) == (["delivered"], 2)


async def test_a_receiver_that_hangs_holds_up_neither_the_sender_nor_for_ever_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.webhooks.sender._CLOSE_GRACE_S", 0.1)
    asked = asyncio.Event()

    async def hang(_: Request, __: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(60)

    async with calls_to(hang) as (calls, server):
        calls.webhooks.send(server.url("/hook"), ENDED)
        await asked.wait()
    assert calls.outcomes == ["dropped"]


async def test_calls_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.webhooks.sender._MOST_PENDING", 2)
    async with calls_to(OK) as (calls, server):
        for _ in range(3):
            calls.webhooks.send(server.url("/hook"), ENDED)
        await until(lambda: len(calls.outcomes) == 3)
    assert calls.outcomes == ["dropped", "delivered", "delivered"]


async def test_a_receiver_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.webhooks.sender._MOST_PENDING_TO_ONE", 9)
    monkeypatch.setattr("consumer.webhooks.sender._CLOSE_GRACE_S", 0.1)

    async def hang(_: Request, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with tls_server({"/hook": hang}) as hanging, tls_server({"/hook": OK}) as server:
        calls = Calls(server, guard=guard_for(server, hanging))
        async with calls.webhooks as webhooks:
            for _ in range(10):
                webhooks.send(hanging.url("/hook", "other.test"), ENDED)
            webhooks.send(server.url("/hook"), ENDED)
            await until(lambda: len(calls.outcomes) == 2)
            assert len(hanging.requests) <= 4  # the others have not even been asked
    assert calls.outcomes == ["dropped", "delivered", *["dropped"] * 9]


async def test_each_way_a_job_ends_is_told_to_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    async with tls_server({"/hook": OK}) as server:
        wired = partial(Webhooks, guard=guard_for(server), ssl_context=client_context())
        monkeypatch.setattr("consumer.webhooks.opening.Webhooks", wired)
        pair = {**await upload_pair(store), "callback_url": server.url("/hook")}
        await announce(store, {**pair, "job_id": "good"})
        await announce(store, {**pair, "job_id": "bad", "source": "uploads/missing.png"})
        await store.put(keys.cancel("called-off"), b"", content_type="text/plain")
        await announce(store, {**pair, "job_id": "called-off"})
        before = Status(
            job_id="earlier", status="completed", created_at=NOW, updated_at=NOW, finished_at=NOW
        )  # its owner died before it could call and clean up
        await store.put(keys.status("earlier"), before.to_bytes(), content_type="application/json")
        await announce(store, {**pair, "job_id": "earlier"})
        async with running(store, FlatEngine(), webhook_secret=SECRET_TEXT):
            await ended(store, "good")
            await inbox_empty(store)
    told = {said["data"]["job_id"]: said["type"] for said in map(verify, server.requests)}
    assert told == {
        "good": "job.completed",
        "bad": "job.failed",
        "called-off": "job.cancelled",
        "earlier": "job.completed",
    }


async def test_a_sender_is_told_why_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    async with tls_server({"/hook": OK}) as server:
        monkeypatch.setattr("consumer.webhooks.opening.Webhooks", partial(Webhooks, guard=guard_for(server)))
        pair, inner = await upload_pair(store), f"https://10.0.0.1:{server.port}/hook"
        await announce(store, {**pair, "job_id": "inward", "callback_url": inner})
        await announce(store, {**pair, "job_id": "outward", "callback_url": server.url("/hook")})
        async with running(store, FlatEngine(), webhook_secret=SECRET_TEXT):
            inward, outward = await ended(store, "inward"), await ended(store, "outward")
            await inbox_empty(store)
    await announce(store, {**pair, "job_id": "unsigned", "callback_url": "https://files.test/hook"})
    async with running(store, FlatEngine()):
        unsigned = await ended(store, "unsigned")
        await inbox_empty(store)
    told = [
        [warning.message for warning in status.warnings if warning.code == "field_ignored"]
        for status in (inward, outward, unsigned)
    ]
    assert told == [
        ["`callback_url` is not called: The link leads into a private or reserved network."],
        [],
        ["`callback_url` is not called: this service makes no calls."],
    ]


@given(secret=st.binary(min_size=24, max_size=64))
def test_a_secret_is_read_back_as_it_was_written(secret: bytes) -> None:
    assert read_secret(f"whsec_{base64.b64encode(secret).decode()}") == secret


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", f"whsec_{'A' * 200}"])
def test_a_secret_that_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ and") as refused:
        read_secret(text)
    assert len(text) < 8 or text not in str(refused.value)


def test_the_signature_is_that_of_the_standard() -> None:
    # The worked example of the standard's own reference libraries.
    headers = signed_headers(
        read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        call_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        sent_at=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
