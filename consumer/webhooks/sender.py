"""Telling a job's sender that it has ended: a signed POST to the `callback_url` of its manifest.

Signed as https://www.standardwebhooks.com describes, for which receivers find libraries. A call is a hint,
as every event here is: it is repeated while its receiver fails, may come twice, and is lost with the
process that was about to make it. The status record is the truth.
"""

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Self
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import aiohttp
import structlog
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_result,
    wait_exponential,
    wait_random,
)

from consumer.webhooks.signing import signed_headers
from storage.errors import InputForbidden
from storage.inputs.url_guard import PinnedResolver, UrlGuard, parse_url
from storage.records.status import Status

_TRIES = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S, _JITTER_S = 2.0, 120.0, 2.0  # 2, 8, 32, 120, 120: about five minutes
_TIMEOUT_S = 10.0
_AT_ONCE, _AT_ONCE_TO_ONE = 8, 4
_MOST_PENDING, _MOST_PENDING_TO_ONE = 1000, 500  # a receiver that is down must fill neither memory nor line
_CLOSE_GRACE_S = 5.0

_log = structlog.get_logger()


class Delivery(Enum):
    """How a call ended."""

    DELIVERED = "delivered"  # the receiver answered with a 2xx
    FAILED = "failed"  # it did not, as often as it was asked
    REFUSED = "refused"  # the link may not be called, or the receiver wants no more (410)
    DROPPED = "dropped"  # too many calls were waiting, or the process ended first


class Webhooks:
    """Makes the calls of one consumer, beside its jobs.

    An async context manager; at its end, calls that wait for another try get a last one at once, within a
    few seconds. `secret` is as `consumer.webhooks.signing.read_secret` returns it; `observe` is told how
    each call ended; `guard` decides where calls may go.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        observe: Callable[[str], None],
        guard: UrlGuard | None = None,
        ssl_context: ssl.SSLContext | None = None,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._secret = secret
        self._observe = observe
        self._guard = guard or UrlGuard()
        self._ssl_context = ssl_context
        self._wall = wall
        self._sleep = sleep
        self._calls: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._slots_to = WeakValueDictionary[str, asyncio.Semaphore]()  # by host, as long as one is called
        self._pending_to = Counter[str]()
        self._closing = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=PinnedResolver(self._guard),
                use_dns_cache=False,
                ssl=self._ssl_context or ssl.create_default_context(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": f"swapdrop/{version('swapdrop')}", "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._calls:
            await asyncio.wait(self._calls, timeout=_CLOSE_GRACE_S)
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def objection(self, url: str) -> str | None:
        """Say why a link would not be called, None if it would; what its name resolves to is seen later."""
        try:
            self._guard.check(parse_url(url))
        except InputForbidden as refused:
            return str(refused)
        return None

    def send(self, url: str, status: Status) -> None:
        """Tell `url` of a job that has ended; returns at once and never raises."""
        host = _host(url)
        if len(self._calls) >= _MOST_PENDING or self._pending_to[host] >= _MOST_PENDING_TO_ONE:
            self._ended(status.job_id, Delivery.DROPPED, "too many calls are waiting")
            return
        slots = self._slots_to.setdefault(host, asyncio.Semaphore(_AT_ONCE_TO_ONE))
        call = asyncio.create_task(self._deliver(url, slots, status.job_id, call_body(status)))
        self._calls.add(call)
        self._pending_to[host] += 1
        call.add_done_callback(partial(self._forget, host))

    def _forget(self, host: str, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._pending_to -= Counter([host])  # which drops what is none

    async def _deliver(self, url: str, slots: asyncio.Semaphore, job_id: str, body: bytes) -> None:
        trying = AsyncRetrying(
            stop=lambda state: state.attempt_number >= _TRIES or self._closing.is_set(),
            wait=wait_exponential(multiplier=_FIRST_WAIT_S, exp_base=4, max=_LONGEST_WAIT_S)
            + wait_random(0, _JITTER_S),
            retry=retry_if_result(lambda answer: answer is not None),
            sleep=self._pause,
        )
        try:
            await trying(self._call, url, slots, job_id, body)
        except InputForbidden as refused:
            self._ended(job_id, Delivery.REFUSED, str(refused))
        except RetryError as failed:
            self._ended(job_id, Delivery.FAILED, failed.last_attempt.result())
        except asyncio.CancelledError:
            self._ended(job_id, Delivery.DROPPED, "the consumer ended first")
            raise
        except Exception as unforeseen:  # noqa: BLE001 -- told by its kind only: its text may repeat the link
            self._ended(job_id, Delivery.FAILED, type(unforeseen).__name__)
        else:
            self._ended(job_id, Delivery.DELIVERED, None)

    async def _call(self, url: str, slots: asyncio.Semaphore, job_id: str, body: bytes) -> str | None:
        """Make one call; returns None when it arrived, else why it should be tried again.

        Raises InputForbidden where trying again is of no use.
        """
        if self._session is None:
            raise RuntimeError("use Webhooks as an async context manager")
        target = parse_url(url)
        self._guard.check(target)
        headers = signed_headers(self._secret, call_id=job_id, sent_at=int(self._wall()), body=body)
        try:
            async with (
                slots,
                self._slots,
                self._session.post(target, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status == HTTPStatus.GONE:
                    raise InputForbidden("The receiver wants no more calls (410).")
                return (
                    None
                    if answer.ok and answer.status < HTTPStatus.MULTIPLE_CHOICES
                    else f"answered {answer.status}"
                )
        except TimeoutError:
            return "did not answer in time"
        except (aiohttp.ClientError, OSError) as error:
            return type(error).__name__  # the client's own texts repeat the link with its secrets

    async def _pause(self, seconds: float) -> None:
        """Sleep, but no longer than until the end."""
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({sleeping, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            closing.cancel()

    def _ended(self, job_id: str, delivery: Delivery, reason: str | None) -> None:
        self._observe(delivery.value)
        log = _log.info if delivery is Delivery.DELIVERED else _log.warning
        log("webhook", job_id=job_id, delivery=delivery.value, reason=reason)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # it will be refused
        return ""


def call_body(status: Status) -> bytes:
    """What a receiver is told: the status record less what is the service's own (lease, manifest)."""
    record = status.model_dump(mode="json", exclude={"lease", "manifest"})
    moment = record["finished_at"] or record["updated_at"]
    return json.dumps({"type": f"job.{status.status}", "timestamp": moment, "data": record}).encode()
