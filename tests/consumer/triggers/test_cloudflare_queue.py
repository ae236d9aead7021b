"""Cloudflare's queues in particular: the wire, refusals, secrets, and what a job costs."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from consumer.triggers.cloudflare_queue import CloudflareQueue, open_cloudflare_queue
from consumer.triggers.queue_port import QueueUnavailable
from storage import keys
from storage.stores.memory_store import MemoryStore
from tests.support.cloudflare_queue import READ_ONLY_TOKEN, TOKEN, FakeCloudflareQueue, cloudflare_queue
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, inbox_empty, running, until
from tests.support.stores import CountingStore
from tests.support.trigger_rigs import BUCKET


@asynccontextmanager
async def opened(
    fake: FakeCloudflareQueue, *, token: str = TOKEN, url: str = ""
) -> AsyncIterator[CloudflareQueue]:
    async with open_cloudflare_queue(
        url or fake.url, token=SecretStr(token), min_poll_s=0.01, max_poll_s=0.05
    ) as queue:
        yield queue


async def test_bodies_of_all_three_content_types_come_through() -> None:
    async with cloudflare_queue() as fake, opened(fake) as queue:
        fake.send({"a": 1}, "json")
        fake.send("inbox/x.json", "text")
        fake.send(b"\x00\xff", "bytes")
        taken = await queue.receive(most=100, wait_s=0, hold_s=30)
    encoded = [base64.b64encode(raw).decode() for raw in (b'{"a": 1}', b"\x00\xff")]
    assert [message.body for message in taken] == [encoded[0], "inbox/x.json", encoded[1]]


@pytest.mark.parametrize(
    ("token", "url_end", "told"),
    [
        ("wrong", "", r"refused the token \(HTTP 401, 10000\); check SWAPDROP_QUEUE_TOKEN"),
        (READ_ONLY_TOKEN, "", r"refused the token \(HTTP 403, 10000\)"),
        (TOKEN, "00", r"knows no such queue \(HTTP 404, 11000\)"),
    ],
)
async def test_a_refusal_says_what_to_check_and_never_the_token(token: str, url_end: str, told: str) -> None:
    async with cloudflare_queue() as fake, opened(fake, token=token, url=fake.url + url_end) as queue:
        with pytest.raises(QueueUnavailable, match=told) as caught:
            await queue.receive(most=1, wait_s=0, hold_s=30)
    assert token not in str(caught.value)


async def test_a_throttled_account_waits_as_long_as_it_is_told() -> None:
    async with cloudflare_queue() as fake, opened(fake) as queue:
        for status, headers, wait_s in ((429, {"Retry-After": "7"}, 7), (429, {"Retry-After": "99999"}, 300)):
            fake.failures = [(status, headers)]
            with pytest.raises(QueueUnavailable, match=f"HTTP {status}") as caught:
                await queue.receive(most=1, wait_s=0, hold_s=30)
            assert caught.value.retry_after_s == wait_s
        fake.failures = [(503, {})]
        with pytest.raises(QueueUnavailable, match="HTTP 503"):
            await queue.receive(most=1, wait_s=0, hold_s=30)


async def test_a_message_put_back_comes_after_its_delay_in_whole_seconds() -> None:
    async with cloudflare_queue() as fake, opened(fake) as queue:
        fake.send({"a": 1})
        for delay_s in (0, 0.2, 10**9):
            [message] = await queue.receive(most=1, wait_s=5, hold_s=30)
            await queue.put_back(message, delay_s)
    assert fake.delays_s == [0, 1, 43_200]


async def test_a_job_by_a_cloudflare_queue_is_acknowledged_once_it_is_claimed() -> None:
    inner = MemoryStore()
    store = CountingStore(inner)
    async with cloudflare_queue() as fake:
        settings = {"bucket": BUCKET, "queue": fake.url, "queue_token": TOKEN, "sweep_s": 3600}
        async with running(store, FlatEngine(), **settings):
            await until(lambda: bool(store.calls and fake.calls["pull"]))
            job = await drop_job(inner)
            fake.send({"action": "PutObject", "bucket": BUCKET, "object": {"key": keys.manifest(job)}})
            await ended(inner, job)
            await inbox_empty(inner)
        assert fake.messages == {}
        assert fake.calls["ack"] == 1
    assert store.calls[:2] == [("list", keys.INBOX), ("list", keys.manifest(job))]
    assert len(store.calls) == 12


async def test_a_wrong_token_makes_the_consumer_degraded_while_the_inbox_goes_on() -> None:
    store = MemoryStore()
    async with cloudflare_queue() as fake:
        settings = {"bucket": BUCKET, "queue": fake.url, "queue_token": "wrong", "sweep_s": 0.05}
        async with running(store, FlatEngine(), **settings) as consumer:
            assert (await ended(store, await drop_job(store))).status == "completed"
            assert consumer.health().status == "degraded"
            assert "refused the token" in consumer.health().message
