"""Cloudflare Queues by HTTP pull.

The API has no long poll, and a lease on a message cannot be extended, so a message is acknowledged once
its job is durably claimed. Source: "Pull consumers" in Cloudflare's Queues documentation.
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from consumer.triggers.queue_port import Message, QueueUnavailable

_MOST_MESSAGES: Final = 100
_LONGEST_DELAY_S: Final = 12 * 3600
_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_MOST_BYTES: Final = 32 * 2**20  # a hundred messages of 128 KB each in base64, and room to spare
_BACKOFF = 1.6
_GIVE_BACK_S = 5.0
_LONGEST_PAUSE_S = 300.0  # the window over which Cloudflare counts an account's requests
_OK, _UNAUTHORISED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Pulled(_Model):
    lease_id: str
    body: Any = ""


class _Pull(_Model):
    messages: tuple[_Pulled, ...] = ()


class CloudflareQueue:
    """The queue at `url` in Cloudflare's API.

    `min_poll_s` and `max_poll_s` are the pauses between looks while there are no messages.
    """

    acks_at_claim = True

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        token: SecretStr,
        min_poll_s: float,
        max_poll_s: float,
    ) -> None:
        self.name = url.rpartition("/")[2]
        self._session = session
        self._url = f"{url}/messages"
        self._token = token
        self._min_poll_s = min_poll_s
        self._max_poll_s = max_poll_s
        self._pause_s = min_poll_s

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:
        """Take up to `most` messages, a hundred at most; looks ever more seldom while there are none."""
        request = {
            "batch_size": min(most, _MOST_MESSAGES),
            "visibility_timeout_ms": round(min(hold_s, _LONGEST_DELAY_S) * 1000),
        }
        give_up_at = time.monotonic() + wait_s
        while True:
            messages = await self._pull(request)
            left_s = give_up_at - time.monotonic()
            if messages or left_s <= 0:
                self._pause_s = self._min_poll_s if messages else self._pause_s
                return messages
            await asyncio.sleep(min(self._pause_s, left_s))
            self._pause_s = min(self._pause_s * _BACKOFF, self._max_poll_s)

    async def _pull(self, request: Mapping[str, object]) -> list[Message]:
        """Pull once; cancelled meanwhile, give back what comes, which would else be out of sight for long."""
        pulling = asyncio.ensure_future(self._post("pull", request))
        try:
            return _messages(await asyncio.shield(pulling))
        except asyncio.CancelledError:
            with suppress(QueueUnavailable, TimeoutError):
                async with asyncio.timeout(_GIVE_BACK_S):
                    for message in _messages(await pulling):
                        await self.put_back(message, 0)
            raise

    async def ack(self, message: Message) -> None:
        """Remove a message."""
        await self._post("ack", {"acks": [{"lease_id": message.receipt}], "retries": []})

    async def put_back(self, message: Message, delay_s: float) -> None:
        """Let a message be delivered again after `delay_s`, twelve hours at most."""
        delay = math.ceil(max(0, min(delay_s, _LONGEST_DELAY_S)))
        retry = {"lease_id": message.receipt, "delay_seconds": delay}
        await self._post("ack", {"acks": [], "retries": [retry]})

    async def hold(self, message: Message, hold_s: float) -> None:
        """Nothing to do: the API cannot, and needs not, because the message is gone since the claim."""

    async def _post(self, verb: str, body: Mapping[str, object]) -> object:
        """Send one request and return its `result`; raises QueueUnavailable."""
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        try:
            async with self._session.post(
                f"{self._url}/{verb}", json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                raw = await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise QueueUnavailable(f"Cloudflare's queue did not answer ({type(error).__name__}).") from error
        document = _document(raw)
        if answer.status != _OK or document.get("success") is not True:
            raise _refusal(answer, document)
        return document.get("result")


@asynccontextmanager
async def open_cloudflare_queue(
    url: str, *, token: SecretStr, min_poll_s: float, max_poll_s: float
) -> AsyncIterator[CloudflareQueue]:
    """Open the queue at `url` in Cloudflare's API; the token must be able to read and write it."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield CloudflareQueue(session, url=url, token=token, min_poll_s=min_poll_s, max_poll_s=max_poll_s)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        raw += chunk
        if len(raw) > _MOST_BYTES:
            raise QueueUnavailable("Cloudflare's queue sent an answer too large to be one.")
    return bytes(raw)


def _document(raw: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _messages(result: object) -> list[Message]:
    """Messages of a pull; a body that came as JSON instead of text is put into text again."""
    try:
        pulled = _Pull.model_validate(result or {})
    except ValidationError as error:
        raise QueueUnavailable("Cloudflare's queue sent an answer of an unknown shape.") from error
    return [
        Message(
            receipt=each.lease_id, body=each.body if isinstance(each.body, str) else json.dumps(each.body)
        )
        for each in pulled.messages
    ]


def _refusal(answer: aiohttp.ClientResponse, document: Mapping[str, object]) -> QueueUnavailable:
    """Why a request was refused, by the HTTP status and the API's own error codes."""
    errors = document.get("errors")
    codes = (
        [str(each.get("code")) for each in errors if isinstance(each, dict)]
        if isinstance(errors, list)
        else []
    )
    shown = ", ".join([f"HTTP {answer.status}", *codes[:3]])
    if answer.status in {_UNAUTHORISED, _FORBIDDEN}:
        return QueueUnavailable(
            f"Cloudflare's queue refused the token ({shown}); check SWAPDROP_QUEUE_TOKEN and that it has the "
            "permission Queues Edit in this account."
        )
    if answer.status == _NOT_FOUND:
        return QueueUnavailable(
            f"Cloudflare knows no such queue ({shown}); check the account and queue id in SWAPDROP_QUEUE."
        )
    wait = answer.headers.get("Retry-After", "")
    wait_s = min(float(wait), _LONGEST_PAUSE_S) if wait.isdecimal() else 0.0
    return QueueUnavailable(f"Cloudflare's queue refused a request ({shown}).", retry_after_s=wait_s)
