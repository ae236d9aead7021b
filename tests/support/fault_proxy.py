"""An S3 server's bad days: a proxy on loopback that passes requests on, fails by rule and keeps a record.

The client signs for the proxy's address. Its `Host` is passed on as it came, so that a server which checks
signatures finds them right.
"""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal, Self
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from yarl import URL

from storage import keys
from storage.stores.s3_settings import S3Settings
from tests.support.s3_servers import plain_client

S3Op = Literal["head", "get", "put", "copy", "delete", "list", "other"]

_OPS: Mapping[str, S3Op] = {"GET": "get", "HEAD": "head", "PUT": "put", "DELETE": "delete"}
_CONDITIONS = frozenset({"if-match", "if-none-match"})
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}
_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_MAX_BODY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Delay:
    """Pass the request on so many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """Break the connection; the server never hears of the request."""


@dataclass(frozen=True)
class DropReply:
    """Let the request take effect and break the connection instead of answering."""


@dataclass(frozen=True)
class Truncate:
    """Announce the whole answer and break off after this share of its body."""

    share: float = 0.5


@dataclass(frozen=True)
class Answer:
    """Answer with an error of S3 instead of passing the request on."""

    status: int
    code: str


@dataclass(frozen=True)
class Replace:
    """Put another body under the key (None: remove it) before the request is passed on."""

    body: bytes | None


@dataclass(frozen=True)
class Unconditional:
    """Pass the request on without its conditions, as a store does that ignores them."""


Action = Delay | Cut | DropReply | Truncate | Answer | Replace | Unconditional

THROTTLED = Answer(429, "TooManyRequests")
SLOW_DOWN = Answer(503, "SlowDown")
BROKEN = Answer(500, "InternalError")
CONFLICT = Answer(409, "ConditionalRequestConflict")
PRECONDITION = Answer(412, "PreconditionFailed")
NOT_FOUND = Answer(404, "NoSuchKey")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Do `do` to `count` calls (None: all) from the `nth` on that are `op` on a key like the pattern `key`.

    A listing's key is its prefix, a bulk delete's its first. `chance` is the share of them that is struck.
    """

    do: Action
    op: S3Op | Literal["*"] = "*"
    key: str = "*"
    nth: int = 1
    count: int | None = 1
    chance: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it went: `status` is the server's answer, None where it was not asked.

    `body` is kept of writes to status records only; `at` is seconds of the monotonic clock.
    """

    op: S3Op
    key: str
    status: int | None
    fault: Action | None
    body: bytes
    at: float

    @property
    def committed(self) -> bool:
        """Whether the server has carried it out."""
        return self.status is not None and self.status < 300


class FaultProxy:
    """Passes requests on to `upstream`; the first rule that fits decides what else happens."""

    def __init__(self, upstream: S3Settings, *, rng: random.Random | None = None) -> None:
        self.rules: list[Rule] = []
        self.calls: list[Call] = []
        self.settings = upstream
        self._upstream = upstream
        self._rng = rng or random.Random(0)
        self._fitted: dict[int, int] = {}
        self._session: aiohttp.ClientSession | None = None

    def struck(self, action: type[Action]) -> int:
        """How many calls had this done to them."""
        return sum(isinstance(call.fault, action) for call in self.calls)

    def seen(self, op: S3Op, key: str) -> list[Call]:
        """The calls of one kind so far."""
        return [call for call in self.calls if call.op == op and fnmatchcase(call.key, key)]

    async def __aenter__(self) -> Self:
        # A connection used twice could break between two requests, and that would be a fault of our own.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), auto_decompress=False
        )
        server = web.Server(self._serve)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.settings = replace(self._upstream, endpoint_url=f"http://{host}:{port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await _read(request)
        op, key = _parsed(request, body)
        fault = self._fault(op, key)
        kept = body if op == "put" and key.startswith(keys.STATUS) else b""
        call = Call(op=op, key=key, status=None, fault=fault, body=kept, at=time.monotonic())
        match fault:
            case Cut():
                self.calls.append(call)
                return _break(request)
            case Answer():
                self.calls.append(call)
                return _refusal(fault)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Replace():
                await asyncio.to_thread(self._replace, key, fault.body)
        try:
            left_out = _CONDITIONS if isinstance(fault, Unconditional) else frozenset()
            status, headers, answer = await self._pass_on(request, body, left_out)
        except aiohttp.ClientError:
            self.calls.append(call)
            return _break(request)
        self.calls.append(replace(call, status=status))
        match fault:
            case DropReply():
                return _break(request)
            case Truncate(share):
                return await _broken_off(request, status, headers, answer, share)
        return web.Response(status=status, headers=headers, body=None if op == "head" else answer)

    def _fault(self, op: S3Op, key: str) -> Action | None:
        for number, rule in enumerate(self.rules):
            if rule.op not in {"*", op} or not fnmatchcase(key, rule.key):
                continue
            nth = self._fitted[number] = self._fitted.get(number, 0) + 1
            in_range = nth >= rule.nth and (rule.count is None or nth < rule.nth + rule.count)
            if in_range and (rule.chance >= 1 or self._rng.random() < rule.chance):
                return rule.do
        return None

    def _replace(self, key: str, body: bytes | None) -> None:
        client = plain_client(self._upstream)
        if body is None:
            client.delete_object(Bucket=self._upstream.bucket, Key=key)
        else:
            client.put_object(Bucket=self._upstream.bucket, Key=key, Body=body)

    async def _pass_on(
        self, request: web.BaseRequest, body: bytes, left_out: AbstractSet[str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            raise RuntimeError("use FaultProxy as an async context manager")
        async with self._session.request(
            request.method,
            URL(f"{self._upstream.endpoint_url}{request.raw_path}", encoded=True),
            headers=[
                (name, value) for name, value in request.headers.items() if name.lower() not in left_out
            ],
            data=body or None,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            allow_redirects=False,
        ) as answer:
            headers = {
                name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP
            }
            return answer.status, headers, await answer.read()


@asynccontextmanager
async def fault_proxy(upstream: S3Settings, rules: Sequence[Rule] = ()) -> AsyncIterator[FaultProxy]:
    """A running proxy; clients use its `settings`."""
    async with FaultProxy(upstream) as proxy:
        proxy.rules += rules
        yield proxy


async def _read(request: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=_MAX_BODY_BYTES, actual_size=len(body))
    return bytes(body)


def _parsed(request: web.BaseRequest, body: bytes) -> tuple[S3Op, str]:
    """What a request asks of which key, by path-style addresses."""
    key = unquote(request.raw_path.partition("?")[0].lstrip("/").partition("/")[2])
    if request.method == "GET" and "list-type" in request.query:
        return "list", request.query.get("prefix", "")
    if request.method == "POST" and "delete" in request.query:
        first = re.search(rb"<Key>(.*?)</Key>", body)
        return "delete", first[1].decode() if first else ""
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        return "copy", key
    return (_OPS.get(request.method, "other") if key else "other"), key


def _break(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _broken_off(
    request: web.BaseRequest, status: int, headers: Mapping[str, str], body: bytes, share: float
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: int(len(body) * share)])
    if request.transport is not None:
        request.transport.close()
    return response


def _refusal(answer: Answer) -> web.Response:
    body = f"<Error><Code>{answer.code}</Code><Message>By rule.</Message></Error>"
    return web.Response(status=answer.status, text=body, content_type="application/xml")
